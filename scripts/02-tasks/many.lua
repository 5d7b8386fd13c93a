-- many: a thousand tasks that wait a second each take a second together.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local wait = async(function(i)
  await(async.sleep(1))
  return i
end)

local began, tasks = time.time(), {}
for i = 1, 1000 do tasks[i] = wait(i) end
local results = await(async.gather(tasks))
print(("%d tasks, the last is %d: %.0f s"):format(results.n, results[results.n], time.time() - began))
