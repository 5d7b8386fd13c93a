-- sweep: cancels an awaitable at each moment of its life, one run after the other, and looks at what is left each time.
-- A moment is a time and a number of loop turns after it. Time is virtual and whole seconds long, so that every moment
-- between two of them is reached by turns alone.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local LIMIT_SECONDS = 1000 -- of virtual time; whatever runs longer hangs

-- The loop's timers are remembered, to see that none is left armed.
local function watch_timers(loop)
  local handles = {}
  local call_at = loop.call_at
  function loop.call_at(...)
    local handle = call_at(...)
    handles[#handles + 1] = handle
    return handle
  end
  return function()
    for _, handle in ipairs(handles) do
      if not handle:cancelled() and handle:when() > loop:time() then return true end
    end
    return false
  end
end

local function cancel_after(loop, task, seconds, turns)
  local function hop()
    turns = turns - 1
    if turns < 0 then task:cancel("swept") else loop:call_soon(hop) end
  end
  loop:call_later(seconds, hop)
end

-- One run. `body(loop)` is the task that is cancelled.
local function run(body, seconds, turns)
  local loop = virtual.new_loop()
  local task = loop:create_task(function() return body(loop) end)
  cancel_after(loop, task, seconds, turns)
  loop:call_later(LIMIT_SECONDS, function() loop:stop() end)
  local has_timers = watch_timers(loop)
  local moment = ("cancelled %d turns after second %d"):format(turns, seconds)
  pcall(loop.run_until_complete, loop, task)
  if not task:done() then error(moment .. ": it hangs", 0) end
  if not task:cancelled() and task:exception() then error(("%s: %s"):format(moment, tostring(task:exception())), 0) end
  loop:run_until_complete(function() virtual.turns(3) end)
  local left = async.all_tasks(loop)
  if #left > 0 then error(("%s: %s is left"):format(moment, tostring(left[1])), 0) end
  if has_timers() then error(moment .. ": a timer is left", 0) end
  if loop.reports[1] then error(("%s: reported: %s"):format(moment, loop.reports[1].message), 0) end
  virtual.close(loop)
  return task:cancelled()
end

---Runs body(loop) again and again, cancelled at every moment of its first seconds.
---@param body fun(loop: lacuna.Loop)
---@param seconds integer how long an undisturbed run takes
---@return integer count of the runs that ended cancelled
return function(body, seconds)
  local count = 0
  for second = 0, seconds do
    for turns = 0, 8 do
      if run(body, second, turns) then count = count + 1 end
    end
  end
  return count
end
