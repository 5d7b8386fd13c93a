-- generator: a user's own coroutines, in which await suspends the whole task.
-- A park inside a coroutine arrives at whoever resumed it, who parks in turn, out to the scheduler; the way back in is
-- the same. A park needs no mark of its own: no task is current then, and none else returns from a resume so.

local errors = require "lacuna.kernel.errors"
local trap = require "lacuna.kernel.trap"

local raw_create, raw_resume, raw_yield, running =
  coroutine.create, coroutine.resume, coroutine.yield, coroutine.running
local current = trap.current

local keep_stack_of = trap.keep_stack_of

local generator = {}

local segments = setmetatable({}, { __mode = "k" }) -- threads of generator.call: user code must not yield from them

local parked = setmetatable({}, { __mode = "k" }) -- threads within which a task waits: only its wake-up resumes them

-- Each level of resuming holds a piece of the C stack; LuaJIT itself counts none of them, and crashes.
local MOST_NESTED = 10000
local nested = 0

local pass

-- What pcall(raw_yield, …) returned: nothing more when the task goes on. Where it could not suspend, or its own resumer
-- could not, the park inside is told so, and raises there.
local function go_on(co, task, ok, is_refused)
  parked[co] = nil
  nested = nested + 1
  if not ok or is_refused then return pass(co, task, raw_resume(co, true)) end
  return pass(co, task, raw_resume(co))
end

-- What raw_resume returned: of a park, what it tells the scheduler.
function pass(co, task, ok, ...)
  nested = nested - 1
  if not task or current() then return ok, ... end
  parked[co] = true
  return go_on(co, task, pcall(raw_yield, ...))
end

local function resume(co, ...)
  if parked[co] then return false, errors.RuntimeError("cannot resume a coroutine while a task waits within it") end
  if nested == MOST_NESTED then
    return false, errors.RuntimeError(("stack overflow: %d coroutines resumed within each other"):format(nested))
  end
  nested = nested + 1
  return pass(co, current(), raw_resume(co, ...))
end

-- Raises the error of a coroutine in its resumer, with the stack of where it was raised.
local function results(co, ok, ...)
  if ok then return ... end
  local err = ...
  keep_stack_of(co, err)
  error(err, 0)
end

local function wrap(fn)
  local co = raw_create(fn)
  return function(...) return results(co, resume(co, ...)) end
end

local function yield(...)
  local thread = running()
  if thread == trap.running_thread() or segments[thread] then
    error(errors.RuntimeError("coroutine.yield outside a coroutine of one's own: a task suspends with await"), 2)
  end
  return raw_yield(...)
end

--- Calls a function on a fresh Lua stack. Suspends when it does.
---@param fn function
---@param ... any its arguments
---@return any ... what it returns; its error is raised
function generator.call(fn, ...)
  local co = raw_create(fn)
  segments[co] = true
  return results(co, resume(co, ...))
end

-- The frames of a suspended task that stand for a coroutine within: its thread is their first local.
generator.pass = pass

--- Replaces the functions of the global `coroutine` through which a task can suspend.
function generator.install()
  coroutine.resume, coroutine.wrap, coroutine.yield = resume, wrap, yield
end

return generator
