-- lacuna.lua thread|process one|many|megabyte N
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local Executor = arg[1] == "thread" and async.ThreadPoolExecutor or async.ProcessPoolExecutor
local mode, n = arg[2], tonumber(arg[3])

local function empty() end
local function give_back(text) return text end

local run = {}

function run.one(pool)
  for _ = 1, n do await(pool:submit(empty)) end
end

function run.many(pool)
  local futures = {}
  for i = 1, n do futures[i] = pool:submit(empty) end
  await(async.gather(futures))
end

function run.megabyte(pool)
  local text = ("x"):rep(1024 * 1024)
  for _ = 1, n do assert(#await(pool:submit(give_back, text)) == #text) end
end

async.with(Executor(2), function(pool)
  await(async.gather(pool:submit(time.sleep, 0.01), pool:submit(time.sleep, 0.01))) -- both workers are there
  local started, started_cpu = time.perf_counter(), os.clock()
  run[mode](pool)
  print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
end)
