-- breakfast: coffee takes 3 s and toast 2 s. Blocking that makes 5 s; gathered it makes 3 s.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local function make_blocking(what, seconds)
  print(what .. " is on")
  time.sleep(seconds) -- the whole script waits, whatever else it could do
  print(what .. " is ready")
  return what
end

local make = async(function(what, seconds)
  print(what .. " is on")
  await(async.sleep(seconds)) -- this task waits; others go on
  print(what .. " is ready")
  return what
end)

local began = time.time()
make_blocking("coffee", 3)
make_blocking("toast", 2)
print(("blocking: %.1f s\n"):format(time.time() - began))

began = time.time()
local coffee, toast = unpack(await(async.gather(make("coffee", 3), make("toast", 2))))
print(("gathered: %.1f s for %s and %s"):format(time.time() - began, coffee, toast))
