-- to_thread: a blocking call runs in another thread while the loop goes on ticking.

local async = require "lacuna"
local await = async.await

local function blocking_read(name)
  require("lacuna.time").sleep(1)
  return name .. " is read"
end

local ticker = async.create_task(function()
  for tick = 1, math.huge do
    print("tick " .. tick)
    await(async.sleep(0.3))
  end
end)

print(await(async.to_thread(blocking_read, "the archive")))
ticker:cancel()
