-- effects: the steps of a generated program that do not wait, as methods of a run: now.NAME(run, scope, …). They run in
-- tasks and in callbacks. interpreter.py has them as now_NAME.
local async = require "lacuna"

local now = {}

function now.spawn(run, scope, name, steps)
  run:spawn(name, steps, scope)
end

function now.group_spawn(run, scope, name, steps)
  local coroutine = run:body(name, steps, scope)
  run:register(name, scope.group and scope.group:create_task(coroutine) or async.create_task(coroutine))
end

function now.reschedule(run, scope, ticks)
  if scope.timeout then scope.timeout:reschedule(ticks >= 0 and run.loop:time() + ticks * run.TICK or nil) end
end

now["raise"] = function(_, _, message)
  error(async.ValueError(message))
end

function now.raise_cancelled(_, _, message)
  error(async.CancelledError(message))
end

function now.reraise(_, scope)
  if scope.error then error(scope.error, 0) end
end

local function message_of(text)
  if text ~= "" then return text end
  return nil
end

function now.cancel(run, _, name, message)
  return run:target(name):cancel(message_of(message))
end

function now.cancel_self(_, _, message)
  local task = async.current_task()
  return task and task:cancel(message_of(message))
end

function now.uncancel()
  local task = async.current_task()
  return task and task:uncancel()
end

function now.cancelling()
  local task = async.current_task()
  return task and task:cancelling()
end

function now.outcome(run, _, name)
  return run:outcome(run:target(name))
end

function now.result(run, _, name)
  return run:target(name):result()
end

function now.exception(run, _, name)
  return run:target(name):exception()
end

function now.set_result(run, _, name, value)
  run.objects[name]:set_result(value)
end

function now.set_exception(run, _, name, message)
  run.objects[name]:set_exception(async.ValueError(message))
end

function now.call_soon(run, scope, name, step)
  run.handles[name] = run.loop:call_soon(run:callback(scope, step))
end

function now.call_later(run, scope, ticks, name, step)
  run.handles[name] = run.loop:call_later(ticks * run.TICK, run:callback(scope, step))
end

function now.cancel_handle(run, _, name)
  local handle = run.handles[name]
  if not handle then return nil end
  handle:cancel()
  return handle:cancelled()
end

function now.done_callback(run, scope, name, step)
  run:target(name):add_done_callback(run:callback(scope, step))
end

function now.named_callback(run, scope, name, callback, step)
  run.callbacks[callback] = run.callbacks[callback] or run:callback(scope, step)
  run:target(name):add_done_callback(run.callbacks[callback])
end

function now.remove_callback(run, _, name, callback)
  return run:target(name):remove_done_callback(run.callbacks[callback])
end

function now.release(run, _, name)
  run.objects[name]:release()
end

function now.set(run, _, name)
  run.objects[name]:set()
end

function now.clear(run, _, name)
  run.objects[name]:clear()
end

function now.notify(run, _, name, count)
  run.objects[name]:notify(count)
end

function now.notify_all(run, _, name)
  run.objects[name]:notify_all()
end

function now.add(run, _, count)
  run.counter = run.counter + count
  return run.counter
end

function now.put_nowait(run, _, name, value)
  run.objects[name]:put_nowait(value)
end

function now.get_nowait(run, _, name)
  return run.objects[name]:get_nowait()
end

function now.task_done(run, _, name)
  run.objects[name]:task_done()
end

function now.alive(run)
  return #async.all_tasks(run.loop)
end

function now.state(run, _, name)
  return run:state(name)
end

return now
