-- catch: an error raised in a coroutine comes out where it is awaited, with its class and its message.

local async = require "lacuna"
local await = async.await

local OverdrawnError = async.Error:subclass("OverdrawnError")

local withdraw = async(function(amount)
  await(async.sleep(1))
  if amount > 100 then error(OverdrawnError(("%d is more than there is"):format(amount))) end
  return amount
end)

-- As Python's try, except and finally.
async.try(function() print(await(withdraw(500))) end, {
  [OverdrawnError] = function(err) print("caught: " .. err.message) end,
  finally = function() print("the counter closes") end,
})

-- Or as Lua's pcall.
local ok, err = pcall(await, withdraw(300))
print(ok, err, async.isinstance(err, OverdrawnError))
