-- loop: the event loop as scripts see it, and its callbacks.
-- A Loop is a ready list and timers of the scheduler (READY, NATIVE), its pending tasks, and an exception handler. Any
-- number run side by side on one libuv loop; who waits for one to stop is a task of another.

local boundary = require "lacuna.kernel.boundary"
local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.scheduler"
local new_table = require "table.new"
local options_module = require "lacuna.kernel.options"
local task_module = require "lacuna.kernel.task"
local traceback = require "lacuna.kernel.traceback"
local trap = require "lacuna.kernel.trap"

local NATIVE, READY, LOOP = layout.NATIVE, layout.READY, layout.LOOP
local NEXT, PREVIOUS = layout.NEXT, layout.PREVIOUS
local SLOT, IS_CANCELLED, ARGUMENT_COUNT, DEADLINE, CALLEE, ARGUMENTS =
  layout.SLOT, layout.IS_CANCELLED, layout.ARGUMENT_COUNT, layout.DEADLINE, layout.CALLEE, layout.ARGUMENTS
local schedule = trap.schedule

---@class lacuna.Loop
---@field slow_callback_duration number seconds a step may take before debug mode reports it
---@field signal_handlers table<string, userdata>? what io/signals.lua has installed
local Loop = {}
Loop.__index = Loop

---@class lacuna.Handle
local Handle = {}
Handle.__index = Handle

local loop_module = { Loop = Loop }

local all_loops = setmetatable({}, { __mode = "k" })

--- A new loop, not running.
--- Source: asyncio.new_event_loop.
---@param options? {clock?: "virtual"|"real"} the runtime's clock unless given
---@return lacuna.Loop
function loop_module.new(options)
  local clock = options_module.check("new_event_loop", options, { clock = "any" }).clock
  if clock ~= nil and clock ~= "virtual" and clock ~= "real" then
    error(errors.ValueError(('new_event_loop: clock must be "virtual" or "real", got %s'):format(tostring(clock))), 2)
  end
  local loop = setmetatable(new_table(NEXT, 8), Loop)
  loop[NEXT], loop[PREVIOUS] = loop, loop -- no task is pending
  loop.is_running_now, loop.is_closed_now, loop.is_debug = false, false, false
  loop.exception_handler, loop.slow_callback_duration = false, 0.1
  local is_virtual = nil
  if clock then is_virtual = clock == "virtual" end
  loop[NATIVE] = native.open(loop, is_virtual)
  all_loops[loop] = true
  if native.is_debug then loop:set_debug(true) end
  return loop
end

--- Iterates over the loops that there are, in no order.
---@return fun(): lacuna.Loop?
function loop_module.each()
  return next, all_loops, nil
end

local function check_open(loop)
  if loop.is_closed_now then error(errors.RuntimeError("Event loop is closed"), 3) end
end

-- ---- callbacks ----

--- Runs the callback, unless it was taken back; the scheduler's thread calls it (kernel/trap.lua).
function Handle:run()
  if self[IS_CANCELLED] then return end
  local fn, count = self[CALLEE], self[ARGUMENT_COUNT]
  if count == 0 then return fn() end
  if count == 1 then return fn(self[ARGUMENTS]) end
  fn(unpack(self, ARGUMENTS, ARGUMENTS + count - 1))
end

--- Takes the callback back, if it has not run yet.
--- Source: asyncio.Handle.cancel.
function Handle:cancel()
  if self[IS_CANCELLED] then return end
  self[IS_CANCELLED] = true
  local slot = self[SLOT]
  if slot then
    self[SLOT] = false
    native.disarm(self[LOOP][NATIVE], slot)
  end
end

--- Whether cancel() has been called.
---@return boolean
function Handle:cancelled()
  return self[IS_CANCELLED]
end

--- The time it is due, in seconds on the loop's clock; nil for call_soon.
---@return number?
function Handle:when()
  return self[DEADLINE] or nil
end

-- "NAME() at FILE:LINE", or as much of it as there is.
local function describe_callee(fn)
  if type(fn) ~= "function" then return tostring(fn) end
  local name, place
  if debug.getinfo(fn, "S").what ~= "C" then name, place = coroutines.name_of(fn) end
  if name ~= place then return ("%s() at %s"):format(name, place) end
  name = boundary.name_of(fn)
  return name and name .. "()" or place or tostring(fn)
end

function Handle:__tostring()
  local deadline = self[DEADLINE]
  local text = deadline and ("TimerHandle when=%.14g"):format(deadline) or "Handle"
  return ("<%s %s>"):format(text, self[IS_CANCELLED] and "cancelled" or describe_callee(self[CALLEE]))
end

local NO = false -- no literal: see the head of kernel/layout.lua

