-- debug_mode: reports steps that block the loop and coroutines nobody awaited. LACUNA_DEBUG=1 turns it on as well.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local save = async(function() print("saved") end)

local main = async(function()
  local _ = save() -- forgotten: await(save())
  time.sleep(0.2) -- blocks every task: await(async.sleep(0.2))
  await(async.sleep(0))
  print("main ends")
end)

async.run(main(), {debug = true})
