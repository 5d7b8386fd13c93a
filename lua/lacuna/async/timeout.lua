-- timeout: deadlines for a block of code, and for one awaitable.
-- A Timeout is its own timer: the scheduler makes it ready at the deadline, like a handle, and run() is called.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local loops = require "lacuna.async.loops"
local native = require "lacuna.native.scheduler"
local options = require "lacuna.kernel.options"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local SLOT, LOOP, DEADLINE = layout.SLOT, layout.LOOP, layout.DEADLINE
local CANCEL_COUNT, NATIVE = layout.CANCEL_COUNT, layout.NATIVE

-- Fields of a Timeout, beside those that it shares with a handle. LOOP is that of the task; nothing is at THREAD.
local TASK = 2 -- that entered it
local STATE = 4 -- a word
local CANCELLING = 7 -- requests to cancel that its task had when it entered
local REVOKED_COUNT = 8 -- how often it is in the ready list in vain

local schedule = trap.schedule

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
  return self[DEADLINE] or nil
end

--- The deadline has passed; kernel/trap.lua calls it.
function Timeout:run()
  if self[REVOKED_COUNT] > 0 then
    self[REVOKED_COUNT] = self[REVOKED_COUNT] - 1
    return
  end
  self[TASK]:cancel()
  self[STATE] = "expiring"
end

local function set_deadline(timeout, when)
  timeout[DEADLINE] = when
  if not when then return end
  local loop = timeout[LOOP]
  local slot = native.arm_ahead(loop[NATIVE], when, timeout)
  if slot then timeout[SLOT] = slot else schedule(loop, timeout) end
end

-- Takes the deadline of one that has not expired back.
local function revoke_deadline(timeout)
  local slot = timeout[SLOT]
  if slot then
    timeout[SLOT] = false
    native.disarm(timeout[LOOP][NATIVE], slot)
  elseif timeout[DEADLINE] then -- it is ready
    timeout[REVOKED_COUNT] = timeout[REVOKED_COUNT] + 1
  end
end

--- Moves the deadline. Errors: RuntimeError unless the block is being run and has not expired.
--- Source: asyncio.Timeout.reschedule.
---@param when? number seconds on the loop's clock; nil for none
function Timeout:reschedule(when)
  local state = self[STATE]
  if state ~= "active" then
    local problem = state == "created" and "Timeout has not been entered"
      or ("Cannot change state of %s Timeout"):format(state)
    error(errors.RuntimeError(problem), 2)
  end
  check_number(when, "reschedule")
  revoke_deadline(self)
  set_deadline(self, when or false)
end

--- Whether the deadline passed while the block ran.
---@return boolean
function Timeout:expired()
  return self[STATE] == "expiring" or self[STATE] == "expired"
end

function Timeout.__aenter(timeout)
  if timeout[STATE] ~= "created" then error(errors.RuntimeError("Timeout has already been entered"), 0) end
  local task = trap.current()
  if not task then error(errors.RuntimeError("Timeout should be used inside a task"), 0) end
  timeout[TASK], timeout[LOOP], timeout[STATE], timeout[CANCELLING] = task, task[LOOP], "active", task[CANCEL_COUNT]
  set_deadline(timeout, timeout[DEADLINE])
  return timeout
end

function Timeout.__aexit(timeout, err)
  if timeout[STATE] ~= "expiring" then
    revoke_deadline(timeout)
    timeout[STATE] = "finished"
    return
  end
  timeout[STATE] = "expired"
  if timeout[TASK]:uncancel() <= timeout[CANCELLING] and errors.isinstance(err, errors.CancelledError) then
    error(errors.quiet(errors.TimeoutError, nil, err), 0)
  end
end

function Timeout.__tostring(timeout)
  return ("<Timeout [%s]>"):format(timeout[STATE])
end

local function new(deadline)
  return setmetatable({ false, false, false, "created", deadline, nil, 0, 0 }, Timeout)
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
