-- locks: Lock, Event and Condition.
-- What need not wait never yields and is a few table accesses that the JIT compiles. Nothing is handed over: a released
-- lock is free until the task that was woken for it runs. As in asyncio nobody overtakes those who wait, and who was
-- woken but cancelled passes the turn on.

local errors = require "lacuna.kernel.errors"
local method = require "lacuna.async.method"
local options = require "lacuna.kernel.options"
local trap = require "lacuna.kernel.trap"
local waiters = require "lacuna.async.waiters"

local FIRST = waiters.FIRST
local wait, wake_first, wake_next, wake_all = waiters.wait, waiters.wake_first, waiters.wake_next, waiters.wake_all
local begin, new_method, OBJECT, ARGUMENT = method.begin, method.new, method.OBJECT, method.ARGUMENT
local await, current = trap.await, trap.current
local error, getmetatable, pcall, setmetatable, type = error, getmetatable, pcall, setmetatable, type

local locks = {}

-- "<NAME [state, waiters:N]>"
local function describe(name, state, line)
  local count = waiters.count(line)
  if count > 0 then state = ("%s, waiters:%d"):format(state, count) end
  return ("<%s [%s]>"):format(name, state)
end

-- ---- Lock ----

---@class lacuna.Lock
local Lock = {}
Lock.__index = Lock

local LockWaiter = waiters.class("Lock")

local function acquire(lock, task, start)
  local line = lock.waiters
  if lock.is_locked or line[FIRST] and waiters.is_occupied(line) then
    local err = wait(line, task)
    if err then
      if not lock.is_locked then wake_first(line) end
      error(err, 0)
    end
  end
  lock.is_locked = true
  return true
end

local Acquire = method.class("Lock.acquire", acquire)

function Acquire.__await(coro, task)
  return acquire(coro[OBJECT], task, begin(coro))
end

--- Takes the lock, waiting in line until it is free. A cancelled wait takes nothing.
--- Source: asyncio.Lock.acquire.
---@return lacuna.Coroutine of true
function Lock:acquire()
  return new_method(Acquire, self)
end

--- Frees the lock and wakes the first who waits for it. Errors: RuntimeError if it is free.
--- Source: asyncio.Lock.release.
function Lock:release()
  if not self.is_locked then error(errors.RuntimeError("Lock is not acquired."), 2) end
  self.is_locked = false
  local line = self.waiters
  if line[FIRST] then wake_first(line) end
end

--- Whether somebody holds it.
---@return boolean
function Lock:locked()
  return self.is_locked
end

function Lock.__aenter(lock)
  local task = current()
  if not task then return await(lock:acquire()) end
  acquire(lock, task)
end

function Lock.__aexit(lock)
  lock:release()
end

function Lock:__tostring()
  return describe("Lock", self.is_locked and "locked" or "unlocked", self.waiters)
end

--- A lock that one task at a time holds; a context manager.
--- Source: asyncio.Lock.
---@return lacuna.Lock
function locks.Lock()
  local lock = { loop = false, is_locked = false, waiters = false }
  lock.waiters = waiters.line(lock, LockWaiter)
  return setmetatable(lock, Lock)
end

-- ---- Event ----

---@class lacuna.Event
local Event = {}
Event.__index = Event

local EventWaiter = waiters.class("Event")

local function wait_until_set(event, task, start)
  if event.value then return true end
  local err = wait(event.waiters, task)
  if err then error(err, 0) end
  return true
end

local EventWait = method.class("Event.wait", wait_until_set)

function EventWait.__await(coro, task)
  return wait_until_set(coro[OBJECT], task, begin(coro))
end

--- Waits until the event is set; at once if it is.
--- Source: asyncio.Event.wait.
---@return lacuna.Coroutine of true
function Event:wait()
  return new_method(EventWait, self)
end

--- Sets the event and wakes everyone who waits for it.
--- Source: asyncio.Event.set.
function Event:set()
  if self.value then return end
  self.value = true
  wake_all(self.waiters)
end

--- Takes the event back: who waits from now on waits for the next set().
--- Source: asyncio.Event.clear.
function Event:clear()
  self.value = false
end

--- Whether the event is set.
---@return boolean
function Event:is_set()
  return self.value
end

function Event:__tostring()
  return describe("Event", self.value and "set" or "unset", self.waiters)
end

--- A flag that tasks wait for; not set at first.
--- Source: asyncio.Event.
---@return lacuna.Event
function locks.Event()
  local event = { loop = false, value = false, waiters = false }
  event.waiters = waiters.line(event, EventWaiter)
  return setmetatable(event, Event)
end

-- ---- Condition ----

---@class lacuna.Condition
local Condition = {}
Condition.__index = Condition

