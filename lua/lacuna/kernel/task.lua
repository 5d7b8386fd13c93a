-- task: a coroutine that the loop runs.
-- A Task is a Future of what its coroutine returns. Cancellation is asyncio's: cancel() asks once, the CancelledError
-- is raised at the task's next or present await, and cancelling()/uncancel() count the requests.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.scheduler"
local options_module = require "lacuna.kernel.options"
local traceback = require "lacuna.kernel.traceback"
local trap = require "lacuna.kernel.trap"

local STATE, RESULT, LOOP, THREAD, WAITS_FOR = layout.STATE, layout.RESULT, layout.LOOP, layout.THREAD, layout.WAITS_FOR
local MUST_CANCEL, CANCEL_COUNT, NEXT, PREVIOUS = layout.MUST_CANCEL, layout.CANCEL_COUNT, layout.NEXT, layout.PREVIOUS
local COROUTINE, NAME, NATIVE = layout.COROUTINE, layout.NAME, layout.NATIVE
local PENDING, RETURNED, RETURNED_MANY = layout.PENDING, layout.RETURNED, layout.RETURNED_MANY
local FAILED, CANCELLED = layout.FAILED, layout.CANCELLED

local schedule = trap.schedule
local wake, NOTHING = future.wake, future.NOTHING
local cancel_message = future.cancel_message
local select, setmetatable, type = select, setmetatable, type

---@class lacuna.Task: lacuna.Future
local Task = future.subclass("Task")

local task_module = { Task = Task }

local task_count = 0

local task_limit, limited_count = native.task_limit, 0 -- tasks that count against it and have not ended

-- Takes a task that is done out of its loop's list of pending ones.
local function unlink(task)
  local next_task, previous = task[NEXT], task[PREVIOUS]
  if task_limit and not task[LOOP].is_hidden then limited_count = limited_count - 1 end
  previous[NEXT], next_task[PREVIOUS] = next_task, previous
  task[NEXT], task[PREVIOUS], task[THREAD], task[WAITS_FOR] = false, false, false, false
end

-- Ends a task that has not failed. Apart from what is called with `...`, for such a frame is interpreted.
local function settle(task, state, result)
  unlink(task)
  local message = task[MUST_CANCEL]
  if message then
    task[MUST_CANCEL] = false
    if state ~= CANCELLED then state, result = CANCELLED, message ~= true and message or nil end
  end
  task[STATE], task[RESULT] = state, result
  return wake(task)
end

-- The coroutine has returned: kernel/trap.lua calls it with what.
function Task:settle(...)
  local count = select("#", ...)
  if count == 1 then return settle(self, RETURNED, (...)) end
  return settle(self, RETURNED_MANY, count == 0 and NOTHING or { n = count, ... })
end

-- Cancelled before its first step: the coroutine never runs. kernel/trap.lua calls it.
function Task:cancel_unstarted()
  local message = self[MUST_CANCEL]
  coroutines.close(self[COROUTINE])
  error(errors.quiet(errors.CancelledError, message ~= true and message or nil), 0)
end

-- The stack of a failed task, and below it the chain of tasks that waited.
local function stack_of_failure(task, err, thread)
  local here = thread and traceback.of(thread, err) or ""
  local source = task.raised_from
  if source and source.stack and errors.unwrap(source[RESULT]) == err then
    local place = here:match("^\t(.-): in ")
    return ("%s\nawaited by task '%s'%s"):format(source.stack, task:get_name(), place and " at " .. place or "")
  end
  if errors.isinstance(err, errors.BaseError) and err.traceback ~= "" then return err.traceback end
  if task.caught_error == err and err ~= nil then return task.caught_stack end
  return here
end

local function note_failure(task, err, thread)
  local stack = stack_of_failure(task, err, thread)
  task.frames = thread and traceback.frames(thread)
  return stack
end

-- The task ended with an error; `thread` still holds the stack of the raise. kernel/trap.lua calls it.
function Task:fail(err, thread)
  if errors.isinstance(err, errors.CancelledError) then
    return settle(self, CANCELLED, err)
  end
  local is_noted, stack = pcall(note_failure, self, err, thread)
  if not is_noted then stack = "" end -- no memory for it
  local wrapped = errors.wrap(err, stack)
  if not wrapped.is_wrapped and wrapped.traceback ~= stack then wrapped.traceback = stack end
  self.stack = stack
  unlink(self)
  future.fail(self, wrapped)
end

--- Asks the task to end: CancelledError is raised at its present or next await, once. A task that has not started never
--- runs. What the task waits for is cancelled with it.
--- Source: asyncio.Task.cancel.
---@param message? any its text is the message of the CancelledError
---@return boolean asked false if it was done already
function Task:cancel(message)
  self.is_unretrieved = nil
  if self[STATE] ~= PENDING then return false end
  message = cancel_message(message)
  self[CANCEL_COUNT] = self[CANCEL_COUNT] + 1
  local awaited = self[WAITS_FOR]
  if type(awaited) == "number" then
    if native.disarm(self[LOOP][NATIVE], awaited) then
      self[WAITS_FOR] = true
      schedule(self[LOOP], self[THREAD])
    end
  elseif awaited and (awaited == true or awaited:cancel(message, self)) then
    return true -- a sleep that was cancelled before keeps its message
  end
  self[MUST_CANCEL] = message or true
  return true
end

--- How many requests to cancel it has had, less those taken back.
--- Source: asyncio.Task.cancelling.
---@return integer
function Task:cancelling()
  return self[CANCEL_COUNT]
end

