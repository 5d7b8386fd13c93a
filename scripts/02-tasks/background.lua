-- background: a task that runs every 10 s beside the main work and is cancelled after 35 s.

local async = require "lacuna"
local await = async.await

local heartbeat = async(function()
  local loop = async.get_running_loop()
  local began = loop:time()
  while true do
    print(("heartbeat at %2.0f s"):format(loop:time() - began))
    await(async.sleep(10))
  end
end)

local main = async(function()
  local task = async.create_task(heartbeat(), {name = "heartbeat"})
  await(async.sleep(35)) -- the main work
  task:cancel()
  async.try(function() await(task) end, {
    [async.CancelledError] = function() print(task:get_name() .. " was cancelled") end,
  })
end)

async.run(main())
