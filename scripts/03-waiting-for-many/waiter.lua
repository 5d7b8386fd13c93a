-- waiter: one waiter serves three tables; at every wait the next table has its turn. One thread, no parallel work.

local async = require "lacuna"
local await = async.await

local serve = async(function(number)
  print(("table %d: order taken"):format(number))
  await(async.sleep(1)) -- the kitchen cooks
  print(("table %d: food served"):format(number))
  await(async.sleep(1)) -- the guests eat
  print(("table %d: paid"):format(number))
end)

await(async.gather(serve(1), serve(2), serve(3)))
