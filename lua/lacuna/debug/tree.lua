-- tree: the live tasks, who waits for whom, and where.
-- A future that stands for others lists them in `children`, a list or a method that makes one; what a task waits for
-- leads so to the tasks below it. What no task waits for stands at the left.

local layout = require "lacuna.kernel.layout"
local loop_module = require "lacuna.kernel.loop"
local native = require "lacuna.native.scheduler"
local output = require "lacuna.native.output"
local task_module = require "lacuna.kernel.task"
local traceback = require "lacuna.kernel.traceback"
local trap = require "lacuna.kernel.trap"

local LOOP, THREAD, WAITS_FOR, NATIVE = layout.LOOP, layout.THREAD, layout.WAITS_FOR, layout.NATIVE

local tree = {}

local function is_task(fut)
  return getmetatable(fut) == task_module.Task
end

-- The futures that one stands for; nil for one that stands for itself.
local function children_of(fut)
  local children = fut.children
  return type(children) == "function" and children(fut) or children
end

-- Calls fn for each task that a future stands for, the nearest ones only.
local function each_task_below(fut, fn)
  if type(fut) ~= "table" then return end
  if is_task(fut) then return fn(fut) end
  for _, child in ipairs(children_of(fut) or {}) do each_task_below(child, fn) end
end

local function describe_sleep(task, slot)
  local left = native.deadline(task[LOOP][NATIVE], slot) - task[LOOP]:time()
  if left <= 0 then return "has slept" end
  return ("sleeps for another %.3f s"):format(left)
end

local function describe_future(fut)
  if is_task(fut) then return ("task '%s'"):format(fut:get_name()) end
  local description = fut.description -- a string, or a method that makes one
  if description then return type(description) == "function" and description(fut) or description end
  local children = children_of(fut)
  if not children then return "a " .. fut.class_name end
  local pending = 0
  for _, child in ipairs(children) do
    if not child:done() then pending = pending + 1 end
  end
  return ("%s, %d pending"):format(fut.what or "gather", pending)
end

--- What a pending task is at, in words: "sleeps for another 1.500 s", "waits for Lock", "is running".
---@param task lacuna.Task
---@return string
function tree.describe(task)
  local awaited = task[WAITS_FOR]
  if task == trap.current() then return "is running" end
  if not task[THREAD] then return "has not started" end
  if type(awaited) == "number" then return describe_sleep(task, awaited) end
  if type(awaited) ~= "table" or awaited:done(task) then return "is ready to run" end
  return "waits for " .. describe_future(awaited)
end

local function line_of(task, depth)
  local thread = task[THREAD]
  local place = thread and task ~= trap.current() and traceback.place(thread)
  return ("%s%s %s%s"):format(
    ("  "):rep(depth), task:get_name(), tree.describe(task), place and " at " .. place or "")
end

--- The pending tasks of some loops as indented lines, those that a task waits for below it.
---@param loops lacuna.Loop[]
---@return string[] lines
function tree.lines(loops)
  local tasks, is_awaited, is_shown, lines = {}, {}, {}, {}
  for _, loop in ipairs(loops) do
    for _, task in ipairs(task_module.pending(loop)) do
      tasks[#tasks + 1] = task
      each_task_below(task[WAITS_FOR], function(awaited) is_awaited[awaited] = true end)
    end
  end
  local function show(task, depth)
    if is_shown[task] or task:done() then return end
    is_shown[task] = true
    lines[#lines + 1] = line_of(task, depth)
    each_task_below(task[WAITS_FOR], function(awaited) show(awaited, depth + 1) end)
  end
  for _, task in ipairs(tasks) do
    if not is_awaited[task] then show(task, 1) end
  end
  for _, task in ipairs(tasks) do show(task, 1) end -- tasks that wait for each other in a ring
  return lines
end

-- The loops of the script, the main one first: all but the supervisor's.
local function loops_of_script()
  local loops = { loop_module.main_loop }
  for loop in loop_module.each() do
    if loop ~= loop_module.main_loop and not loop.is_hidden then loops[#loops + 1] = loop end
  end
  return loops
end

--- Logs the live tasks of all loops: name, what each waits for, and where.
function tree.print_tasks()
  local lines = tree.lines(loops_of_script())
  table.insert(lines, 1, #lines .. (#lines == 1 and " task" or " tasks"))
  output.log(table.concat(lines, "\n"))
end

--- Logs that every task waits for something that nothing can wake.
function tree.print_deadlock()
  local lines = tree.lines(loops_of_script())
  table.insert(lines, 1, "deadlock: every task waits for something that nothing can wake")
  output.log(table.concat(lines, "\n"))
end

return tree
