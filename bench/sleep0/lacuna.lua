-- lacuna.lua N
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local n = tonumber(arg[1])
local started, started_cpu = time.perf_counter(), os.clock()
for _ = 1, n do await(async.sleep(0)) end
print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
