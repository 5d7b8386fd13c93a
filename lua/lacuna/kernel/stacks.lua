-- stacks: debug functions that write on the stack of a thread they are given.
-- While a task waits, LuaJIT's collector does not look at its stack again (host/core/collector.h), so it has to be told
-- when somebody puts something there.

local native = require "lacuna.native.scheduler"

local touch = native.touch
local type = type

local stacks = {}

-- The call is a tail call: levels of the stack count from the caller, as they did.
local function telling(fn)
  return function(thread, ...)
    if type(thread) == "thread" then touch(thread) end
    return fn(thread, ...)
  end
end

--- Replaces those functions: setlocal, and getinfo, which leaves a list of lines above the top.
function stacks.install()
  debug.getinfo, debug.setlocal = telling(debug.getinfo), telling(debug.setlocal)
end

return stacks
