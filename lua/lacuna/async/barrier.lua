-- barrier: a number of tasks that go on together.
-- A Condition guards the state. "filling" until all have come, then "draining" until all have left; "resetting" drains
-- those who came in vain; "broken" until reset.

local errors = require "lacuna.kernel.errors"
local locks = require "lacuna.async.locks"
local method = require "lacuna.async.method"
local options = require "lacuna.kernel.options"
local trap = require "lacuna.kernel.trap"
local waiters = require "lacuna.async.waiters"

local begin, new_method, OBJECT = method.begin, method.new, method.OBJECT
local await = trap.await

---@class lacuna.Barrier
---@field parties integer how many tasks go on together
---@field n_waiting integer how many wait at the moment
---@field broken boolean whether it was aborted
local Barrier = {}

local BarrierWaiter = waiters.class("Barrier")

local properties = {}

function properties.n_waiting(barrier)
  return barrier.state == "filling" and barrier.count or 0
end

function properties.broken(barrier)
  return barrier.state == "broken"
end

function Barrier.__index(barrier, key)
  local property = properties[key]
  if property then return property(barrier) end
  return Barrier[key]
end

-- Runs a function with the condition's lock held.
local function holding(barrier, fn, start)
  local condition = barrier.condition
  await(condition:acquire())
  local ok, result = pcall(fn, barrier, condition)
  condition:release()
  if not ok then error(result, 0) end
  return result
end

-- Waits while the barrier is in one of two states.
local function wait_while(barrier, condition, state, other_state)
  while barrier.state == state or barrier.state == other_state do await(condition:wait()) end
end

local function arrive(barrier, condition, index)
  if index + 1 == barrier.parties then
    barrier.state = "draining"
    condition:notify_all()
    return
  end
  wait_while(barrier, condition, "filling")
  if barrier.state ~= "draining" then error(errors.BrokenBarrierError("Abort or reset of barrier"), 0) end
end

local function wait(barrier, condition)
  wait_while(barrier, condition, "draining", "resetting")
  if barrier.state == "broken" then error(errors.BrokenBarrierError("Barrier aborted"), 0) end
  local index = barrier.count
  barrier.count = index + 1
  local ok, err = pcall(arrive, barrier, condition, index)
  barrier.count = barrier.count - 1
  if barrier.count == 0 then
    if barrier.state ~= "broken" then barrier.state = "filling" end
    condition:notify_all()
  end
  if not ok then error(err, 0) end
  return index
end

local function reset(barrier, condition)
  barrier.state = barrier.count > 0 and "resetting" or "filling"
  condition:notify_all()
end

local function abort(barrier, condition)
  barrier.state = "broken"
  condition:notify_all()
end

local Wait = method.class("Barrier.wait", holding)

function Wait.__await(coro)
  return holding(coro[OBJECT], wait, begin(coro))
end

local Reset = method.class("Barrier.reset", holding)

function Reset.__await(coro)
  return holding(coro[OBJECT], reset, begin(coro))
end

local Abort = method.class("Barrier.abort", holding)

function Abort.__await(coro)
  return holding(coro[OBJECT], abort, begin(coro))
end

--- Waits until all parties have come; then all go on. Who is cancelled gives up his place.
--- Errors, when awaited: BrokenBarrierError if the barrier is broken, or is aborted or reset meanwhile.
--- Source: asyncio.Barrier.wait.
---@return lacuna.Coroutine of which one came: 0 to parties - 1
function Barrier:wait()
  return new_method(Wait, self)
end

--- Makes the barrier as new; tasks that wait get BrokenBarrierError.
--- Source: asyncio.Barrier.reset.
---@return lacuna.Coroutine
function Barrier:reset()
  return new_method(Reset, self)
end

--- Breaks the barrier: tasks that wait, or come until it is reset, get BrokenBarrierError.
--- Source: asyncio.Barrier.abort.
---@return lacuna.Coroutine
function Barrier:abort()
  return new_method(Abort, self)
end

function Barrier.__aenter(barrier)
  return await(barrier:wait())
end

function Barrier.__aexit() end

function Barrier:__tostring()
  if self.broken then return "<Barrier [broken]>" end
  return ("<Barrier [%s, waiters:%d/%d]>"):format(self.state, self.n_waiting, self.parties)
end

--- A point which a number of tasks pass together; a context manager that waits on entering.
--- Errors: TypeError if parties is no integer, ValueError if it is less than 1.
--- Source: asyncio.Barrier.
---@param parties integer|{parties: integer}
---@return lacuna.Barrier
local function new_barrier(parties)
  parties = options.argument("Barrier", parties, "parties")
  if type(parties) ~= "number" or parties % 1 ~= 0 then
    error(errors.TypeError("Barrier: parties must be an integer, got " .. options.describe(parties)), 2)
  end
  if parties < 1 then error(errors.ValueError("parties must be > 0"), 2) end
  local condition = locks.Condition()
  condition.waiters = waiters.line(condition, BarrierWaiter)
  return setmetatable({ parties = parties, state = "filling", count = 0, condition = condition }, Barrier)
end

return new_barrier
