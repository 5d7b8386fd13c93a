-- lacuna.lua zero|random N
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local mode, n = arg[1], tonumber(arg[2])
local started, started_cpu = time.perf_counter(), os.clock()
local sleep, random, sleeps = async.sleep, math.random, {}
if mode == "zero" then
  for i = 1, n do sleeps[i] = sleep(0) end
else
  for i = 1, n do sleeps[i] = sleep(random()) end
end
await(async.gather(sleeps))
print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
