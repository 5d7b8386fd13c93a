-- lacuna: what `require "lacuna"` gives. It only names what the modules below define; calling it wraps a function into
-- an async function. Whatever is not needed to start a script is loaded when it is first touched.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local loop_module = require "lacuna.kernel.loop"
local loops = require "lacuna.async.loops"
local runner = require "lacuna.async.runner"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local async = {
  async = coroutines.async,
  await = trap.await,
  run = runner.run,
  sleep = require "lacuna.kernel.sleep",
  gather = require("lacuna.async.gather").gather,
  Future = future.Future,
  iscoroutine = coroutines.iscoroutine,
  iscoroutinefunction = coroutines.iscoroutinefunction,
  isfuture = future.isfuture,
  get_running_loop = loops.get_running_loop,
  get_event_loop = loops.get_event_loop,
  set_event_loop = loops.set_event_loop,
  new_event_loop = loop_module.new,
}
for name, value in pairs(errors) do
  if name ~= "wrap" and name ~= "unwrap" and name ~= "quiet" and name ~= "is_class" then async[name] = value end
end

--- Starts an awaitable, or a function without arguments, as a task; its first step is the loop's next turn.
--- Errors: TypeError for what is not awaitable, RuntimeError outside tasks and callbacks.
--- Source: asyncio.create_task.
---@param awaitable any
---@param options? {name?: string}
---@return lacuna.Task
function async.create_task(awaitable, options)
  local loop = trap.running_loop()
  if not loop then error(errors.RuntimeError("no running event loop"), 2) end
  local name = options and task_module.name_in(options)
  local task = task_module.new(loop, awaitable, nil, "create_task")
  if name ~= nil then task:set_name(name) end -- its number is used up, as in CPython 3.11
  return task
end

--- The running task; nil in a callback.
--- Source: asyncio.current_task.
---@return lacuna.Task?
function async.current_task()
  return trap.current() or nil
end

--- The tasks of a loop that are not done, in order of creation.
--- Source: asyncio.all_tasks.
---@param loop? lacuna.Loop the running one if nil
---@return lacuna.Task[]
function async.all_tasks(loop)
  if loop ~= nil and getmetatable(loop) ~= loop_module.Loop then
    error(errors.TypeError("all_tasks: loop or nil expected, got " .. tostring(loop)), 2)
  end
  return task_module.pending(loop or loops.get_running_loop())
end

--- Starts fn(...) in an executor, or in the default pool of threads; see executor:submit.
--- Source: asyncio.loop.run_in_executor.
---@param executor? lacuna.Executor
---@param fn function
---@param ... any
---@return lacuna.Future
function loop_module.Loop:run_in_executor(executor, fn, ...)
  return require("lacuna.exec").run_in_executor(self, executor, fn, ...)
end

--- Ends the default pool of threads once its calls have ended. Suspends until then.
--- Source: asyncio.loop.shutdown_default_executor.
---@return lacuna.Coroutine
function loop_module.Loop.shutdown_default_executor()
  return require("lacuna.exec").shutdown_default_executor()
end

-- Name -> the module that defines it, loaded when the name is first looked up.
local lazy = {
  with = "async.context",
  try = "async.context",
  pcall = "async.context",
  contextmanager = "async.context",
  closing = "async.context",
  TaskGroup = "async.taskgroup",
  timeout = "async.timeout",
  timeout_at = "async.timeout",
  wait_for = "async.timeout",
  wait = "async.waiting",
  as_completed = "async.waiting",
  shield = "async.waiting",
  coroutine_state = "async.coroutine_state",
  Lock = "async.locks",
  Event = "async.locks",
  Condition = "async.locks",
  Semaphore = "async.semaphore",
  BoundedSemaphore = "async.semaphore",
  Barrier = "async.barrier",
  Queue = "async.queues",
  LifoQueue = "async.queues",
  PriorityQueue = "async.queues",
  to_thread = "exec",
  ThreadPoolExecutor = "exec",
  ProcessPoolExecutor = "exec.process_pool",
  SharedBuffer = "exec.shared_buffer",
  spawn_worker = "exec.actor",
  fetch = "http",
  input = "stdin",
  print_tasks = "debug.tree",
}

-- The same for methods of the loop.
local lazy_methods = {
  add_signal_handler = "io.signals",
  remove_signal_handler = "io.signals",
}
local Loop = loop_module.Loop

setmetatable(Loop, {
  __index = function(_, name)
    local module_name = lazy_methods[name]
    if not module_name then return nil end
    Loop[name] = require("lacuna." .. module_name)[name]
    return Loop[name]
  end,
})

return setmetatable(async, {
  __names = lazy, -- for completion at the prompt
  __call = function(_, fn) return coroutines.async(fn) end,
  __index = function(_, name)
    local module_name = lazy[name]
    if not module_name then return nil end
    local module = require("lacuna." .. module_name)
    local value = type(module) == "table" and module[name] or module
    async[name] = value
    return value
  end,
})
