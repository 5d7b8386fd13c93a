-- luv.lua N: a coroutine that waits for a timer of its own, N times.
local uv = require "luv"

local n = tonumber(arg[1])
local timer = uv.new_timer()
local started, started_cpu = uv.hrtime(), os.clock()
local waiting = coroutine.create(function()
  local thread = coroutine.running()
  local function wake() coroutine.resume(thread) end
  for _ = 1, n do
    timer:start(0, 0, wake)
    coroutine.yield()
  end
  timer:close()
end)
assert(coroutine.resume(waiting))
uv.run()
assert(coroutine.status(waiting) == "dead")
print(("wall_s %f\ncpu_s %f"):format((uv.hrtime() - started) / 1e9, os.clock() - started_cpu))
