-- waiters: tasks in line at a lock, a queue, or whatever else is waited for in order of arrival.
-- A task waits in one line at a time, so the line links the tasks themselves and waiting allocates nothing. A task
-- stays in the line until it runs again, whether it was woken or cancelled: asyncio's rules on who comes next look at
-- those whose turn has come and who have not run yet. Waking hands nothing over; it only makes the task look again.

local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local trap = require "lacuna.kernel.trap"

local LOOP, THREAD, WAITS_FOR = layout.LOOP, layout.THREAD, layout.WAITS_FOR

-- Fields of a line. Everyone before CURSOR is woken or cancelled, so that waking many in one turn does not look at them
-- again.
local FIRST, LAST, CURSOR, OWNER = 1, 2, 3, 4

-- What `in_line` of a task in a line says; the neighbours are `line_next` and `line_previous`.
local WAITING, WOKEN, CANCELLED = 1, 2, 3

local park_in_line, schedule = trap.park_in_line, trap.schedule
local setmetatable, tostring = setmetatable, tostring

local waiters = { FIRST = FIRST }

local Line = {}

--- Wakes a task with a CancelledError. What a task waits for is cancelled so (kernel/task.lua).
---@param message? string
---@param task lacuna.Task in the line
---@return boolean cancelled false if it was woken or cancelled before and has not run yet
function Line:cancel(message, task)
  if task.in_line ~= WAITING then return false end
  task.in_line, task.line_message = CANCELLED, message
  schedule(task[LOOP], task[THREAD])
  return true
end

--- Whether a task's wait in the line is over.
---@param task lacuna.Task in the line
---@return boolean
function Line:done(task)
  return task.in_line ~= WAITING
end

--- Makes the class of lines of one kind.
---@param description string what a task in the line is said to wait for
---@return table class
function waiters.class(description)
  return { __index = { cancel = Line.cancel, done = Line.done, description = description } }
end

--- An empty line.
---@param owner {loop: lacuna.Loop|false} what is waited for; its field `loop` is set by the first that waits
---@param class table of waiters.class
---@return table line
function waiters.line(owner, class)
  return setmetatable({ false, false, false, owner }, class)
end

-- What a task raises that was cancelled in the line: that first cancellation, whatever was asked for since; but where
-- it could not wait at all, `err` says so.
local function cancelled(task, err)
  if err and not errors.isinstance(err, errors.CancelledError) then return err end
  trap.on_cancelled(task)
  return errors.quiet(errors.CancelledError, task.line_message)
end

local function wrong_loop(owner)
  return errors.RuntimeError(tostring(owner) .. " is bound to a different event loop")
end

--- Suspends the running task, last in the line, until it is woken. Whoever calls this looks at the error first: a task
--- that was woken before it was cancelled owes its turn to the next.
---@param line table
---@param task lacuna.Task the running task
---@return any err nil if the task was woken; else what to raise: CancelledError, RuntimeError for a wrong loop
---@return boolean is_woken whether it was woken, error or not
function waiters.wait(line, task)
  local owner, loop = line[OWNER], task[LOOP]
  if owner.loop ~= loop then
    if owner.loop then return wrong_loop(owner), false end
    owner.loop = loop
  end

  local last = line[LAST]
  if last then last.line_next = task else line[FIRST] = task end
  task.line_next, task.line_previous, task.in_line = false, last, WAITING
  line[LAST] = task
  if not line[CURSOR] then line[CURSOR] = task end

  task[WAITS_FOR] = line
  local err = park_in_line(task)
  task[WAITS_FOR] = false

  local next_task, previous, state = task.line_next, task.line_previous, task.in_line
  if previous then previous.line_next = next_task else line[FIRST] = next_task end
  if next_task then next_task.line_previous = previous else line[LAST] = previous end
  if line[CURSOR] == task then line[CURSOR] = next_task end
  task.line_next, task.line_previous = false, false

  if state == CANCELLED then err = cancelled(task, err) end
  return err, state == WOKEN
end

local function wake(task)
  task.in_line = WOKEN
  schedule(task[LOOP], task[THREAD])
end

--- Wakes the first in the line unless it is woken or cancelled already: it will run, and look after the others.
---@param line table
function waiters.wake_first(line)
  local first = line[FIRST]
  if first and first.in_line == WAITING then wake(first) end
end

--- Wakes the first that is still waiting.
---@param line table
---@return boolean is_found false if there was none
function waiters.wake_next(line)
  local task = line[CURSOR]
  while task and task.in_line ~= WAITING do task = task.line_next end
  if not task then
    line[CURSOR] = false
    return false
  end
  line[CURSOR] = task.line_next
  wake(task)
  return true
end

--- Wakes everyone in the line.
---@param line table
function waiters.wake_all(line)
  repeat until not waiters.wake_next(line)
end

--- Whether anyone is in the line who was not cancelled.
---@param line table
---@return boolean
function waiters.is_occupied(line)
  local task = line[FIRST]
  while task and task.in_line == CANCELLED do task = task.line_next end
  return task ~= false
end

--- How many are in the line, those included who are done and have not run yet.
---@param line table
---@return integer
function waiters.count(line)
  local count, task = 0, line[FIRST]
  while task do
    count, task = count + 1, task.line_next
  end
  return count
end

return waiters