local ConditionWaiter = waiters.class("Condition")

-- Takes the lock however often the task is cancelled meanwhile. Returns whether it was.
local function acquire_in_any_case(lock, task)
  local is_cancelled = false
  while true do
    local ok, err = pcall(acquire, lock, task)
    if ok then return is_cancelled end
    if not errors.isinstance(err, errors.CancelledError) then error(err, 0) end
    is_cancelled = true
  end
end

local function wait_for_notification(condition, task, start)
  local lock = condition.lock
  if not lock.is_locked then error(errors.RuntimeError("cannot wait on un-acquired lock"), 0) end
  lock:release()
  local err = wait(condition.waiters, task)
  if acquire_in_any_case(lock, task) then err = errors.quiet(errors.CancelledError) end
  if err then error(err, 0) end
  return true
end

local ConditionWait = method.class("Condition.wait", wait_for_notification)

function ConditionWait.__await(coro, task)
  return wait_for_notification(coro[OBJECT], task, begin(coro))
end

local function wait_for_predicate(condition, task, predicate, start)
  local result = predicate()
  while not result do
    wait_for_notification(condition, task)
    result = predicate()
  end
  return result
end

local ConditionWaitFor = method.class("Condition.wait_for", wait_for_predicate)

function ConditionWaitFor.__await(coro, task)
  return wait_for_predicate(coro[OBJECT], task, coro[ARGUMENT], begin(coro))
end

--- Frees the lock, waits to be notified and takes the lock again; also when the wait is cancelled.
--- Errors, when awaited: RuntimeError if the lock is free.
--- Source: asyncio.Condition.wait.
---@return lacuna.Coroutine of true
function Condition:wait()
  return new_method(ConditionWait, self)
end

--- Waits to be notified until a predicate holds; it is called with the lock held.
--- Errors: TypeError if predicate cannot be called; when awaited, as wait() and those of predicate.
--- Source: asyncio.Condition.wait_for.
---@param predicate fun(): any
---@return lacuna.Coroutine of what the predicate returned at last
function Condition:wait_for(predicate)
  if type(predicate) ~= "function" and not (getmetatable(predicate) or {}).__call then
    error(errors.TypeError("wait_for: predicate must be a function, got " .. options.describe(predicate)), 2)
  end
  return new_method(ConditionWaitFor, self, predicate)
end

--- Wakes those who have waited longest; they run once they get the lock. The lock stays taken.
--- Errors: RuntimeError if the lock is free, TypeError if n is no number.
--- Source: asyncio.Condition.notify.
---@param n? integer|{n: integer} how many, 1 if nil
function Condition:notify(n)
  n = options.argument("notify", n, "n")
  if n == nil then n = 1 end
  if type(n) ~= "number" then error(errors.TypeError("notify: n must be a number, got " .. options.describe(n)), 2) end
  if not self.lock.is_locked then error(errors.RuntimeError("cannot notify on un-acquired lock"), 2) end
  while n > 0 and wake_next(self.waiters) do n = n - 1 end
end

--- Wakes all who wait. Errors: RuntimeError if the lock is free.
--- Source: asyncio.Condition.notify_all.
function Condition:notify_all()
  if not self.lock.is_locked then error(errors.RuntimeError("cannot notify on un-acquired lock"), 2) end
  wake_all(self.waiters)
end

--- Takes the lock. Source: asyncio.Condition.acquire.
---@return lacuna.Coroutine of true
function Condition:acquire()
  return self.lock:acquire()
end

--- Frees the lock. Errors: RuntimeError if it is free. Source: asyncio.Condition.release.
function Condition:release()
  self.lock:release()
end

--- Whether somebody holds the lock.
---@return boolean
function Condition:locked()
  return self.lock.is_locked
end

function Condition.__aenter(condition)
  Lock.__aenter(condition.lock)
end

function Condition.__aexit(condition)
  condition.lock:release()
end

function Condition:__tostring()
  return describe("Condition", self.lock.is_locked and "locked" or "unlocked", self.waiters)
end

--- A lock with which tasks tell each other that something has changed; a context manager that holds the lock.
--- Errors: TypeError if lock is no Lock.
--- Source: asyncio.Condition.
---@param lock? lacuna.Lock a new one if nil; several conditions may share one
---@return lacuna.Condition
function locks.Condition(lock)
  if lock == nil then
    lock = locks.Lock()
  elseif getmetatable(lock) ~= Lock then
    error(errors.TypeError("Condition: lock must be a Lock or nil, got " .. tostring(lock)), 2)
  end
  local condition = { loop = false, lock = lock, waiters = false }
  condition.waiters = waiters.line(condition, ConditionWaiter)
  return setmetatable(condition, Condition)
end

return locks
