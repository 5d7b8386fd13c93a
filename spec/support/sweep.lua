-- sweep: cancels an awaitable at each moment of its life, one run after the other, and looks at what is left each time.
-- A moment is a time, a number of loop turns after it, and whether the cancellation comes before or behind what else is
-- due then. Time is virtual and whole seconds long, so that every moment between two of them is reached by turns alone.
-- At each moment it is cancelled once and, in runs of their own, again some turns later.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local LIMIT_SECONDS = 1000 -- of virtual time; whatever runs longer hangs
local MOST_TURNS = 8
local SECOND_CANCELLATIONS = {false, 0, 1, 3} -- turns after the first; false: none

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

local function after_turns(loop, turns, fn)
  if turns == 0 then return fn() end
  loop:call_soon(after_turns, loop, turns - 1, fn)
end

-- Arms the cancellations. `.taken_at` tells then when the task took the first, `.handle` is the timer.
local function cancel_at(loop, task, moment)
  local cancellation = {}
  local function cancel()
    if task:cancel("swept") then cancellation.taken_at = cancellation.taken_at or loop:time() end
  end
  local function cancel_at_turn()
    after_turns(loop, moment.turns, function()
      cancel()
      if moment.again then after_turns(loop, moment.again, cancel) end
    end)
  end
  local due = loop:time() + moment.second
  if moment.is_late then -- equal deadlines: what was armed last runs last
    cancellation.handle = loop:call_at(due - 0.5, function()
      cancellation.handle = loop:call_at(due, cancel_at_turn)
    end)
  else
    cancellation.handle = loop:call_at(due, cancel_at_turn)
  end
  return cancellation
end

-- One run. Returns whether the task took a cancellation, and whether it ended cancelled.
local function run(body, moment)
  local loop = virtual.new_loop()
  local check
  local task = loop:create_task(function() return body(loop, function(fn) check = fn end) end)
  local cancellation = cancel_at(loop, task, moment)
  local limit = loop:call_later(LIMIT_SECONDS, function() loop:stop() end)
  local has_timers = watch_timers(loop)
  pcall(loop.run_until_complete, loop, task)
  if not task:done() then error("it hangs", 0) end
  cancellation.handle:cancel()
  local is_cancelled, is_asked = task:cancelled(), cancellation.taken_at ~= nil
  local delay = is_asked and loop:time() - cancellation.taken_at or 0
  if not is_cancelled then task:result() end
  if check then loop:run_until_complete(function() check(is_cancelled, delay) end) end
  loop:run_until_complete(function() virtual.turns(3) end)
  limit:cancel()
  local left = async.all_tasks(loop)
  if #left > 0 then error(tostring(left[1]) .. " is left", 0) end
  if has_timers() then error("a timer is left", 0) end
  if loop.reports[1] then
    error(("reported: %s: %s"):format(loop.reports[1].message, tostring(loop.reports[1].exception)), 0)
  end
  virtual.close(loop)
  return is_asked, is_cancelled
end

-- Iterates over all moments of the first seconds.
local function moments(seconds)
  return coroutine.wrap(function()
    for second = 0, seconds do
      for turns = 0, MOST_TURNS do
        for _, again in ipairs(SECOND_CANCELLATIONS) do
          for _, is_late in ipairs {false, true} do
            coroutine.yield {second = second, turns = turns, again = again, is_late = is_late}
          end
        end
      end
    end
  end)
end

local function describe(moment)
  return ("cancelled %d turns after second %d%s%s"):format(moment.turns, moment.second,
    moment.is_late and ", behind the others" or "",
    moment.again and (", again %d turns later"):format(moment.again) or "")
end

---Runs body(loop, later) again and again, cancelled at every moment of its first seconds. Nothing of it may hang, and
---no task, timer or report may be left. `later(fn)` has fn(is_cancelled, delay) run on the loop once body has
---ended: `delay` is how many seconds after the cancellation that was.
---@param body fun(loop: lacuna.Loop, later: fun(fn: fun(is_cancelled: boolean, delay: number)))
---@param seconds integer how long an undisturbed run takes
---@return integer count of the runs that ended cancelled
---@return integer count of those that took a cancellation and did not end cancelled
return function(body, seconds)
  local cancelled_count, swallowed_count = 0, 0
  for moment in moments(seconds) do
    local ok, is_asked, is_cancelled = pcall(run, body, moment)
    if not ok then
      local err = is_asked
      error(("%s: %s"):format(describe(moment), tostring(type(err) == "table" and err.message or err)), 0)
    end
    if is_cancelled then cancelled_count = cancelled_count + 1 end
    if is_asked and not is_cancelled then swallowed_count = swallowed_count + 1 end
  end
  return cancelled_count, swallowed_count
end
