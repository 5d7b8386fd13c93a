-- lacuna.lua gather|taskgroup|timeout N
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local mode, n = arg[1], tonumber(arg[2])
local sleep, gather, with = async.sleep, async.gather, async.with
local rounds = {}

function rounds.gather()
  for _ = 1, n do await(gather(sleep(0), sleep(0), sleep(0))) end
end

function rounds.taskgroup()
  for _ = 1, n do
    with(async.TaskGroup(), function(group)
      for _ = 1, 3 do group:create_task(sleep(0)) end
    end)
  end
end

function rounds.timeout()
  for _ = 1, n do
    with(async.timeout(10), function() await(sleep(0)) end)
  end
end

local started, started_cpu = time.perf_counter(), os.clock()
rounds[mode]()
print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
