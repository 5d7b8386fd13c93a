-- heavy_sums: a list mapped over a pool of processes, each of which has a core to itself; and what a crash costs.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local function sum_of_squares(n)
  local sum = 0
  for i = 1, n - 1 do sum = sum + i * i end
  return sum
end

-- Heavier: the compiler cannot leave out what it does.
local function join_numbers(n)
  local parts = {}
  for i = 1, n do parts[#parts + 1] = tostring(i % 977) end
  return #table.concat(parts)
end

local function compare(fn, list)
  local began = time.perf_counter()
  for _, n in ipairs(list) do fn(n) end
  local serial = time.perf_counter() - began
  async.with(async.ProcessPoolExecutor(3), function(pool)
    await(pool:submit(type, nil)) -- the first call starts a process
    began = time.perf_counter()
    for result, i in pool:map(fn, list) do print(("%d: %d -> %.0f"):format(i, list[i], result)) end
    print(("one after the other %.2f s, in processes %.2f s"):format(serial, time.perf_counter() - began))
  end)
end

compare(sum_of_squares, {10000000, 10000000, 10000000, 10000000})
compare(join_numbers, {6000000, 6000000, 6000000})

async.with(async.ProcessPoolExecutor(1), function(pool)
  local ok, err = pcall(await, pool:submit(os.exit, 3))
  print(ok, async.isinstance(err, async.BrokenExecutor))
  print("and the next call: " .. await(pool:submit(sum_of_squares, 10)))
end)
