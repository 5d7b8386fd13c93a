-- steps.lua: what `await(async.sleep(0))` costs beyond limit.c, one cost a step (see runner/steps.h).
local step, n, ready = ...

local steps = {}

local pcall, yield, running = pcall, coroutine.yield, coroutine.running
local error, getmetatable, setmetatable, type = error, getmetatable, setmetatable, type

local function schedule(list, thread)
  local count = list[0] + 1
  list[count] = thread
  list[0] = count
end

-- A ready list in Lua, which C empties; a pcall that would tell of a C function that stands between.
function steps.list()
  local thread = running()
  for _ = 1, n do
    schedule(ready, thread)
    pcall(yield)
  end
end

-- A sleep is a coroutine object: made by a call, awaited once, by an await that takes anything awaitable.
local function sleeps(wait, current)
  local Sleep, starts = {}, 0

  function Sleep.__await(sleep, task)
    if sleep[2] < 0 then error("awaited before") end
    starts = starts - 1
    sleep[2] = starts
    return wait(task, sleep[1], starts)
  end

  local function new_sleep(seconds)
    if type(seconds) ~= "number" then error("not a number") end
    return setmetatable({seconds, 0}, Sleep)
  end

  local function await(awaitable)
    local task = current()
    if not task then error("outside a task") end
    local class = getmetatable(awaitable)
    local run = type(class) == "table" and class.__await
    if run then return run(awaitable, task) end
    error("not awaitable")
  end

  for _ = 1, n do await(new_sleep(0)) end
end

function steps.object()
  local this = running()
  sleeps(function(thread)
    schedule(ready, thread)
    pcall(yield)
  end, function() return this end)
end

-- Who sleeps is a task: it is known who runs, what he waits for, and whether he is to be cancelled.
function steps.task()
  local LOOP, THREAD, WAITS_FOR, MUST_CANCEL, READY = 1, 2, 3, 4, 1
  local current = {{ready}, running(), false, false}
  sleeps(function(task, seconds)
    current = false
    task[WAITS_FOR] = seconds > 0
    schedule(task[LOOP][READY], task[THREAD])
    local _, is_refused = pcall(yield)
    current = task
    if is_refused or task[MUST_CANCEL] then error("to be cancelled") end
  end, function() return current end)
end

return steps[step]
