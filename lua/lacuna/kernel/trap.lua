-- trap: the one file that suspends tasks.
-- It knows which task runs (`current`, false while none does), starts tasks and callbacks in threads that the scheduler
-- lends it, and parks a task until something makes its thread ready. Whatever parks registers first what will wake it,
-- then calls park, which raises the cancellation if that is what the task was woken for.

local layout = require "lacuna.kernel.layout"
local errors = require "lacuna.kernel.errors"
local boundary = require "lacuna.kernel.boundary"
local traceback = require "lacuna.kernel.traceback"
local native = require "lacuna.native.scheduler"

local LOOP, THREAD, WAITS_FOR, MUST_CANCEL = layout.LOOP, layout.THREAD, layout.WAITS_FOR, layout.MUST_CANCEL
local CALLBACK, CALLBACKS, COROUTINE = layout.CALLBACK, layout.CALLBACKS, layout.COROUTINE
local READY = layout.READY
local STATE, RESULT, FAILED, CANCELLED = layout.STATE, layout.RESULT, layout.FAILED, layout.CANCELLED

local yield, running = coroutine.yield, coroutine.running
local frexp = math.frexp
local getmetatable, pcall, type, xpcall = getmetatable, pcall, type, xpcall

local OUT_OF_MEMORY = native.memory_limit and ("the limit of %d bytes is reached"):format(native.memory_limit)

local trap = {}

local current = false -- the running task
local watch_wait, watch_cancelled = false, false -- debug mode: told of each wait, and of each cancellation raised
local stepped = false -- debug mode: what took the last step that ended its thread's work, a task or a callback
local callback, callback_argument, callback_thread -- the running callback, for who reports its error

--- Appends an entry to a loop's ready list; host/core/scheduler.h says what an entry may be.
---@param loop lacuna.Loop
---@param entry thread|table|number
local function schedule(loop, entry)
  local ready = loop[READY]
  local count = ready[0] + 1
  ready[count] = entry
  ready[0] = count
end
trap.schedule = schedule

--- Makes a loop call a function with one argument in its next turn.
---@param loop lacuna.Loop
---@param fn fun(argument: any)
---@param argument any
function trap.schedule_call(loop, fn, argument)
  local ready = loop[READY]
  local count = ready[0] + 2
  ready[count - 1] = fn
  ready[count] = argument
  ready[0] = count
end

--- Makes a loop run listener:run(argument) in its next turn.
---@param loop lacuna.Loop
---@param listener table
---@param argument any
function trap.schedule_listener(loop, listener, argument)
  local ready = loop[READY]
  local count = ready[0] + 3
  ready[count - 2] = true
  ready[count - 1] = listener
  ready[count] = argument
  ready[0] = count
end

--- The task that is running.
---@return lacuna.Task|false
function trap.current()
  return current
end

--- The thread on which the scheduler runs the present task or callback; nil outside both.
---@return thread?
function trap.running_thread()
  if current then return current[THREAD] end
  return callback_thread
end

--- The loop in which code is running, by its task or by its callback; nil outside both.
---@return lacuna.Loop?
function trap.running_loop()
  if current then return current[LOOP] end
  if not callback then return nil end
  if type(callback) == "table" then return callback[LOOP] end
  return callback_argument[LOOP]
end

-- Undoes the registration of a task that cannot be parked after all.
local function unregister(task)
  local awaited = task[WAITS_FOR]
  task[WAITS_FOR] = false
  local ready = task[LOOP][READY]
  if ready[ready[0]] == task[THREAD] then -- sleep(0), or a future that was cancelled at once: the entry appended last
    ready[ready[0]] = false
    if awaited then task[MUST_CANCEL] = true end -- still to be raised
  elseif awaited and awaited[CALLBACK] == task then
    awaited[CALLBACK] = false
  elseif awaited then
    table.remove(awaited[CALLBACKS])
  end -- else a sleep, whose timer the scheduler has not armed
end

-- Whether what a task has waited for raises a CancelledError itself.
local function is_cancellation(awaited)
  if type(awaited) ~= "table" then return false end
  return awaited[STATE] == CANCELLED
    or awaited[STATE] == FAILED and errors.isinstance(awaited[RESULT], errors.CancelledError)
end

-- The error for a task that cannot be suspended where it is.
local function refusal()
  return errors.quiet(errors.RuntimeError, boundary.describe())
end

