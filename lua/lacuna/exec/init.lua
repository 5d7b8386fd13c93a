-- exec: work off the loop. The default pool of threads, and the short ways to it.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local options = require "lacuna.kernel.options"
local ThreadPoolExecutor = require "lacuna.exec.thread_pool"

local FUNCTION, COUNT, FIRST_ARGUMENT = layout.FUNCTION, layout.COUNT, layout.FIRST_ARGUMENT
local LOOP = layout.LOOP

local exec = { ThreadPoolExecutor = ThreadPoolExecutor }

local default_pool

local function get_default_pool()
  default_pool = default_pool or ThreadPoolExecutor()
  return default_pool
end

-- The coroutine object of to_thread has its arguments where others have theirs, and no closure.
local ToThread =
  coroutines.guard { is_coroutine = true, name = "to_thread", __tostring = coroutines.Coroutine.__tostring }

local function leave(start, ...)
  return ...
end

local function wait(call, task, start)
  return leave(start, call:__await(task))
end
coroutines.runs[wait] = true

function ToThread.__await(coro, task)
  local count, start = coro[COUNT], coroutines.begin(coro)
  local pool, last = get_default_pool(), count + FIRST_ARGUMENT - 1
  local call
  if count == 0 then
    call = pool:start(task[LOOP], coro[FUNCTION])
  else
    call = pool:start(task[LOOP], coro[FUNCTION], unpack(coro, FIRST_ARGUMENT, last))
  end
  return wait(call, task, start)
end

--- A coroutine object that calls fn(...) in a worker thread of the default pool and gives its results, or its error.
--- Nothing starts before it is awaited. Cancelling the wait removes a call that waits and interrupts one that runs.
--- Errors: TypeError that names what cannot travel, BrokenExecutor if the worker dies.
--- Source: asyncio.to_thread.
---@param fn function
---@param ... any
---@return lacuna.Coroutine
function exec.to_thread(fn, ...)
  if type(fn) ~= "function" then
    error(errors.TypeError("to_thread: function expected, got " .. options.describe(fn)), 2)
  end
  local coro = setmetatable({ fn, select("#", ...), ... }, ToThread)
  if coroutines.watch_created then return coroutines.watch_created(coro) end
  return coro
end

--- What loop:run_in_executor does: starts fn(...) in an executor, or in the default pool of threads.
---@param loop lacuna.Loop
---@param executor? lacuna.Executor
---@param fn function
---@param ... any
---@return lacuna.Future
function exec.run_in_executor(loop, executor, fn, ...)
  if loop:is_closed() then error(errors.RuntimeError("Event loop is closed"), 3) end
  if executor ~= nil and (type(executor) ~= "table" or not executor.start) then
    error(errors.TypeError("run_in_executor: an executor or nil expected, got " .. tostring(executor)), 3)
  end
  return (executor or get_default_pool()):start(loop, fn, ...)
end

--- Takes no more calls in the default pool of threads and suspends until its workers have ended. Whoever needs it again
--- gets a new one.
--- Source: asyncio.loop.shutdown_default_executor.
---@return lacuna.Coroutine
function exec.shutdown_default_executor()
  return coroutines.named("shutdown_default_executor", function()
    local pool = default_pool
    default_pool = nil
    if pool then pool:shutdown() end
  end)
end

return exec