local function new_handle(loop, deadline, fn, ...)
  if type(fn) ~= "function" and not (getmetatable(fn) or {}).__call then
    error(errors.TypeError("a callback must be a function, got " .. options_module.describe(fn)), 3)
  end
  check_open(loop)
  local count = select("#", ...)
  if count <= 1 then return setmetatable({ NO, NO, loop, count, deadline, fn, (...) }, Handle) end
  return setmetatable({ NO, NO, loop, count, deadline, fn, ... }, Handle)
end

--- Calls fn(...) at the loop's next turn.
--- Errors: RuntimeError if the loop is closed, TypeError if fn cannot be called.
--- Source: asyncio.loop.call_soon.
---@param fn function
---@param ... any
---@return lacuna.Handle
function Loop:call_soon(fn, ...)
  local handle = new_handle(self, NO, fn, ...)
  schedule(self, handle)
  return handle
end
Loop.call_soon_threadsafe = Loop.call_soon -- another thread has another Lua state: whoever calls this is on the loop's

--- Calls fn(...) at a time of the loop's clock.
--- Source: asyncio.loop.call_at.
---@param when number seconds on the loop's clock
---@param fn function
---@param ... any
---@return lacuna.Handle
function Loop:call_at(when, fn, ...)
  if type(when) ~= "number" then
    error(errors.TypeError("call_at: when must be a number, got " .. options_module.describe(when)), 2)
  end
  if when ~= when then error(errors.ValueError("call_at: when is not a number (NaN)"), 2) end
  local handle = new_handle(self, when, fn, ...)
  handle[SLOT] = native.arm(self[NATIVE], when, handle)
  return handle
end

--- Calls fn(...) after a time.
--- Source: asyncio.loop.call_later.
---@param seconds number
---@param fn function
---@param ... any
---@return lacuna.Handle
function Loop:call_later(seconds, fn, ...)
  if type(seconds) ~= "number" then
    error(errors.TypeError("call_later: seconds must be a number, got " .. options_module.describe(seconds)), 2)
  end
  return self:call_at(self:time() + seconds, fn, ...)
end

--- The loop's clock, in seconds from an arbitrary start.
--- Source: asyncio.loop.time.
---@return number
function Loop:time()
  return native.now(self[NATIVE])
end

-- ---- tasks and futures ----

--- Starts an awaitable as a task of this loop, at its next turn.
--- Errors: TypeError if it is not awaitable, RuntimeError if the loop is closed.
--- Source: asyncio.loop.create_task.
---@param awaitable any
---@param options? {name?: string}
---@return lacuna.Task
function Loop:create_task(awaitable, options)
  options_module.check_object(self, Loop, "loop:create_task(…)")
  return task_module.new(self, awaitable, options and task_module.name_in(options), "create_task")
end

--- A pending future of this loop.
---@return lacuna.Future
function Loop:create_future()
  return future.new(self)
end

-- ---- running ----

-- Starts the loop and suspends the calling task until it has stopped. A cancellation meanwhile does not end the wait:
-- `on_cancel` passes it on, or returns false, and it is raised when the loop has stopped.
local function run(loop, on_cancel)
  check_open(loop)
  if loop.is_running_now then error(errors.RuntimeError("This event loop is already running"), 3) end
  if not loop_module.may_run() then
    error(errors.RuntimeError("Cannot run the event loop while another loop is running"), 3)
  end
  local stopped = future.new()
  loop.is_running_now = true
  stopped.description = "another loop"
  loop.when_stopped = stopped
  native.start(loop[NATIVE], loop)
  if loop.stops_at_start then native.stop(loop[NATIVE]) end
  function stopped:cancel(message)
    return not self:done() and on_cancel(message)
  end
  trap.await(stopped)
end

-- The scheduler has stopped draining a loop.
local function on_stopped(loop)
  loop.is_running_now = false
  loop.stops_at_start = false
  local stopped = loop.when_stopped
  loop.when_stopped = nil
  stopped:set_result()
end

--- Runs the loop until stop() is called. Only at the top level of a script. A cancellation of the caller stops it.
--- Errors: RuntimeError if it or another loop runs or it is closed; CancelledError.
--- Source: asyncio.loop.run_forever.
function Loop:run_forever()
  run(self, function()
    self:stop()
    return false
  end)
end

--- Runs the loop until an awaitable is done. Only at the top level of a script. A cancellation of the caller is passed
--- on to the awaitable.
--- Errors: RuntimeError if it or another loop runs, if it is closed, or if it was stopped before the awaitable was
--- done.
--- Source: asyncio.loop.run_until_complete.
---@param awaitable any
---@return any ... its values; its error is raised
function Loop:run_until_complete(awaitable)
  options_module.check_object(self, Loop, "loop:run_until_complete(…)")
  check_open(self)
  if self.is_running_now then error(errors.RuntimeError("This event loop is already running"), 2) end
  if not loop_module.may_run() then
    error(errors.RuntimeError("Cannot run the event loop while another loop is running"), 2)
  end
  local main = task_module.ensure_future(self, awaitable, "run_until_complete")
  local home = main:get_loop()
  if home ~= self and not home.is_running_now then
    error(errors.ValueError("run_until_complete: the future belongs to a different loop, which is not running"), 2)
  end
  local function stop() self:stop() end
  main:add_done_callback(stop)
  local ok, err = pcall(run, self, function(message) return main:cancel(message) end)
  main:remove_done_callback(stop)
  if not ok then
    main.is_unretrieved = nil -- cancelled as it ended: nobody else can look at it
    error(err, 0)
  end
  if not main:done() then
    error(errors.RuntimeError("Event loop stopped before Future completed."), 2)
  end
  return main:result()
