-- semaphore: Semaphore and BoundedSemaphore.
-- A unit given back while somebody waits is reserved for him: the value counts only units that nobody was woken for.

local errors = require "lacuna.kernel.errors"
local method = require "lacuna.async.method"
local options = require "lacuna.kernel.options"
local trap = require "lacuna.kernel.trap"
local waiters = require "lacuna.async.waiters"

local FIRST = waiters.FIRST
local wait, wake_next, is_occupied = waiters.wait, waiters.wake_next, waiters.is_occupied
local begin, new_method, OBJECT = method.begin, method.new, method.OBJECT
local await, current = trap.await, trap.current
local error, setmetatable, type = error, setmetatable, type

local semaphores = {}

---@class lacuna.Semaphore
local Semaphore = { class_name = "Semaphore" }
Semaphore.__index = Semaphore

---@class lacuna.BoundedSemaphore: lacuna.Semaphore
local BoundedSemaphore = setmetatable({ class_name = "BoundedSemaphore" }, { __index = Semaphore })
BoundedSemaphore.__index = BoundedSemaphore

local SemaphoreWaiter = waiters.class("Semaphore")

-- Reserves a unit for the first who waits for one, if anybody does.
local function hand_out(semaphore)
  if wake_next(semaphore.waiters) then semaphore.value = semaphore.value - 1 end
end

local function must_wait(semaphore)
  if semaphore.value == 0 then return true end
  local line = semaphore.waiters
  return line[FIRST] and is_occupied(line)
end

local function acquire(semaphore, task, start)
  if not must_wait(semaphore) then
    semaphore.value = semaphore.value - 1
    return true
  end
  local err, is_woken = wait(semaphore.waiters, task)
  if err then
    if is_woken then
      semaphore.value = semaphore.value + 1
      hand_out(semaphore)
    end
    error(err, 0)
  end
  if semaphore.value > 0 then hand_out(semaphore) end
  return true
end

local Acquire = method.class("Semaphore.acquire", acquire)

function Acquire.__await(coro, task)
  return acquire(coro[OBJECT], task, begin(coro))
end

--- Takes a unit, waiting in line until there is one. A cancelled wait takes nothing.
--- Source: asyncio.Semaphore.acquire.
---@return lacuna.Coroutine of true
function Semaphore:acquire()
  return new_method(Acquire, self)
end

--- Gives a unit back, to the first who waits for one.
--- Source: asyncio.Semaphore.release.
function Semaphore:release()
  self.value = self.value + 1
  if self.waiters[FIRST] then hand_out(self) end
end

--- Gives a unit back. Errors: ValueError if more would be there than at the beginning.
--- Source: asyncio.BoundedSemaphore.release.
function BoundedSemaphore:release()
  if self.value >= self.bound then error(errors.ValueError("BoundedSemaphore released too many times"), 2) end
  Semaphore.release(self)
end

--- Whether acquire() would have to wait.
---@return boolean
function Semaphore:locked()
  return must_wait(self) and true or false
end

function Semaphore.__aenter(semaphore)
  local task = current()
  if not task then return await(semaphore:acquire()) end
  acquire(semaphore, task)
end

function Semaphore.__aexit(semaphore)
  semaphore:release()
end

function Semaphore:__tostring()
  local state = self:locked() and "locked" or ("unlocked, value:%d"):format(self.value)
  local count = waiters.count(self.waiters)
  if count > 0 then state = ("%s, waiters:%d"):format(state, count) end
  return ("<%s [%s]>"):format(self.class_name, state)
end
BoundedSemaphore.__aenter, BoundedSemaphore.__aexit = Semaphore.__aenter, Semaphore.__aexit
BoundedSemaphore.__tostring = Semaphore.__tostring

local function new(class, value)
  value = options.argument(class.class_name, value, "value")
  if value == nil then value = 1 end
  if type(value) ~= "number" or value % 1 ~= 0 then
    local given = options.describe(value)
    error(errors.TypeError(("%s: value must be an integer, got %s"):format(class.class_name, given)), 3)
  end
  if value < 0 then error(errors.ValueError("Semaphore initial value must be >= 0"), 3) end
  local semaphore = { loop = false, value = value, bound = value, waiters = false }
  semaphore.waiters = waiters.line(semaphore, SemaphoreWaiter)
  return setmetatable(semaphore, class)
end

--- A number of units that tasks take and give back; a context manager.
--- Errors: TypeError if value is no integer, ValueError if it is negative.
--- Source: asyncio.Semaphore.
---@param value? integer|{value: integer} units at the beginning, 1 if nil
---@return lacuna.Semaphore
function semaphores.Semaphore(value)
  return new(Semaphore, value)
end

--- A Semaphore of which no more can be released than were acquired.
--- Errors: as Semaphore.
--- Source: asyncio.BoundedSemaphore.
---@param value? integer|{value: integer} units at the beginning, 1 if nil
---@return lacuna.BoundedSemaphore
function semaphores.BoundedSemaphore(value)
  return new(BoundedSemaphore, value)
end

return semaphores