-- The CancelledError that a task has been asked to raise.
local function take_cancellation(task)
  local message = task[MUST_CANCEL]
  task[MUST_CANCEL] = false
  if watch_cancelled then watch_cancelled(task) end
  return errors.quiet(errors.CancelledError, message ~= true and message or nil)
end

-- The running task has to raise an error where it would go on after a wait: it could not be suspended, or it is to be
-- cancelled. A wait is
--     local _, is_refused = pcall(yield)
--     current = task
--     if is_refused or task[MUST_CANCEL] then interrupt(task, is_refused) end
-- No C function is called on the way into one: it would need 20 slots of a stack of 40, and make every waiting task
-- 400 bytes larger. So it is pcall that catches the refusal of a C function that stands between, whose message is its
-- second result; what a generator in between answers (kernel/generator.lua) says the same. For the same reason nothing
-- rare is written out in a function that waits, and no call is left open.
local function interrupt(task, is_refused)
  if is_refused then
    unregister(task)
    error(refusal(), 0)
  end
  local awaited = task[WAITS_FOR]
  task[WAITS_FOR] = false
  if is_cancellation(awaited) then -- where the wait ends with a CancelledError already, that one is raised
    task[MUST_CANCEL] = false
    return
  end
  error(take_cancellation(task), 0)
end

-- Called where a task goes on after a wait, which is in the interpreter, far from the function entries and loops where
-- LuaJIT starts traces. One does start here. It ends at frexp, which LuaJIT cannot compile, and what is stitched behind
-- that goes on through the frames of whoever waited, up to the next wait: a message through a queue costs a third less.
-- (frexp is written in assembler; a function in C would need 20 slots.)
local function start_trace()
  frexp(0)
end

--- Suspends the running task until what was registered before makes its thread ready.
---@param task lacuna.Task the running task
local function park(task)
  if watch_wait then watch_wait(task) end
  current = false
  local _, is_refused = pcall(yield)
  start_trace()
  current = task
  if is_refused or task[MUST_CANCEL] then interrupt(task, is_refused) end
end
trap.park = park

-- A task in a line was to be cancelled at its next wait.
local function cancel_in_line(task, must_cancel)
  task[MUST_CANCEL] = false
  task[WAITS_FOR]:cancel(must_cancel ~= true and must_cancel or nil, task)
end

local function refused_in_line(task, must_cancel)
  if must_cancel then
    local ready = task[LOOP][READY]
    ready[ready[0]] = false
    task[MUST_CANCEL] = must_cancel -- still to be raised
  end
  return refusal()
end

--- Suspends the running task, which waits in a line (lua/lacuna/async/waiters.lua), and returns what there is to raise
--- instead of raising it: the task has to leave the line first.
---@param task lacuna.Task the running task
---@return lacuna.BaseError? err CancelledError unless the line itself has the cancellation; RuntimeError below C
function trap.park_in_line(task)
  if watch_wait then watch_wait(task) end
  local must_cancel = task[MUST_CANCEL]
  if must_cancel then cancel_in_line(task, must_cancel) end
  current = false
  local _, is_refused = pcall(yield)
  start_trace()
  current = task
  if is_refused then return refused_in_line(task, must_cancel) end
  if task[MUST_CANCEL] then return take_cancellation(task) end
  return nil
end

--- Suspends the running task for a time, by the scheduler's own timer; for one turn if that is 0 or less, or if the
--- task is to be cancelled at its next step.
---@param task lacuna.Task the running task
---@param seconds number
---@param start integer of the coroutine object that is being awaited
function trap.sleep(task, seconds, start)
  if watch_wait then watch_wait(task) end
  current = false
  local _, is_refused
  if seconds > 0 and not task[MUST_CANCEL] then
    _, is_refused = pcall(yield, seconds, task)
    task[WAITS_FOR] = false
  else
    task[WAITS_FOR] = seconds > 0
    schedule(task[LOOP], task[THREAD])
    _, is_refused = pcall(yield)
  end
  current = task
  if is_refused or task[MUST_CANCEL] then interrupt(task, is_refused) end
end

-- Keeps the stack of a plain Lua error, which does not carry its own, for the task that may yet fail with it.
local function keep_stack(err)
  if current and type(err) == "string" and current.caught_error ~= err then
    current.caught_error, current.caught_stack = err, traceback.here(2)
  end
  return err
end

--- The same for an error that ended a coroutine of the user's.
---@param thread thread
---@param err any
function trap.keep_stack_of(thread, err)
  if current and type(err) == "string" and current.caught_error ~= err then
    current.caught_error, current.caught_stack = err, traceback.of(thread, err)
  end
