-- sequence_or_together: awaited one by one, times add up; gathered, the longest counts.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local fetch = async(function(name, seconds)
  print("  begin " .. name)
  await(async.sleep(seconds))
  print("  end   " .. name)
  return name
end)

local function timed(title, body)
  print(title)
  local began = time.time()
  body()
  print(("  %.1f s"):format(time.time() - began))
end

timed("two in sequence", function()
  await(fetch("one", 2))
  await(fetch("two", 2))
end)

timed("two together", function()
  await(async.gather(fetch("three", 2), fetch("four", 2)))
end)

timed("2 s, 3 s and 1 s in sequence", function()
  await(fetch("a", 2))
  await(fetch("b", 3))
  await(fetch("c", 1))
end)

timed("2 s, 3 s and 1 s together", function()
  await(async.gather(fetch("a", 2), fetch("b", 3), fetch("c", 1)))
end)
