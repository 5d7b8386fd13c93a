-- event: some wait until another sets the event; then all of them go on.

local async = require "lacuna"
local await = async.await

local runner = async(function(name, start)
  print(name .. " waits for the start")
  await(start:wait())
  print(name .. " runs")
end)

local starter = async(function(start)
  await(async.sleep(2))
  print("bang")
  start:set()
end)

local start = async.Event()
await(async.gather(runner("Jin", start), runner("Sora", start), starter(start)))
print("set:", start:is_set())
