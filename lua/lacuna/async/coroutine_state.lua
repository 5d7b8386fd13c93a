-- coroutine_state: where a coroutine object stands.
-- Awaiting keeps no record that an error could leave wrong; the stacks themselves are asked. This is for people who
-- look, not for programs that run.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local generator = require "lacuna.kernel.generator"
local layout = require "lacuna.kernel.layout"
local loop_module = require "lacuna.kernel.loop"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local COUNT, CLOSED, THREAD = layout.COUNT, layout.CLOSED, layout.THREAD

local is_on_stack

-- Whether the frame that awaits `coro` is at a level of a stack, or within the user's coroutine resumed from there.
local function is_in_frame(coro, fn, first_local)
  if fn == getmetatable(coro).__await or fn == trap.sleep then return first_local == coro end
  return fn == generator.pass and is_on_stack(coro, first_local)
end

function is_on_stack(coro, thread)
  local level = 0
  while true do
    local info = debug.getinfo(thread, level, "f")
    if not info then return false end
    local _, first_local = debug.getlocal(thread, level, 1)
    if is_in_frame(coro, info.func, first_local) then return true end
    level = level + 1
  end
end

local function is_running(coro)
  local level = 2
  while true do
    local info = debug.getinfo(level, "f")
    if not info then break end
    local _, first_local = debug.getlocal(level, 1)
    if is_in_frame(coro, info.func, first_local) then return true end
    level = level + 1
  end
  local task = trap.current()
  return task and task[THREAD] ~= coroutine.running() and is_on_stack(coro, task[THREAD])
end

local function is_suspended(coro)
  for loop in loop_module.each() do
    for _, task in ipairs(task_module.pending(loop)) do
      local thread = task[THREAD]
      if thread and coroutine.status(thread) == "suspended" and is_on_stack(coro, thread) then return true end
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
  if coro[COUNT] >= 0 then return "CREATED" end
  if coro[COUNT] == CLOSED then return "CLOSED" end
  if is_running(coro) then return "RUNNING" end
  return is_suspended(coro) and "SUSPENDED" or "CLOSED"
end

return coroutine_state