end

--- Ends run_forever or run_until_complete at the end of the loop's present turn.
--- Source: asyncio.loop.stop.
function Loop:stop()
  if self.is_running_now then native.stop(self[NATIVE]) else self.stops_at_start = true end
end

--- Closes the loop; what is pending on it never runs. Errors: RuntimeError while it runs.
--- Source: asyncio.loop.close.
function Loop:close()
  if self.is_running_now then error(errors.RuntimeError("Cannot close a running event loop"), 2) end
  self.is_closed_now = true
  for name in pairs(self.signal_handlers or {}) do self:remove_signal_handler(name) end
  if self.is_debug then loop_module.check_closing(self) end
  self[READY] = { [0] = 0 }
  native.clear(self[NATIVE])
end

--- Whether the loop is running.
---@return boolean
function Loop:is_running()
  return self.is_running_now
end

--- Whether the loop is closed.
---@return boolean
function Loop:is_closed()
  return self.is_closed_now
end

function Loop:__tostring()
  return ("<Loop running=%s closed=%s debug=%s>"):format(
    tostring(self.is_running_now), tostring(self.is_closed_now), tostring(self.is_debug))
end

-- ---- errors that nobody awaits ----

--- Calls fn(loop, context) for errors that no task owns; nil restores the report on stderr.
--- Errors: TypeError if fn is neither a function nor nil.
--- Source: asyncio.loop.set_exception_handler.
---@param fn? fun(loop: lacuna.Loop, context: table)
function Loop:set_exception_handler(fn)
  if fn ~= nil and type(fn) ~= "function" then
    error(errors.TypeError("A callable object or nil is expected, got " .. tostring(fn)), 2)
  end
  self.exception_handler = fn or false
end

--- Hands an error that nobody awaits to the exception handler, or to the report on stderr.
--- Source: asyncio.loop.call_exception_handler.
---@param context {message: string, exception?: lacuna.BaseError, task?: lacuna.Task, future?: lacuna.Future}
function Loop:call_exception_handler(context)
  local handler = self.exception_handler
  if handler then
    local ok, err = pcall(handler, self, context)
    if ok then return end
    loop_module.report(self, context)
    context = { message = "Unhandled error in exception handler", exception = errors.wrap(err) }
  end
  loop_module.report(self, context)
end
Loop.default_exception_handler = function(self, context) loop_module.report(self, context) end

--- Turns debug mode on or off: of slow steps for this loop, of everything else for all loops.
--- Source: asyncio.loop.set_debug.
---@param is_debug boolean
function Loop:set_debug(is_debug)
  self.is_debug = is_debug and true or false
  native.debug(self[NATIVE], self.is_debug)
  loop_module.set_checks(self.is_debug)
end

--- Whether debug mode is on.
---@return boolean
function Loop:get_debug()
  return self.is_debug
end

-- A callback failed, or a callback of libuv did; kernel/trap.lua calls it.
local function callback_failed(err, thread, entry, argument)
  local loop, context = loop_module.main_loop, { message = "Exception in callback of libuv" }
  if type(entry) == "table" then
    loop, context = entry[LOOP], { message = "Exception in callback", handle = entry }
  elseif argument then
    loop, context = argument:get_loop(), { message = "Exception in done callback", future = argument }
  end
  context.exception = errors.wrap(err, thread and traceback.of(thread, err))
  loop:call_exception_handler(context)
end

--- Connects the scheduler with the loops. `hooks` says what differs between a script and another host:
--- `report(loop, context)` prints an error that nobody handles, `may_run()` tells whether the running task may run
--- another loop, `set_checks(is_on)` turns debug mode's checks on or off, `check_closing(loop)` is told of a loop in
--- debug mode; `deadlock()`, `interrupted()`, `notified()`, `print_tree()` and `slow(loop, seconds, thread)` are the
--- scheduler's.
---@param hooks table
function loop_module.install(hooks)
  loop_module.report, loop_module.may_run = hooks.report, hooks.may_run
  loop_module.set_checks, loop_module.check_closing = hooks.set_checks, hooks.check_closing
  hooks.stopped = on_stopped
  trap.callback_failed = callback_failed
  trap.install(hooks)
end

return loop_module
