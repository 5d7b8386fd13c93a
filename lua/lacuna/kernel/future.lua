-- future: a result that is not there yet.
-- Pending, then for ever returned, failed or cancelled. Whoever waits is woken through the loop's ready list in the
-- order of arrival, one turn later, exactly as asyncio calls done callbacks. The first to wait or call back has a field
-- of its own, so that the common future with one waiter needs no list.

local layout = require "lacuna.kernel.layout"
local errors = require "lacuna.kernel.errors"
local trap = require "lacuna.kernel.trap"
local unretrieved = require "lacuna.kernel.unretrieved"

local STATE, RESULT, LOOP, CALLBACK, CALLBACKS =
  layout.STATE, layout.RESULT, layout.LOOP, layout.CALLBACK, layout.CALLBACKS
local THREAD, WAITS_FOR, MUST_CANCEL, READY = layout.THREAD, layout.WAITS_FOR, layout.MUST_CANCEL, layout.READY
local PENDING, RETURNED, RETURNED_MANY, FAILED, CANCELLED =
  layout.PENDING, layout.RETURNED, layout.RETURNED_MANY, layout.FAILED, layout.CANCELLED

local park, schedule_call, schedule_listener = trap.park, trap.schedule_call, trap.schedule_listener
local type, unpack, select, setmetatable = type, unpack, select, setmetatable

---@class lacuna.Future a result that is not there yet; async.Future() makes a pending one
local Future = { is_future = true, class_name = "Future" }
Future.__index = Future

local future = { Future = Future }

--- Makes a class whose objects are futures. Its objects are made by calling it.
---@param name string
---@return table class
function future.subclass(name)
  local class = { class_name = name, __await = Future.__await, __tostring = Future.__tostring }
  class.__index = class
  return setmetatable(class, {
    __index = Future,
    __call = function(_, loop) return future.new(loop, class) end,
  })
end

--- A pending future of a loop.
---@param loop? lacuna.Loop the running loop if nil
---@param class? table
---@return lacuna.Future
function future.new(loop, class)
  loop = loop or trap.running_loop() or future.default_loop()
  return setmetatable({ PENDING, false, loop, false, false }, class or Future)
end

-- Makes ready what waits for a future that has just been done. A waiting task stands for its thread; another table
-- listens: its :run(future) is called, unless it has only to take note.
local function call_back(fut, callback)
  if type(callback) == "table" then
    local thread = callback[THREAD]
    if not thread then
      if not callback:takes_note(fut) then schedule_listener(callback[LOOP], callback, fut) end
      return
    end
    local ready = callback[LOOP][READY]
    local count = ready[0] + 1
    ready[count] = thread
    ready[0] = count
  else
    schedule_call(fut[LOOP], callback, fut)
  end
end

local function wake(fut)
  local callback = fut[CALLBACK]
  if callback then
    fut[CALLBACK] = false
    call_back(fut, callback)
  end
  local callbacks = fut[CALLBACKS]
  if callbacks then
    fut[CALLBACKS] = false
    for i = 1, #callbacks do call_back(fut, callbacks[i]) end
  end
end
future.wake = wake

