-- taskgroup: tasks that end together.
-- The first failure cancels the others and the body; everything that failed comes out as one ExceptionGroup once all
-- have ended. The group cancels its parent to interrupt the body, and takes that request back. It is one table: state
-- in its first fields, then its tasks.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local check_object = require("lacuna.kernel.options").check_object
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local STATE, LOOP, PLACE, PENDING, FAILED = layout.STATE, layout.LOOP, layout.PLACE, layout.PENDING, layout.FAILED

-- Fields of a group. It listens to its tasks: LOOP is where listeners have it, and nothing is at THREAD.
local PARENT, ERRORS = 1, 2
local COMPLETION = 4 -- what the parent awaits, while it does
local PENDING_COUNT = 7 -- tasks that are not done
local UNREPORTED_COUNT = 8 -- the same, and those for which run() is to be called
local IS_EXITING, IS_ABORTING, HAS_CANCELLED_PARENT = 9, 10, 11
local LAST = 12 -- where the youngest task stands
local FIRST_TASK = 13 -- they stand in order of creation, with false where one was struck off

local SPARSE = 16 -- with so many places more than twice the tasks, they close up

-- What the parent awaits: that all tasks have ended.
local Completion = future.subclass("Future")
Completion.what = "TaskGroup"

local GROUP = 6 -- of a Completion, behind the fields of a Future

---@class lacuna.TaskGroup
local TaskGroup = {}
TaskGroup.__index = TaskGroup

function TaskGroup.__aenter(group)
  if group[PARENT] then error(errors.RuntimeError("TaskGroup has already been entered"), 0) end
  local parent = trap.current()
  if not parent then error(errors.RuntimeError("TaskGroup cannot determine the parent task"), 0) end
  group[PARENT], group[LOOP] = parent, parent[LOOP]
  return group
end

-- The tasks that are not done, in order of creation.
local function pending_tasks(group)
  local tasks = {}
  for place = FIRST_TASK, group[LAST] do
    local task = group[place]
    if task and task[STATE] == PENDING then tasks[#tasks + 1] = task end
  end
  return tasks
end

--- For the tree of tasks (debug/tree.lua).
---@return lacuna.Task[]
function Completion:children()
  return pending_tasks(self[GROUP])
end

local function abort(group)
  group[IS_ABORTING] = true
  local tasks = pending_tasks(group)
  for i = 1, #tasks do tasks[i]:cancel() end
end

local function strike_off(group, task)
  local place = task[PLACE] -- or a place that gather noted since: then only the next closing up forgets the task
  if group[place] == task then group[place] = false end
  group[UNREPORTED_COUNT] = group[UNREPORTED_COUNT] - 1
end

local function close_up(group)
  local kept = pending_tasks(group)
  for i = 1, group[LAST] - FIRST_TASK + 1 do
    local task, place = kept[i], FIRST_TASK + i - 1
    group[place] = task
    if task then task[PLACE] = place end
  end
  group[LAST] = FIRST_TASK + #kept - 1
end

local function add_error(group, err)
  local failures = group[ERRORS] or {}
  failures[#failures + 1] = err
  group[ERRORS] = failures
end

--- Strikes off a task that is done, if it has not failed and is not the last; kernel/future.lua calls it.
---@param task lacuna.Task
---@return boolean is_struck_off
function TaskGroup:takes_note(task)
  local pending_count = self[PENDING_COUNT] - 1
  self[PENDING_COUNT] = pending_count
  if pending_count == 0 or task[STATE] == FAILED then return false end
  strike_off(self, task)
  return true
end

--- A task of the group is done; kernel/trap.lua calls it.
---@param task lacuna.Task
function TaskGroup:run(task)
  strike_off(self, task)
  local completed, parent = self[COMPLETION], self[PARENT]
  if completed and self[UNREPORTED_COUNT] == 0 and not completed:done() then
    future.complete_with(completed, 0)
  end
  if task[STATE] ~= FAILED then return end
  local err = task:exception()
  add_error(self, err)
  if parent:done() then
    parent:get_loop():call_exception_handler {
      message = ("%s has errored out but its parent task %s is already completed"):format(
        tostring(task), tostring(parent)),
      exception = err,
      task = task,
    }
  elseif not self[IS_ABORTING] and not self[HAS_CANCELLED_PARENT] then
    abort(self)
    self[HAS_CANCELLED_PARENT] = true
    parent:cancel()
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
  check_object(self, TaskGroup, "group:create_task(…)")
  local problem = not self[PARENT] and "TaskGroup has not been entered"
    or self[IS_EXITING] and self[UNREPORTED_COUNT] == 0 and "TaskGroup is finished"
    or self[IS_ABORTING] and "TaskGroup is shutting down"
  if problem then
    coroutines.close(awaitable)
    error(errors.RuntimeError(problem), 2)
  end
  local name = options and task_module.name_in(options)
  local task = task_module.new(self[LOOP], awaitable, nil, "create_task")
  if name ~= nil then task:set_name(name) end -- as async.create_task
  local pending_count, place = self[PENDING_COUNT] + 1, self[LAST] + 1
  self[PENDING_COUNT], self[UNREPORTED_COUNT] = pending_count, self[UNREPORTED_COUNT] + 1
  self[LAST], self[place], task[PLACE] = place, task, place
  if place - FIRST_TASK > 2 * pending_count + SPARSE then close_up(self) end
  future.listen(task, self)
  return task
end

function TaskGroup.__aexit(group, err)
  group[IS_EXITING] = true
  local is_cancelled = err ~= nil and errors.isinstance(err, errors.CancelledError)
  local cancellation = is_cancelled and err or nil
  if group[HAS_CANCELLED_PARENT] and group[PARENT]:uncancel() == 0 then cancellation = nil end
  if err ~= nil and not group[IS_ABORTING] then abort(group) end
  while group[UNREPORTED_COUNT] > 0 do
    local completion = setmetatable({ PENDING, nil, group[LOOP], false, false, group, false }, Completion)
    group[COMPLETION] = completion
    local ok, wait_error = pcall(trap.await, completion)
    if not ok then
      if not errors.isinstance(wait_error, errors.CancelledError) then error(wait_error, 0) end
      if not group[IS_ABORTING] then
        cancellation = wait_error
        abort(group)
      end
    end
    group[COMPLETION] = false
  end
  if cancellation and not group[ERRORS] then error(cancellation, 0) end
  if err ~= nil and not is_cancelled then add_error(group, errors.wrap(err)) end
  if group[ERRORS] then
    error(errors.ExceptionGroup("unhandled errors in a TaskGroup", group[ERRORS]), 0)
  end
  return is_cancelled -- without errors, a cancellation that reached here was the group's own
end

function TaskGroup.__tostring(group)
  return ("<TaskGroup tasks=%d errors=%d>"):format(group[UNREPORTED_COUNT], #(group[ERRORS] or {}))
end

--- A context manager for tasks that end together: leaving it waits for all of them.
--- Errors, on leaving: one ExceptionGroup of all failures, in order of failure, the body's own last.
--- Source: asyncio.TaskGroup.
---@return lacuna.TaskGroup
local function new_task_group()
  return setmetatable({
    false, false, false, false, false, nil,
    0, 0, false, false, false,
    12, false, false, false, -- LAST: no task yet; room for three
  }, TaskGroup)
end

return new_task_group