end

--- pcall for library code that raises again what it caught: the stack of the first raise is not lost.
---@param fn function
---@param ... any
---@return boolean ok
---@return any ... results, or the error
function trap.pcall(fn, ...)
  return xpcall(fn, keep_stack, ...)
end

-- Names what was awaited, and what was probably meant.
local function not_awaitable(awaitable)
  local what, cure = type(awaitable), "it is a result already: no await is needed"
  if what == "string" then
    what = ("string %q"):format(awaitable)
  elseif what == "function" then
    what, cure = "a function", "call it, or wrap it with async"
  elseif what == "nil" then
    cure = "what was called is no async function, and returned nothing"
  elseif what == "table" then
    local class, first = getmetatable(awaitable), getmetatable(rawget(awaitable, 1))
    if class then what, cure = tostring(awaitable), "await what one of its methods returns" end
    if type(first) == "table" and first.__await then cure = "await(async.gather(list)) awaits all of a list" end
  else
    what = what .. " " .. tostring(awaitable)
  end
  return errors.TypeError(("await: %s is not awaitable (%s)"):format(what, cure))
end

--- Runs a coroutine object in the current task, or waits for a Task, a Future or anything with `__await`.
--- Suspends the task unless the result is there already; a cancellation of the task is raised from here.
--- Source: Python's `await`.
---@param awaitable any
---@return any ... all values it returns; its error is raised
function trap.await(awaitable)
  local task = current
  if not task then
    error(errors.RuntimeError("await outside a task: start one with async.run or async.create_task"), 2)
  end
  local class = getmetatable(awaitable)
  local run = type(class) == "table" and class.__await
  if run then return run(awaitable, task) end
  error(not_awaitable(awaitable), 2)
end
local await = trap.await

-- What every pooled thread runs: one entry of the ready list after the other, idle in between. The argument is that of
-- a function or a listener; a task gets its thread, as a call that asked for it would end every trace. Errors end the
-- thread; the scheduler then calls trap.failed, which finds in `current` or `callback` whose error it is.
local function body(entry, argument)
  while true do
    if type(entry) == "function" then
      callback, callback_argument, callback_thread = entry, argument, running()
      entry(argument)
      callback, callback_argument, callback_thread = nil, nil, nil
    elseif entry[THREAD] ~= false then -- a handle or a listener
      callback, callback_thread = entry, running()
      entry:run(argument)
      callback, callback_thread = nil, nil
    else
      current = entry
      entry[THREAD] = argument
      if entry[MUST_CANCEL] then entry:cancel_unstarted() end
      entry:settle(await(entry[COROUTINE]))
      current = false
    end
    if watch_wait then stepped = entry end
    -- luacheck: push ignore 311
    entry, argument = nil, nil -- an idle thread keeps nothing alive
    -- luacheck: pop
    entry, argument = yield(true)
  end
end

-- A step of a task, or a callback, ended with an error. `thread` is dead and still holds the stack of the raise; nil
-- where the error came from a callback of libuv.
local function failed(err, thread)
  local task, entry, argument = current, callback, callback_argument
  current, callback, callback_argument, callback_thread = false, nil, nil, nil
  if err == "not enough memory" then err = errors.quiet(errors.MemoryError, OUT_OF_MEMORY) end
  if task then
    task:fail(err, thread)
  else
    trap.callback_failed(err, thread, entry, argument)
  end
end

--- Has debug mode told of every wait and of every cancellation that is raised; false for not.
---@param on_wait false|fun(task: lacuna.Task)
---@param on_cancelled false|fun(task: lacuna.Task)
function trap.set_watch(on_wait, on_cancelled)
  watch_wait, watch_cancelled = on_wait, on_cancelled
end

--- The task or callback whose step was the last to end its thread's work; known in debug mode.
---@return any
function trap.stepped()
  return stepped
end

--- Tells debug mode that a task is being woken by the cancellation of what it waited for.
---@param task lacuna.Task
function trap.on_cancelled(task)
  if watch_cancelled then watch_cancelled(task) end
end

--- Called as trap.callback_failed(err, thread?, callback?, argument?) for an error that no task owns.
trap.callback_failed = nil

--- Gives the scheduler its hooks (host/core/scheduler.h, lac_hook); two of them are this file's.
---@param hooks table<string, function>
function trap.install(hooks)
  hooks.body, hooks.failed = body, failed
  native.install(hooks)
end

return trap
