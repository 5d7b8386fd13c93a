-- op: the one bridge from a callback to await.
-- An operation is a Future that something outside Lua completes. Cancelling it aborts what was started, so a cancelled
-- operation reaches the wire; whatever arrives after the end, by completion or by cancellation, is dropped here.

local future = require "lacuna.kernel.future"

local Operation = future.subclass("Operation")

--- Cancels the operation: aborts what was started, then wakes the waiters with CancelledError.
---@param message? string
---@return boolean cancelled false if it was done already
function Operation:cancel(message)
  if self:done() then return false end
  local abort = self.abort
  self.abort = nil
  if abort then abort() end
  return future.Future.cancel(self, message)
end

--- Starts an operation. Does not suspend; await the result.
---@param description string what a waiting task is said to wait for, such as "GET http://…"
---@param start fun(complete: fun(err: any, ...)): fun()? begins it and returns the function that aborts it. `complete`
---  is to be called once, also from within `start`: with an error, or with nil and the results.
---@return lacuna.Future
local function op(description, start)
  local operation = Operation()
  operation.description = description
  operation.abort = start(function(err, ...)
    if operation:done() then return end
    operation.abort = nil
    if err ~= nil then operation:set_exception(err) else operation:set_result(...) end
  end)
  if operation:done() then operation.abort = nil end
  return operation
end

return op
