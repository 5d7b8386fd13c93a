-- random_waits: five waits of 1 to 5 s at once take as long as the longest. An argument seeds the luck.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

math.randomseed(tonumber(arg[1]) or os.time())

local wait = async(function(number)
  local seconds = math.random(10, 50) / 10
  await(async.sleep(seconds))
  print(("wait %d: %.1f s"):format(number, seconds))
  return seconds
end)

local began = time.time()
local waits = await(async.gather(wait(1), wait(2), wait(3), wait(4), wait(5)))
print(("elapsed %.1f s, the longest %.1f s"):format(time.time() - began, math.max(unpack(waits))))
