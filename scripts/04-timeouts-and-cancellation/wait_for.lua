-- wait_for: waits for one thing for so long and no longer; what was late is cancelled.

local async = require "lacuna"
local await = async.await

local answer = async(function(who, seconds)
  print(who .. " thinks")
  async.try(function() await(async.sleep(seconds)) end, {
    [async.CancelledError] = function(err)
      print(who .. " is told to stop")
      error(err, 0)
    end,
  })
  if who == "the broken oracle" then error(async.ValueError("404 wisdom not found")) end
  return who .. " says yes"
end)

local function ask(who, seconds)
  async.try(function()
    print(await(async.wait_for(answer(who, seconds), 2)))
  end, {
    [async.TimeoutError] = function() print("no answer within 2 s") end,
    [async.Error] = function(err) print("failed: " .. err.message) end,
  })
end

ask("the oracle", 1)
ask("the slow oracle", 5)
ask("the broken oracle", 1)
