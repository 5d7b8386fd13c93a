-- method: the coroutine objects of methods that wait, such as lock:acquire().
-- Each is one small table {object, 0, argument} whose class knows what awaiting does: no closure, and an await that
-- need not wait costs nothing but the table. Where other coroutine objects have a function, these have their object.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"

local COUNT, RUNNING, CLOSED = layout.COUNT, layout.RUNNING, layout.CLOSED

local tostring_of = coroutines.Coroutine.__tostring
local OBJECT = layout.FUNCTION

local method = { ARGUMENT = layout.FIRST_ARGUMENT }

--- Makes the class of the coroutine objects of one method, setmetatable({object, 0, argument}, class). It is given its
--- `__await` by the caller, a function of its own for each: the JIT tells functions apart, not closures of one.
---@param name string what they are called in messages
---@return table class
function method.class(name)
  local class = { is_coroutine = true, name = name, __tostring = tostring_of }
  class.__index = class
  return class
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

--- Begins to run a coroutine object. Errors: RuntimeError if it was awaited before.
---@param coro lacuna.Coroutine
---@return table object whose method it is
function method.begin(coro)
  if coro[COUNT] < 0 then
    error(errors.RuntimeError("cannot reuse already awaited coroutine: " .. tostring(coro)), 0)
  end
  coro[COUNT] = RUNNING
  return coro[OBJECT]
end

--- Ends one that has not raised.
---@param coro lacuna.Coroutine
---@param result any
---@return any result
function method.finish(coro, result)
  coro[COUNT] = CLOSED
  return result
end

return method
