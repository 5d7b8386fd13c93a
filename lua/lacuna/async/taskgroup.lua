-- taskgroup: tasks that end together.
-- The first failure cancels the others and the body; everything that failed comes out as one ExceptionGroup once all
-- have ended. The group cancels its parent to interrupt the body, and takes that request back.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local new_table = require "table.new"
local trap = require "lacuna.kernel.trap"

local STATE, LOOP, PENDING = layout.STATE, layout.LOOP, layout.PENDING

-- What the parent awaits: that all tasks have ended.
local Completion = future.subclass("Future")
Completion.what = "TaskGroup"

local function new_completion(group)
  local fut = { false, nil, false, false, false, group = false }
  fut[STATE], fut[LOOP], fut.group = PENDING, group[LOOP], group
  return setmetatable(fut, Completion)
end

---@class lacuna.TaskGroup
local TaskGroup = {}
TaskGroup.__index = TaskGroup

function TaskGroup.__aenter(group)
  if group.parent then error(errors.RuntimeError("TaskGroup has already been entered"), 0) end
  group.parent = trap.current()
  if not group.parent then error(errors.RuntimeError("TaskGroup cannot determine the parent task"), 0) end
  group[LOOP] = group.parent[LOOP]
  return group
end

--- The tasks that have not reported their end, in order of creation.
---@return lacuna.Task[]
function TaskGroup:pending()
  local places, tasks = self.places, {}
  for task in pairs(places) do tasks[#tasks + 1] = task end
  table.sort(tasks, function(a, b) return places[a] < places[b] end)
  return tasks
end

local function abort(group)
  group.is_aborting = true
  for _, task in ipairs(group:pending()) do task:cancel() end
end

local function strike_off(group, task)
  group.places[task] = nil
  group.unreported_count = group.unreported_count - 1
end

--- Strikes off a task that is done, if it has not failed and is not the last; kernel/future.lua calls it.
---@param task lacuna.Task
---@return boolean is_struck_off
function TaskGroup:takes_note(task)
  self.pending_count = self.pending_count - 1
  if self.pending_count == 0 or task[STATE] == layout.FAILED then return false end
  strike_off(self, task)
  return true
end

--- A task of the group is done; kernel/trap.lua calls it.
---@param task lacuna.Task
function TaskGroup:run(task)
  strike_off(self, task)
  local completed = self.on_completed
  if completed and self.unreported_count == 0 and not completed:done() then completed:set_result(true) end
  if task:cancelled() then return end
  local err = task:exception()
  if not err then return end
  self.errors[#self.errors + 1] = err
  if self.parent:done() then
    self.parent:get_loop():call_exception_handler {
      message = ("%s has errored out but its parent task %s is already completed"):format(
        tostring(task), tostring(self.parent)),
      exception = err,
      task = task,
    }
  elseif not self.is_aborting and not self.has_cancelled_parent then
    abort(self)
    self.has_cancelled_parent = true
    self.parent:cancel()
  end
end

--- Starts an awaitable as a task of the group.
--- Errors: RuntimeError if the group has not been entered, is shutting down or has ended; TypeError for what is not
--- awaitable.
--- Source: asyncio.TaskGroup.create_task.
---@param awaitable any
---@param options? {name?: string}
---@return lacuna.Task
function TaskGroup:create_task(awaitable, options)
  local problem = not self.parent and "TaskGroup has not been entered"
    or self.is_exiting and self.unreported_count == 0 and "TaskGroup is finished"
    or self.is_aborting and "TaskGroup is shutting down"
  if problem then
    coroutines.close(awaitable)
    error(errors.RuntimeError(problem), 2)
  end
  local task = self[LOOP]:create_task(awaitable, options)
  self.count, self.pending_count, self.unreported_count =
    self.count + 1, self.pending_count + 1, self.unreported_count + 1
  self.places[task] = self.count
  future.listen(task, self)
  return task
end

function TaskGroup.__aexit(group, err)
  group.is_exiting = true
  local is_cancelled = err ~= nil and errors.isinstance(err, errors.CancelledError)
  local cancellation = is_cancelled and err or nil
  if group.has_cancelled_parent and group.parent:uncancel() == 0 then cancellation = nil end
  if err ~= nil and not group.is_aborting then abort(group) end
  while group.unreported_count > 0 do
    group.on_completed = new_completion(group)
    local ok, wait_error = pcall(trap.await, group.on_completed)
    if not ok then
      if not errors.isinstance(wait_error, errors.CancelledError) then error(wait_error, 0) end
      if not group.is_aborting then
        cancellation = wait_error
        abort(group)
      end
    end
    group.on_completed = false
  end
  if cancellation and #group.errors == 0 then error(cancellation, 0) end
  if err ~= nil and not is_cancelled then group.errors[#group.errors + 1] = errors.wrap(err) end
  if #group.errors > 0 then
    error(errors.ExceptionGroup("unhandled errors in a TaskGroup", group.errors), 0)
  end
  return is_cancelled -- without errors, a cancellation that reached here was the group's own
end

function TaskGroup.__tostring(group)
  return ("<TaskGroup tasks=%d errors=%d>"):format(group.unreported_count, #group.errors)
end

--- A context manager for tasks that end together: leaving it waits for all of them.
--- Errors, on leaving: one ExceptionGroup of all failures, in order of failure, the body's own last.
--- Source: asyncio.TaskGroup.
---@return lacuna.TaskGroup
local function new_task_group()
  local group = {
    false, false, false, -- LOOP
    parent = false,
    places = false, -- task that has not reported its end -> its place in the order of creation
    count = 0,
    pending_count = 0, -- tasks that are not done
    unreported_count = 0, -- the same, and those for which run() is to be called
    errors = false,
    on_completed = false, -- what the parent awaits
    is_exiting = false,
    is_aborting = false,
    has_cancelled_parent = false,
  }
  group.places, group.errors = new_table(0, 4), {}
  return setmetatable(group, TaskGroup)
end

return new_task_group
