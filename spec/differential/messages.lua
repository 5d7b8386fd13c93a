-- The words of the errors that asyncio itself raises; see messages.py.
local async = require "lacuna"
local await = async.await

local function told(fn, ...)
  local ok, err = pcall(fn, ...)
  if not ok then print(err.name .. " " .. err.message) end
end

local told_by = async(function(awaitable) told(await, awaitable) end)

local function futures()
  local future = async.get_running_loop():create_future()
  told(future.result, future)
  told(future.exception, future)
  future:set_result(1)
  told(future.set_result, future, 2)
  told(future.set_exception, future, async.ValueError())
  local cancelled = async.get_running_loop():create_future()
  cancelled:cancel("why")
  told(cancelled.result, cancelled)
  told(cancelled.exception, cancelled)
  local task = async.create_task(async.sleep(0))
  told(task.result, task)
  told(task.set_result, task, 1)
  told(task.set_exception, task, async.ValueError())
  await(task)
  local coroutine = async.sleep(0)
  await(coroutine)
  told(await, coroutine)
  await(told_by(async.create_task(coroutine)))
end

local function waiting()
  told(await, async.wait {})
  told(await, async.wait({ async.create_task(async.sleep(0)) }, { return_when = "SOME" }))
  told(await, async.wait_for(async.sleep(5), 1))
  local timeout = async.timeout(1)
  async.with(timeout, function() end)
  told(timeout.reschedule, timeout, 5)
end

local function locks()
  local lock = async.Lock()
  told(lock.release, lock)
  local condition = async.Condition()
  told(condition.release, condition)
  told(condition.notify, condition)
  told(condition.notify_all, condition)
  told(await, condition:wait())
  told(async.Semaphore, -1)
  local semaphore = async.BoundedSemaphore(1)
  told(semaphore.release, semaphore)
  told(async.Barrier, 0)
  local barrier = async.Barrier(2)
  local waiter = async.create_task(told_by(barrier:wait()))
  await(async.sleep(0))
  await(barrier:abort())
  await(waiter)
  told(await, barrier:wait())
end

local function queues()
  local queue = async.Queue(1)
  told(queue.get_nowait, queue)
  queue:put_nowait(1)
  told(queue.put_nowait, queue, 2)
  queue:task_done()
  told(queue.task_done, queue)
end

local function loops()
  local loop = async.get_running_loop()
  told(loop.close, loop)
  told(loop.run_forever, loop)
  local closed = async.new_event_loop()
  closed:close()
  told(closed.call_soon, closed, print)
  told(closed.run_forever, closed)
end

async.run(function()
  futures()
  waiting()
  locks()
  queues()
  loops()
end)
local stopped = async.new_event_loop()
stopped:call_soon(stopped.stop, stopped)
told(stopped.run_until_complete, stopped, stopped:create_future())
