-- cqueues.lua zero|random N
local cqueues = require "cqueues"

local mode, n = arg[1], tonumber(arg[2])
local started, started_cpu = cqueues.monotime(), os.clock()
local controller, results = cqueues.new(), {}
for i = 1, n do
  controller:wrap(function()
    cqueues.sleep(mode == "zero" and 0 or math.random())
    results[i] = true
  end)
end
assert(controller:loop())
assert(#results == n)
print(("wall_s %f\ncpu_s %f"):format(cqueues.monotime() - started, os.clock() - started_cpu))