-- Appends a waiting task or a function to those that are called back.
local function register(fut, callback)
  local callbacks = fut[CALLBACKS]
  if callbacks then
    callbacks[#callbacks + 1] = callback
  elseif fut[CALLBACK] then
    fut[CALLBACKS] = { callback }
  else
    fut[CALLBACK] = callback
  end
end

--- Has listener:run(future) called once a future is done, like a done callback; a listener costs no closure. First
--- listener:takes_note(future) is, at once: where all that run() would do is something nobody can see until later, as
--- counting one that is not the last, it does that, returns true, and the loop is spared a callback.
---@param fut lacuna.Future
---@param listener table with a loop at LOOP
function future.listen(fut, listener)
  if fut[STATE] ~= PENDING then
    call_back(fut, listener)
  else
    register(fut, listener)
  end
end

local NOTHING = { n = 0 } -- the results of everything that returns none
future.NOTHING = NOTHING

--- Stores no result or one, and wakes the waiters; the future must be pending.
---@param fut lacuna.Future
---@param count integer 0 or 1
---@param value any
function future.complete_with(fut, count, value)
  if count == 1 then
    fut[STATE], fut[RESULT] = RETURNED, value
  else
    fut[STATE], fut[RESULT] = RETURNED_MANY, NOTHING
  end
  return wake(fut)
end
local complete_with = future.complete_with

--- Stores the results and wakes the waiters; the future must be pending.
---@param fut lacuna.Future
---@param ... any
function future.complete(fut, ...)
  local count = select("#", ...)
  if count <= 1 then return complete_with(fut, count, (...)) end
  fut[STATE], fut[RESULT] = RETURNED_MANY, { n = count, ... }
  return wake(fut)
end

-- The error of a cancelled future, one object however often it is asked for.
local function cancelled_error(fut)
  local err = fut[RESULT]
  if type(err) ~= "table" then
    err = errors.quiet(errors.CancelledError, err)
    fut[RESULT] = err
  end
  return err
end
future.cancelled_error = cancelled_error

local function raise(fut)
  if fut[STATE] == CANCELLED then error(cancelled_error(fut), 0) end
  fut.is_unretrieved = nil
  local task = trap.current()
  if task then task.raised_from = fut end -- kernel/task.lua: the chain of tasks that waited
  error(errors.unwrap(fut[RESULT]), 0)
end

--- The values it was completed with. Its error is raised.
--- Errors: InvalidStateError while it is not done, CancelledError if it was cancelled.
--- Source: asyncio.Future.result.
---@return any ...
function Future:result()
  local state = self[STATE]
  if state == RETURNED then return self[RESULT] end
  if state == RETURNED_MANY then
    local results = self[RESULT]
    return unpack(results, 1, results.n)
  end
  if state == PENDING then error(errors.InvalidStateError("Result is not set."), 2) end
  return raise(self)
end
local result = Future.result

-- A task awaits: returns at once if the future is done.
function Future.__await(fut, task)
  if fut[STATE] ~= PENDING then return result(fut) end
  local loop = fut[LOOP]
  if loop ~= task[LOOP] and not loop.is_running_now then
    error(errors.RuntimeError(("%s waits for %s of another loop, which is not running: get_running_loop() is"):format(
      tostring(task), tostring(fut))), 0)
  end
  if fut == task then error(errors.RuntimeError("Task cannot await on itself: " .. tostring(task)), 0) end
  register(fut, task)
  task[WAITS_FOR] = fut
  local must_cancel = task[MUST_CANCEL]
  if must_cancel and fut:cancel(must_cancel ~= true and must_cancel or nil) then task[MUST_CANCEL] = false end
  park(task)
  task[WAITS_FOR] = false
  if fut[STATE] == CANCELLED then trap.on_cancelled(task) end
  return result(fut)
end

--- Whether it has returned, failed or been cancelled.
---@return boolean
function Future:done()
  return self[STATE] ~= PENDING
end

--- Whether it was cancelled.
---@return boolean
function Future:cancelled()
  return self[STATE] == CANCELLED
end

--- The error object it failed with, or nil.
--- Errors: InvalidStateError while it is not done, CancelledError if it was cancelled.
---@return lacuna.BaseError?
function Future:exception()
  local state = self[STATE]
  if state == PENDING then error(errors.InvalidStateError("Exception is not set."), 2) end
  if state == CANCELLED then error(cancelled_error(self), 0) end
  self.is_unretrieved = nil
  return state == FAILED and self[RESULT] or nil
end

local function check_pending(fut)
  if fut[STATE] ~= PENDING then
    error(errors.InvalidStateError("invalid state"), 3)
  end
end

--- Completes it with values. Errors: InvalidStateError if it is done.
---@param ... any
function Future:set_result(...)
  check_pending(self)
  future.complete(self, ...)
end

--- Fails it. Errors: InvalidStateError if it is done.
---@param err any an error object, a class of errors, or any value, which is wrapped
function Future:set_exception(err)
  check_pending(self)
  if type(err) == "table" and rawget(err, "subclass_of") ~= nil then err = err() end
  future.fail(self, errors.wrap(err))
end

--- Stores an error object and wakes the waiters; the future must be pending.
---@param fut lacuna.Future
---@param err lacuna.BaseError
function future.fail(fut, err)
  fut[STATE], fut[RESULT] = FAILED, err
  local is_failure = not errors.isinstance(err, errors.CancelledError) -- which a cancelled gather has
  if is_failure then unretrieved.watch(fut) end
  wake(fut)
end

--- The message of a cancellation as text; nil for none.
---@param message any
---@return string?
function future.cancel_message(message)
  if message == nil or type(message) == "string" then return message end
  return tostring(message)
end
local cancel_message = future.cancel_message

--- Cancels it and wakes the waiters.
---@param message? any its text is the message of the CancelledError
---@return boolean cancelled false if it was done already
function Future:cancel(message)
  self.is_unretrieved = nil
  if self[STATE] ~= PENDING then return false end
  self[STATE], self[RESULT] = CANCELLED, cancel_message(message)
  wake(self)
  return true
end

--- Calls fn(future) through the loop once it is done; at the loop's next turn if it is already.
---@param fn fun(future: lacuna.Future)
function Future:add_done_callback(fn)
  if type(fn) ~= "function" then
    local callable = fn
    fn = function(fut) return callable(fut) end
  end
  if self[STATE] ~= PENDING then
    schedule_call(self[LOOP], fn, self)
  else
    register(self, fn)
  end
end

--- Takes back every callback equal to fn.
---@param fn fun(future: lacuna.Future)
---@return integer count of those taken back
function Future:remove_done_callback(fn)
  local removed = 0
  if self[CALLBACK] == fn then
    self[CALLBACK] = false
    removed = 1
  end
  local callbacks = self[CALLBACKS]
  if callbacks then
    local kept = {}
    for i = 1, #callbacks do
      if callbacks[i] ~= fn then kept[#kept + 1] = callbacks[i] end
    end
    removed = removed + #callbacks - #kept
    self[CALLBACKS] = #kept > 0 and kept or false
  end
  return removed
end

--- The loop it belongs to.
---@return lacuna.Loop
function Future:get_loop()
  return self[LOOP]
end

local state_names = { "pending", "finished", "finished", "finished", "cancelled" }

function Future:__tostring()
  local state = self[STATE]
  local text = state_names[state]
  if state == FAILED then
    text = text .. " exception=" .. tostring(self[RESULT])
  elseif state == RETURNED then
    text = text .. " result=" .. tostring(self[RESULT])
  end
  return ("<%s %s>"):format(self.class_name, text)
end

--- Whether a value is a Future or a Task.
---@param value any
---@return boolean
function future.isfuture(value)
  local class = getmetatable(value)
  return type(class) == "table" and class.is_future == true
end

setmetatable(Future, { __call = function(_, loop) return future.new(loop) end })

return future
