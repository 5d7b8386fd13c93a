-- as_completed: five tasks, each result as soon as it is there.

local async = require "lacuna"
local await = async.await

local SECONDS = {3, 1, 4, 2, 5}

local race = async(function(runner, seconds)
  await(async.sleep(seconds))
  return ("runner %d after %d s"):format(runner, seconds)
end)

local tasks = {}
for runner, seconds in ipairs(SECONDS) do tasks[runner] = async.create_task(race(runner, seconds)) end

for finished in async.as_completed(tasks) do print(await(finished)) end
