-- create_task: two tasks go on in the background while main works; then main awaits both.

local async = require "lacuna"
local await = async.await

local job = async(function(name, seconds)
  print(name .. " begins")
  await(async.sleep(seconds))
  print(name .. " ends")
  return name .. " done"
end)

local main = async(function()
  local tidy = async.create_task(job("tidying the database", 3))
  local pack = async.create_task(job("packing the logs", 2))
  print("main works: no task has begun yet, for main has not waited yet")
  await(async.sleep(1))
  print("main has worked for a second")
  local tidied, packed = await(tidy), await(pack)
  print(tidied .. ", " .. packed)
end)

async.run(main())
