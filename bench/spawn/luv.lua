-- luv.lua zero|random N: a timer and a coroutine each.
local uv = require "luv"

local mode, n = arg[1], tonumber(arg[2])
local started, started_cpu = uv.hrtime(), os.clock()
local results = {}

local function sleep(duration_ms)
  local thread, timer = coroutine.running(), uv.new_timer()
  timer:start(duration_ms, 0, function()
    timer:close()
    coroutine.resume(thread)
  end)
  coroutine.yield()
end

for i = 1, n do
  coroutine.resume(coroutine.create(function()
    sleep(mode == "zero" and 0 or math.floor(math.random() * 1000))
    results[i] = true
  end))
end
uv.run()
assert(#results == n)
print(("wall_s %f\ncpu_s %f"):format((uv.hrtime() - started) / 1e9, os.clock() - started_cpu))
