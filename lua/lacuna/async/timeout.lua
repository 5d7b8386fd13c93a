-- timeout: deadlines for a block of code, and for one awaitable.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local loops = require "lacuna.async.loops"
local options = require "lacuna.kernel.options"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local LOOP, CANCEL_COUNT = layout.LOOP, layout.CANCEL_COUNT

local timeouts = {}

---@class lacuna.Timeout
local Timeout = {}
Timeout.__index = Timeout

local function check_number(value, name)
  if value ~= nil and type(value) ~= "number" then
    error(errors.TypeError(("%s: seconds must be a number or nil, got %s"):format(name, options.describe(value))), 3)
  end
  if value ~= value then error(errors.ValueError(name .. ": seconds is not a number (NaN)"), 3) end
end

--- The deadline in seconds on the loop's clock; nil for none.
---@return number?
function Timeout:when()
  return self.deadline or nil
end

local function on_timeout(timeout)
  timeout.task:cancel()
  timeout.state = "expiring"
  timeout.handle = false
end

local function set_deadline(timeout, when)
  timeout.deadline = when
  timeout.handle = false
  if not when then return end
  local loop = timeout.task[LOOP]
  if when <= loop:time() then
    timeout.handle = loop:call_soon(on_timeout, timeout)
  else
    timeout.handle = loop:call_at(when, on_timeout, timeout)
  end
end

--- Moves the deadline. Errors: RuntimeError unless the block is being run and has not expired.
--- Source: asyncio.Timeout.reschedule.
---@param when? number seconds on the loop's clock; nil for none
function Timeout:reschedule(when)
  if self.state ~= "active" then
    local problem = self.state == "created" and "Timeout has not been entered"
      or ("Cannot change state of %s Timeout"):format(self.state)
    error(errors.RuntimeError(problem), 2)
  end
  check_number(when, "reschedule")
  if self.handle then self.handle:cancel() end
  set_deadline(self, when or false)
end

--- Whether the deadline passed while the block ran.
---@return boolean
function Timeout:expired()
  return self.state == "expiring" or self.state == "expired"
end

function Timeout.__aenter(timeout)
  if timeout.state ~= "created" then error(errors.RuntimeError("Timeout has already been entered"), 0) end
  timeout.task = trap.current()
  if not timeout.task then error(errors.RuntimeError("Timeout should be used inside a task"), 0) end
  timeout.state = "active"
  timeout.cancelling = timeout.task[CANCEL_COUNT]
  set_deadline(timeout, timeout.deadline)
  return timeout
end

function Timeout.__aexit(timeout, err)
  if timeout.handle then
    timeout.handle:cancel()
    timeout.handle = false
  end
  if timeout.state ~= "expiring" then
    timeout.state = "finished"
    return
  end
  timeout.state = "expired"
  if timeout.task:uncancel() <= timeout.cancelling and errors.isinstance(err, errors.CancelledError) then
    error(errors.quiet(errors.TimeoutError, nil, err), 0)
  end
end

function Timeout.__tostring(timeout)
  return ("<Timeout [%s]>"):format(timeout.state)
end

local function new(deadline)
  local timeout = { deadline = false, task = false, handle = false, state = "created", cancelling = 0 }
  timeout.deadline = deadline
  return setmetatable(timeout, Timeout)
end

--- A context manager that cancels its block after a time and turns that cancellation into TimeoutError.
--- Source: asyncio.timeout.
---@param seconds? number nil: never
---@return lacuna.Timeout
function timeouts.timeout(seconds)
  check_number(seconds, "timeout")
  return new(seconds and loops.current():time() + seconds or false)
end

--- The same with an absolute deadline.
--- Source: asyncio.timeout_at.
---@param when? number seconds on the loop's clock; nil: never
---@return lacuna.Timeout
function timeouts.timeout_at(when)
  check_number(when, "timeout_at")
  return new(when or false)
end

-- Cancels a future and waits until it has ended.
local function cancel_and_wait(fut, loop)
  local waiter = loop:create_future()
  waiter.what, waiter.children = "wait_for", { fut }
  local function release()
    if not waiter:done() then waiter:set_result() end
  end
  fut:add_done_callback(release)
  fut:cancel()
  local ok, err = pcall(trap.await, waiter)
  fut:remove_done_callback(release)
  if not ok then error(err, 0) end
end

local function in_time(ok, ...)
  if ok then return ... end
  local err = ...
  if errors.isinstance(err, errors.CancelledError) then err = errors.quiet(errors.TimeoutError, nil, err) end
  error(err, 0)
end

-- The outcome of an awaitable that was cancelled because its time was up.
local function late_result(fut)
  return in_time(pcall(fut.result, fut))
end

local function await_within(awaitable, seconds)
  local task = trap.current()
  local loop = task:get_loop()
  local fut = task_module.ensure_future(loop, awaitable, "wait_for")
  if seconds <= 0 then
    if fut:done() then return fut:result() end
    cancel_and_wait(fut, loop)
    return late_result(fut)
  end
  local waiter = loop:create_future()
  waiter.what, waiter.children = "wait_for", { fut }
  local function release()
    if not waiter:done() then waiter:set_result() end
  end
  local handle = loop:call_later(seconds, release)
  fut:add_done_callback(release)
  local ok, err = pcall(trap.await, waiter)
  handle:cancel()
  if ok and fut:done() then return fut:result() end
  fut:remove_done_callback(release)
  if ok then
    cancel_and_wait(fut, loop)
    return late_result(fut)
  end
  if fut:done() then -- the cancellation came as it ended: it is not lost, and a failure counts as looked at
    fut.is_unretrieved = nil
  else
    cancel_and_wait(fut, loop)
  end
  error(err, 0)
end

--- Waits for an awaitable for at most a time; a coroutine object becomes a task of its own. When the time is up it is
--- cancelled and waited for. Cancelling the wait cancels it too.
--- Errors: TimeoutError; those of the awaitable; CancelledError, also if it comes just as the awaitable ends.
--- Source: asyncio.wait_for.
---@param awaitable any
---@param timeout number|{timeout: number}|nil seconds; nil: without limit
---@return lacuna.Coroutine
function timeouts.wait_for(awaitable, timeout)
  if type(timeout) == "table" then timeout = options.argument("wait_for", timeout, "timeout") end
  check_number(timeout, "wait_for")
  return coroutines.named("wait_for", function()
    if timeout == nil then return trap.await(task_module.awaitable_of(awaitable, "wait_for")) end
    return await_within(awaitable, timeout)
  end)
end

return timeouts
