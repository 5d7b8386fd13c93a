-- pools: the same blocking work in a pool of threads and in a pool of processes, with run_in_executor.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local function blocking_read(name)
  time.sleep(0.5)
  return name .. " is read"
end

local function run_in(executor)
  local loop, began = async.get_running_loop(), time.perf_counter()
  local futures = {}
  for i, name in ipairs {"first", "second", "third"} do
    futures[i] = loop:run_in_executor(executor, blocking_read, name)
  end
  print(table.concat(await(async.gather(futures)), ", "))
  print(("%s: %.1f s instead of 1.5 s"):format(executor, time.perf_counter() - began))
end

async.with(async.ThreadPoolExecutor(3), run_in)
async.with(async.ProcessPoolExecutor(3), run_in)
