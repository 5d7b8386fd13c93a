-- checks: what debug mode watches for. Nothing of it runs outside debug mode; this file is loaded when it is turned on.
-- It reports coroutine objects that are never awaited, steps that hold the loop for too long, and tasks that go on
-- waiting after they caught their cancellation.

local coroutines = require "lacuna.kernel.coroutine"
local context = require "lacuna.async.context"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.scheduler"
local output = require "lacuna.native.output"
local task_module = require "lacuna.kernel.task"
local traceback = require "lacuna.kernel.traceback"
local trap = require "lacuna.kernel.trap"

local COUNT, CANCEL_COUNT, THREAD = layout.COUNT, layout.CANCEL_COUNT, layout.THREAD

local checks = { is_on = false }

local say = output.log

-- ---- coroutine objects that are never awaited ----

local created = setmetatable({}, { __mode = "v" }) -- in order of creation
local created_count = 0
local forgotten = {} -- found by a finalizer, reported at the next safe point

local function report_forgotten(coro)
  coro[COUNT] = layout.CLOSED
  say(("%s was never awaited; made at %s. Write await(…), or start it with create_task"):format(
    tostring(coro), coro.made_at))
end

local function watch_created(coro)
  coro.made_at = traceback.here(2):match("^\t(.-): in ") or "?"
  local sentinel = newproxy(true)
  getmetatable(sentinel).__gc = function()
    if coro[COUNT] < 0 then return end
    forgotten[#forgotten + 1] = coro
    native.notify()
  end
  coro.sentinel = sentinel
  created_count = created_count + 1
  created[created_count] = coro
  return coro
end

--- Reports the coroutine objects that were collected without having been awaited; with `is_end` all that are left.
---@param is_end boolean
function checks.report_never_awaited(is_end)
  local found = forgotten
  forgotten = {}
  for _, coro in ipairs(found) do report_forgotten(coro) end
  if not is_end then return end
  for index = 1, created_count do
    local coro = created[index]
    if coro and coro[COUNT] >= 0 then report_forgotten(coro) end
  end
  created, created_count = setmetatable({}, { __mode = "v" }), 0
end

-- ---- swallowed cancellations ----

-- Whether the wait is part of leaving a block: then the cancellation is only on its way.
local function is_cleaning_up()
  local level = 3
  while true do
    local info = debug.getinfo(level, "f")
    if not info then return false end
    if context.is_leaving[info.func] then return true end
    level = level + 1
  end
end

-- A task is about to wait. It may have caught a CancelledError before, which it should let through.
local function watch_wait(task)
  if task.caught_at and task[CANCEL_COUNT] > 0 and not is_cleaning_up() then
    say(("%s caught its cancellation, raised at %s, and waits again at %s"):format(
      tostring(task), task.caught_at, traceback.here(3):match("^\t(.-): in ") or "?"))
    task.caught_at = nil
  end
end

local function watch_cancelled(task)
  task.caught_at = task.caught_at or traceback.here(3):match("^\t(.-): in ") or "?"
end

-- ---- slow steps ----

-- The task that owns a thread, or, if the step ended the thread's work, whose step it was.
local function owner_of(loop, thread)
  for _, task in ipairs(task_module.pending(loop)) do
    if task[THREAD] == thread then return tostring(task) end
  end
  local stepped = trap.stepped()
  if getmetatable(stepped) == task_module.Task then return tostring(stepped) end
  local fn = type(stepped) == "table" and stepped[layout.CALLEE] or stepped
  if type(fn) ~= "function" then return "a callback" end
  local info = debug.getinfo(fn, "S")
  return ("the callback <%s:%d>"):format(info.short_src, info.linedefined)
end

--- Reports a step that held the loop; the scheduler calls it.
---@param loop lacuna.Loop
---@param seconds number
---@param thread thread of the step, where it stands now
function checks.report_slow(loop, seconds, thread)
  local what, place = owner_of(loop, thread), traceback.place(thread)
  say(("%s held the loop for %.0f ms (slow_callback_duration is %.0f ms)%s"):format(
    what, seconds * 1000, loop.slow_callback_duration * 1000, place and ", up to " .. place or ""))
end

--- Reports, as a loop is closed, its tasks that will never go on, and every coroutine object that was not awaited.
---@param loop lacuna.Loop
function checks.on_close(loop)
  for _, task in ipairs(task_module.pending(loop)) do
    say("Task was destroyed but it is pending: " .. tostring(task))
  end
  checks.report_never_awaited(true)
end

--- Turns the checks on or off, for all loops.
---@param is_on boolean
function checks.set(is_on)
  checks.is_on = is_on
  coroutines.watch_created = is_on and watch_created
  trap.set_watch(is_on and watch_wait or false, is_on and watch_cancelled or false)
end

return checks
