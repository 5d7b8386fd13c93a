-- waiters: tasks in line at a lock, a queue, or whatever else is waited for in order of arrival.
-- A task waits in one line at a time, so the line links the tasks themselves and waiting allocates nothing. A task
-- stays in the line until it runs again, whether it was woken or cancelled: asyncio's rules on who comes next look at
-- those whose turn has come and who have not run yet. Waking hands nothing over; it only makes the task look again.

local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local trap = require "lacuna.kernel.trap"

local LOOP, THREAD, WAITS_FOR = layout.LOOP, layout.THREAD, layout.WAITS_FOR
local NEXT, PREVIOUS = layout.NEXT_IN_LINE, layout.PREVIOUS_IN_LINE

-- Fields of a line. Everyone before CURSOR is woken or cancelled, so that waking many in one turn does not look at them
-- again.
local FIRST, LAST, CURSOR, OWNER = 1, 2, 3, 4

local park_in_line, schedule = trap.park_in_line, trap.schedule
local setmetatable, tostring = setmetatable, tostring

local waiters = { FIRST = FIRST }

-- What a task in a line waits for is the line, or, when its turn has come or it was cancelled, one of these.
local Over = {}
Over.__index = Over
local WOKEN, CANCELLED = setmetatable({}, Over), setmetatable({}, Over)

--- It was woken or cancelled before and has not run yet: it is not cancelled here.
---@return boolean cancelled
function Over:cancel() -- luacheck: no unused
  return false
end

--- Whether a task's wait in the line is over.
---@return boolean
function Over:done() -- luacheck: no unused
  return true
end

local Line = {}

--- Wakes a task with a CancelledError. What a task waits for is cancelled so (kernel/task.lua).
---@param message? string
---@param task lacuna.Task that waits in the line
---@return boolean cancelled
function Line:cancel(message, task) -- luacheck: no unused
  task[WAITS_FOR], task.line_message = CANCELLED, message
  schedule(task[LOOP], task[THREAD])
  return true
end

--- Whether a task's wait in the line is over.
---@return boolean
function Line:done() -- luacheck: no unused
  return false
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

local function bind(owner, loop)
  if owner.loop then return errors.RuntimeError(tostring(owner) .. " is bound to a different event loop") end
  owner.loop = loop
  return nil
end

local function enter(line, task)
  local last = line[LAST]
  if last then last[NEXT] = task else line[FIRST] = task end
  task[NEXT], task[PREVIOUS], task[WAITS_FOR] = false, last, line
  line[LAST] = task
  if not line[CURSOR] then line[CURSOR] = task end
end

-- Leaves the line; returns what wait() does. A task that was cancelled raises that first cancellation, whatever was
-- asked for since; but one that could not wait at all, what `err` says.
local function leave(line, task, err)
  local next_task, previous, state = task[NEXT], task[PREVIOUS], task[WAITS_FOR]
  if previous then previous[NEXT] = next_task else line[FIRST] = next_task end
  if next_task then next_task[PREVIOUS] = previous else line[LAST] = previous end
  if line[CURSOR] == task then line[CURSOR] = next_task end
  task[NEXT], task[PREVIOUS], task[WAITS_FOR] = false, false, false
  if state == WOKEN then return err, true end
  if state == CANCELLED and (not err or errors.isinstance(err, errors.CancelledError)) then
    trap.on_cancelled(task)
    err = errors.quiet(errors.CancelledError, task.line_message)
  end
  return err, false
end

--- Suspends the running task, last in the line, until it is woken. Whoever calls this looks at the error first: a task
--- that was woken before it was cancelled owes its turn to the next.
---@param line table
---@param task lacuna.Task the running task
---@return any err nil if the task was woken; else what to raise: CancelledError, RuntimeError for a wrong loop
---@return boolean is_woken whether it was woken, error or not
function waiters.wait(line, task)
  if line[OWNER].loop ~= task[LOOP] then
    local err = bind(line[OWNER], task[LOOP])
    if err then return err, false end
  end
  enter(line, task)
  local err = park_in_line(task)
  return leave(line, task, err)
end

local function wake(task)
  task[WAITS_FOR] = WOKEN
  schedule(task[LOOP], task[THREAD])
end

--- Wakes the first in the line unless it is woken or cancelled already: it will run, and look after the others.
---@param line table
function waiters.wake_first(line)
  local first = line[FIRST]
  if first and first[WAITS_FOR] == line then wake(first) end
end

--- Wakes the first that is still waiting.
---@param line table
---@return boolean is_found false if there was none
function waiters.wake_next(line)
  local task = line[CURSOR]
  while task and task[WAITS_FOR] ~= line do task = task[NEXT] end
  if not task then
    line[CURSOR] = false
    return false
  end
  line[CURSOR] = task[NEXT]
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
  while task and task[WAITS_FOR] == CANCELLED do task = task[NEXT] end
  return task ~= false
end

--- How many are in the line, those included who are done and have not run yet.
---@param line table
---@return integer
function waiters.count(line)
  local count, task = 0, line[FIRST]
  while task do
    count, task = count + 1, task[NEXT]
  end
  return count
end

return waiters
