-- lacuna.lua WAITING WORKERS SECONDS: the longest gap between two ticks of a 1 ms ticker while others wait and work.
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local waiting, workers, seconds = tonumber(arg[1]), tonumber(arg[2]), tonumber(arg[3])
local stop, steps = async.Event(), 0

local wait = async(function() await(stop:wait()) end)

local work = async(function()
  local kept = {}
  while not stop:is_set() do
    for i = 1, 20 do kept[i] = {number = i, text = "item " .. i} end
    steps = steps + #kept / 20
    await(async.sleep(0))
  end
end)

local tasks = {}
for i = 1, waiting do tasks[i] = async.create_task(wait()) end
for i = 1, workers do tasks[waiting + i] = async.create_task(work()) end
await(async.sleep(0.5))
local ends = time.perf_counter() + seconds
local before, before_cpu, longest, longest_cpu = time.perf_counter(), os.clock(), 0, 0
while before < ends do
  await(async.sleep(0.001))
  local now, cpu = time.perf_counter(), os.clock()
  longest, longest_cpu = math.max(longest, now - before), math.max(longest_cpu, cpu - before_cpu)
  before, before_cpu = now, cpu
end
stop:set()
await(async.gather(tasks))
print(("longest_gap_ms %f\nlongest_gap_cpu_ms %f\nsteps %d"):format(longest * 1e3, longest_cpu * 1e3, steps))
