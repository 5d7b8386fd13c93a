-- exec: work off the loop. The default pool of threads, and the short ways to it.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local loops = require "lacuna.async.loops"
local ThreadPoolExecutor = require "lacuna.exec.thread_pool"
local trap = require "lacuna.kernel.trap"

local exec = { ThreadPoolExecutor = ThreadPoolExecutor }

local default_pool

local function get_default_pool()
  default_pool = default_pool or ThreadPoolExecutor()
  return default_pool
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
    error(errors.TypeError("to_thread: function expected, got " .. tostring(fn)), 2)
  end
  local count = select("#", ...)
  local arguments = { ... }
  return coroutines.named("to_thread", function()
    return trap.await(get_default_pool():start(loops.current(), fn, unpack(arguments, 1, count)))
  end)
end

--- What loop:run_in_executor does: starts fn(...) in an executor, or in the default pool of threads.
---@param loop lacuna.Loop
---@param executor? lacuna.Executor
---@param fn function
---@param ... any
---@return lacuna.Future
function exec.run_in_executor(loop, executor, fn, ...)
  if loop:is_closed() then error(errors.RuntimeError("Event loop is closed"), 3) end
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