--- Takes one request to cancel back, as code does that asked for it itself; what was raised stays raised.
--- Source: asyncio.Task.uncancel.
---@return integer count of the requests that are left
function Task:uncancel()
  if self[CANCEL_COUNT] > 0 then self[CANCEL_COUNT] = self[CANCEL_COUNT] - 1 end
  return self[CANCEL_COUNT]
end

--- Its name, "Task-N" unless it was given one.
---@return string
function Task:get_name()
  local name = self[NAME]
  return type(name) == "number" and "Task-" .. name or name
end

--- Names it.
---@param name any
function Task:set_name(name)
  self[NAME] = tostring(name)
end

--- What it runs: the coroutine object it was made from.
---@return any
function Task:get_coro()
  return self[COROUTINE]
end

--- The frames of the task's code, oldest first: where it waits, or, if it failed, where it failed. Empty for a task
--- that has not started, and for one that returned or was cancelled.
--- Source: asyncio.Task.get_stack.
---@param limit? integer the newest ones only
---@return {file: string, line: integer, name: string}[]
function Task:get_stack(limit)
  local frames = self.frames
  if not frames then
    local thread = self[THREAD]
    if self[STATE] ~= PENDING or not thread then return {} end
    if self == trap.current() then thread = nil end
    frames = traceback.frames(thread)
  end
  local first = limit and math.max(#frames - limit, 0) or 0
  return { unpack(frames, first + 1) }
end

--- Prints the task's stack.
--- Source: asyncio.Task.print_stack.
---@param limit? integer the newest frames only
---@param file? file* stderr unless given
function Task:print_stack(limit, file)
  local lines, frames = {}, self:get_stack(limit)
  local is_failed = self[STATE] == FAILED
  if #frames == 0 then
    lines[1] = "No stack for " .. tostring(self)
  else
    lines[1] = ("%s for %s (most recent call last):"):format(is_failed and "Traceback" or "Stack", tostring(self))
    for _, frame in ipairs(frames) do
      lines[#lines + 1] = ("  File %q, line %d, in %s"):format(frame.file, frame.line, frame.name)
    end
  end
  if is_failed then lines[#lines + 1] = tostring(self[RESULT]) end
  io.stdout:flush()
  file = file or io.stderr
  file:write(table.concat(lines, "\n"), "\n")
end

--- Not for tasks: they are completed by what they run. Raises RuntimeError.
function Task:set_result()
  error(errors.RuntimeError("Task does not support set_result operation"), 2)
end

--- Not for tasks: they are completed by what they run. Raises RuntimeError.
function Task:set_exception()
  error(errors.RuntimeError("Task does not support set_exception operation"), 2)
end

local state_names = { "pending", "finished", "finished", "finished", "cancelled" }

function Task:__tostring()
  local text = state_names[self[STATE]]
  if text == "pending" and self[CANCEL_COUNT] > 0 then text = "cancelling" end
  return ("<Task %s name=%q coro=%s>"):format(text, self:get_name(), tostring(self[COROUTINE]))
end

--- The coroutine object, or whatever else may be awaited, for what the user passed.
--- Errors: TypeError, at whoever called the caller, for what is not awaitable.
---@param value any
---@param caller string who asks, for the TypeError
---@return any
local function awaitable_of(value, caller)
  if type(value) == "function" then
    if coroutines.iscoroutinefunction(value) then return value() end
    return coroutines.new(value)
  end
  local class = getmetatable(value)
  if type(class) ~= "table" or not class.__await then
    error(errors.TypeError(("%s: a coroutine was expected, got %s"):format(caller, options_module.describe(value))), 3)
  end
  return value
end
task_module.awaitable_of = awaitable_of

--- The name in the options of a create_task; nil for none.
--- Errors: TypeError for anything else in them.
---@param options? {name?: any}
---@return any
function task_module.name_in(options)
  if options == nil then return nil end
  return options_module.check("create_task", options, { name = "any" }).name
end

--- Makes a task of a loop; its first step is the loop's next turn.
---@param loop lacuna.Loop
---@param awaitable any
---@param name? string
---@param caller string who asks, for the TypeError if it is not awaitable
---@return lacuna.Task
function task_module.new(loop, awaitable, name, caller)
  awaitable = awaitable_of(awaitable, caller)
  if loop.is_closed_now then error(errors.RuntimeError("Event loop is closed"), 3) end
  if task_limit and not loop.is_hidden then
    if limited_count >= task_limit then
      error(errors.RuntimeError(("%s: the limit of %d tasks is reached"):format(caller, task_limit)), 3)
    end
  end
  if name == nil then
    task_count = task_count + 1
    name = task_count
  else
    name = tostring(name)
  end
  local last = loop[PREVIOUS]
  local task = setmetatable(
    { PENDING, false, loop, false, false, false, false, false, 0, 0, awaitable, name, last, loop, false }, Task)
  schedule(loop, task) -- first: it may run out of memory, and a task that nothing starts must not be pending
  last[NEXT], loop[PREVIOUS] = task, task
  if task_limit and not loop.is_hidden then limited_count = limited_count + 1 end
  return task
end

--- The Future for an awaitable: itself if it is one, else a new task of the loop.
--- Source: asyncio.ensure_future.
---@param loop lacuna.Loop
---@param awaitable any
---@param caller string who asks, for the TypeError if it is not awaitable
---@return lacuna.Future
function task_module.ensure_future(loop, awaitable, caller)
  if future.isfuture(awaitable) then return awaitable end
  return task_module.new(loop, awaitable, nil, caller)
end

--- A loop's tasks that are not done, in order of creation.
---@param loop lacuna.Loop
---@return lacuna.Task[]
function task_module.pending(loop)
  local tasks, task = {}, loop[NEXT]
  while task ~= loop do
    tasks[#tasks + 1] = task
    task = task[NEXT]
  end
  return tasks
end

return task_module
