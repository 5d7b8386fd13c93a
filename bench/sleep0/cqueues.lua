-- cqueues.lua N
local cqueues = require "cqueues"

local n = tonumber(arg[1])
local controller = cqueues.new()
controller:wrap(function()
  for _ = 1, n do cqueues.sleep(0) end
end)
local started, started_cpu = cqueues.monotime(), os.clock()
assert(controller:loop())
print(("wall_s %f\ncpu_s %f"):format(cqueues.monotime() - started, os.clock() - started_cpu))
