-- slow_callbacks: in debug mode, steps longer than a threshold of one's own are reported.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local main = async(function()
  local loop = async.get_running_loop()
  loop:set_debug(true)
  loop.slow_callback_duration = 0.5 -- seconds
  time.sleep(0.4)
  await(async.sleep(0)) -- ends the step
  time.sleep(0.6)
  await(async.sleep(0))
  print("one of two steps was too long")
end)

async.run(main())
