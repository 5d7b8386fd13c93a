-- lacuna.lua N
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local n = tonumber(arg[1])
local double = async(function(x) return 2 * x end)
local started, started_cpu, sum = time.perf_counter(), os.clock(), 0
for i = 1, n do sum = sum + await(double(i)) end
assert(sum == n * (n + 1))
print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
