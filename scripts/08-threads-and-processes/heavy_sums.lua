-- heavy_sums: heavy sums in a pool of processes, each of which has a core to itself; and what a crash costs.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local COUNT = 10000000

-- 0² + 1² + 2² + …; with the remainder at each step no number grows too large to be exact.
local function sum_of_squares(count)
  local sum = 0
  for i = 0, count - 1 do sum = (sum + i * i) % 1000000007 end
  return sum
end

local function compare(sums, in_processes)
  local began = time.perf_counter()
  for _ = 1, sums do sum_of_squares(COUNT) end
  local serial = time.perf_counter() - began
  began = time.perf_counter()
  in_processes()
  print(("%d sums one after the other %.2f s, in processes %.2f s"):format(
    sums, serial, time.perf_counter() - began))
end

-- A list, whose results come in its order.
async.with(async.ProcessPoolExecutor(3), function(pool)
  compare(3, function()
    for sum, i in pool:map(sum_of_squares, {COUNT, COUNT, COUNT}) do print(("sum %d: %d"):format(i, sum)) end
  end)
end)

-- Single calls, gathered, in as many processes as there are cores.
async.with(async.ProcessPoolExecutor(), function(pool)
  compare(4, function()
    local loop, calls = async.get_running_loop(), {}
    for i = 1, 4 do calls[i] = loop:run_in_executor(pool, sum_of_squares, COUNT) end
    print("sums: " .. table.concat(await(async.gather(calls)), ", "))
  end)
end)

-- A process that ends breaks the call it was at, and no other: another takes its place.
async.with(async.ProcessPoolExecutor(1), function(pool)
  print(pcall(await, pool:submit(os.exit, 3)))
  print("the next call: " .. await(pool:submit(sum_of_squares, 10)))
end)
