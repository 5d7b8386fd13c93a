-- waiters: tasks in line at a lock, a queue, or whatever else is waited for in order of arrival.
-- A Waiter is a Future which its task links into the line and unlinks when it runs again, whether it was woken or
-- cancelled. So a line may hold waiters that are done and whose tasks have not run yet: asyncio's rules on who comes
-- next look at them. Waking hands nothing over; it only makes the task look again.

local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local trap = require "lacuna.kernel.trap"

local STATE, RESULT, LOOP = layout.STATE, layout.RESULT, layout.LOOP
local PENDING, RETURNED, CANCELLED = layout.PENDING, layout.RETURNED, layout.CANCELLED
local NEXT, PREVIOUS = 6, 7 -- of a waiter; the other fields are a Future's

-- Fields of a line. Every waiter before CURSOR is done, so that waking many in one turn does not look at them again.
local FIRST, LAST, CURSOR, OWNER, CLASS = 1, 2, 3, 4, 5

local await, call_back = trap.await, future.wake
local pcall, setmetatable, tostring = pcall, setmetatable, tostring

local waiters = { FIRST = FIRST }

--- Makes the class of the waiters of a line.
---@param description string what a task in the line is said to wait for
---@return table class
function waiters.class(description)
  local class = future.subclass("Future")
  class.description = description
  return class
end

--- An empty line.
---@param owner {loop: lacuna.Loop|false} what is waited for; its field `loop` is set by the first that waits
---@param class table of the waiters
---@return table line
function waiters.line(owner, class)
  return { false, false, false, owner, class }
end

local function link(line, waiter)
  local last = line[LAST]
  if last then
    last[NEXT] = waiter
    waiter[PREVIOUS] = last
  else
    line[FIRST] = waiter
  end
  line[LAST] = waiter
  if not line[CURSOR] then line[CURSOR] = waiter end
end

local function unlink(line, waiter)
  local next_waiter, previous = waiter[NEXT], waiter[PREVIOUS]
  if previous then previous[NEXT] = next_waiter else line[FIRST] = next_waiter end
  if next_waiter then next_waiter[PREVIOUS] = previous else line[LAST] = previous end
  if line[CURSOR] == waiter then line[CURSOR] = next_waiter end
end

--- Suspends the running task, last in the line, until it is woken. Whoever calls this looks at the error first: a
--- waiter that was woken before its task was cancelled owes its turn to the next.
---@param line table
---@param task lacuna.Task the running task
---@return any err nil if the task was woken; else what to raise: CancelledError, RuntimeError for a wrong loop
---@return boolean is_woken whether the waiter was woken, error or not
function waiters.wait(line, task)
  local owner, loop = line[OWNER], task[LOOP]
  if owner.loop ~= loop then
    if owner.loop then
      return errors.RuntimeError(tostring(owner) .. " is bound to a different event loop"), false
    end
    owner.loop = loop
  end
  local waiter = setmetatable({ PENDING, nil, loop, false, false, false, false }, line[CLASS])
  link(line, waiter)
  local ok, err = pcall(await, waiter)
  unlink(line, waiter)
  if ok then return nil, true end
  return err, waiter[STATE] == RETURNED
end

local function wake(waiter)
  waiter[STATE], waiter[RESULT] = RETURNED, true
  call_back(waiter)
end

--- Wakes the first in the line unless it is done already: its task will run, and look after the others.
---@param line table
function waiters.wake_first(line)
  local first = line[FIRST]
  if first and first[STATE] == PENDING then wake(first) end
end

--- Wakes the first that is not done.
---@param line table
---@return boolean is_found false if there was none
function waiters.wake_next(line)
  local waiter = line[CURSOR]
  while waiter and waiter[STATE] ~= PENDING do waiter = waiter[NEXT] end
  if not waiter then
    line[CURSOR] = false
    return false
  end
  line[CURSOR] = waiter[NEXT]
  wake(waiter)
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
  local waiter = line[FIRST]
  while waiter and waiter[STATE] == CANCELLED do waiter = waiter[NEXT] end
  return waiter ~= false
end

--- How many are in the line, those included who are done and have not run yet.
---@param line table
---@return integer
function waiters.count(line)
  local count, waiter = 0, line[FIRST]
  while waiter do
    count, waiter = count + 1, waiter[NEXT]
  end
  return count
end

return waiters
