-- method: the coroutine objects of methods that wait, such as lock:acquire().
-- Each is one small table {object, 0, argument} whose class knows what to run: no closure, and an await that need not
-- wait costs nothing but the table. Where other coroutine objects have their function, these have their object.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"

local COUNT, RUNNING, CLOSED = layout.COUNT, layout.RUNNING, layout.CLOSED
local OBJECT, ARGUMENT = layout.FUNCTION, layout.FIRST_ARGUMENT

local tostring_of = coroutines.Coroutine.__tostring

--- Makes the class of the coroutine objects of one method: setmetatable({object, 0, argument}, class).
---@param name string what they are called in messages
---@param run fun(object: table, task: lacuna.Task, argument: any): any what awaiting one does; it may suspend the task
---@return table class
local function method(name, run)
  local class = { is_coroutine = true, name = name, __tostring = tostring_of }
  class.__index = class
  function class.__await(coro, task)
    if coro[COUNT] < 0 then
      error(errors.RuntimeError("cannot reuse already awaited coroutine: " .. tostring(coro)), 0)
    end
    coro[COUNT] = RUNNING
    local result = run(coro[OBJECT], task, coro[ARGUMENT])
    coro[COUNT] = CLOSED
    return result
  end
  return class
end

return method
