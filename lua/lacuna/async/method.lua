-- method: the coroutine objects of methods that wait, such as lock:acquire().
-- Each is one small table {object, 0, argument} whose class knows what awaiting does: no closure, and an await that
-- need not wait costs nothing but the table. Where other coroutine objects have a function, these have their object.
-- A class is given its `__await` by the caller, a function of its own for each, because the JIT tells functions apart,
-- not closures of one:
--     function Acquire.__await(coro, task) return acquire(coro[OBJECT], task, begin(coro)) end

local coroutines = require "lacuna.kernel.coroutine"
local layout = require "lacuna.kernel.layout"

local setmetatable = setmetatable
local tostring_of = coroutines.Coroutine.__tostring

local method = { begin = coroutines.begin, OBJECT = layout.FUNCTION, ARGUMENT = layout.FIRST_ARGUMENT }

--- Makes the class of the coroutine objects of one method.
---@param name string what they are called in messages
---@param run function what `__await` ends with; its last parameter is what begin() gives
---@return table class
function method.class(name, run)
  coroutines.runs[run] = true
  return coroutines.guard { is_coroutine = true, name = name, __tostring = tostring_of }
end

local NOT_STARTED = 0 -- no literal: see the head of kernel/layout.lua

--- Makes a coroutine object.
---@param class table of method.class
---@param object table whose method it is
---@param argument any
---@return lacuna.Coroutine
function method.new(class, object, argument)
  local coro = setmetatable({ object, NOT_STARTED, argument }, class)
  if coroutines.watch_created then return coroutines.watch_created(coro) end
  return coro
end

return method
