-- coroutine_state: where a coroutine object stands.
-- Awaiting keeps no record that an error could leave wrong; the stacks themselves are asked: an object that was started
-- has the number of its start, and so has the frame that runs it. This is for people who look, not for programs that
-- run.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local generator = require "lacuna.kernel.generator"
local layout = require "lacuna.kernel.layout"
local loop_module = require "lacuna.kernel.loop"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local COUNT, THREAD = layout.COUNT, layout.THREAD

-- Whether a thread runs the object of a start, itself or within the user's coroutine that it resumed.
local function is_on_stack(start, thread)
  local level = 0
  while true do
    local info = debug.getinfo(thread, level, "fu")
    if not info then return false end
    if coroutines.runs[info.func] then
      local _, last_parameter = debug.getlocal(thread, level, info.nparams)
      if last_parameter == start then return true end
    elseif info.func == generator.pass then
      local _, resumed = debug.getlocal(thread, level, 1)
      if is_on_stack(start, resumed) then return true end
    end
    level = level + 1
  end
end

local function is_running(start)
  local thread, task = coroutine.running(), trap.current()
  if thread and is_on_stack(start, thread) then return true end
  return task and task[THREAD] ~= thread and is_on_stack(start, task[THREAD])
end

local function is_suspended(start)
  for loop in loop_module.each() do
    for _, task in ipairs(task_module.pending(loop)) do
      local thread = task[THREAD]
      if thread and coroutine.status(thread) == "suspended" and is_on_stack(start, thread) then return true end
    end
  end
  return false
end

--- The state of a coroutine object. Errors: TypeError for anything else.
--- Source: Python's inspect.getcoroutinestate.
---@param coro lacuna.Coroutine
---@return "CREATED"|"RUNNING"|"SUSPENDED"|"CLOSED"
local function coroutine_state(coro)
  if not coroutines.iscoroutine(coro) then
    error(errors.TypeError("coroutine_state: coroutine object expected, got " .. tostring(coro)), 2)
  end
  local start = coro[COUNT]
  if start >= 0 then return "CREATED" end
  if is_running(start) then return "RUNNING" end
  return is_suspended(start) and "SUSPENDED" or "CLOSED"
end

return coroutine_state
