-- surroundings: what is around a task that is cancelled at every moment (spec/support/sweep.lua): companions that want
-- the same thing and must get through, jobs that must have ended, and checks of what is left.
local async = require "lacuna"
local sweep = require "spec.support.sweep"
local virtual = require "spec.support.virtual"

local await, sleep, turns = async.await, async.sleep, virtual.turns

local surroundings = {}

---Raises unless two values are equal; busted's own assert makes no message that a task's error could carry.
local function expect(expected, got, what)
  if expected ~= got then error(("%s: expected %s, got %s"):format(what, tostring(expected), tostring(got)), 2) end
end
surroundings.expect = expect

---Clean-up that takes a turn and comes to its end even if that is cancelled, which it raises then.
function surroundings.clean_up(finish)
  local ok, err = pcall(turns)
  finish()
  if not ok then error(err, 0) end
end

local World = {}
World.__index = World

---Starts a task beside the cancelled one. It must come to its end.
function World:start(fn)
  table.insert(self.companions, async.create_task(fn))
end

---The same, in line behind the cancelled one, which lets those before it go first with one turn.
function World:start_behind(fn)
  self:start(function()
    turns(2)
    fn()
  end)
end

---Has fn(is_cancelled) look at what is left, when the cancelled task and its companions have ended.
function World:later(fn)
  table.insert(self.checks, fn)
end

---A function that works for a time, then cleans up, which takes a turn. Whatever has begun must have ended when the
---cancelled task has; a companion may wait for the rest.
function World:job(seconds, err)
  return function()
    self.running = self.running + 1
    return async.try(function()
      await(sleep(seconds))
      if err then error(err, 0) end
      return seconds
    end, {finally = function()
      surroundings.clean_up(function() self.running = self.running - 1 end)
    end})
  end
end

function World:failing(seconds)
  return self:job(seconds, async.ValueError("failed"))
end

function World:check(is_cancelled)
  if #self.companions > 0 then await(async.gather(self.companions)) end
  for _, check in ipairs(self.checks) do check(is_cancelled) end
  expect(0, self.running, "jobs that have not ended")
end

---What surrounds the cancelled task in one run.
---@param loop lacuna.Loop
function surroundings.new(loop)
  return setmetatable({loop = loop, companions = {}, checks = {}, running = 0}, World)
end

---One row as a body for `it`: sweeps body(world). Who was cancelled ends cancelled, unless `may_swallow`, and in no
---time, unless `may_linger`.
---@param seconds integer how long an undisturbed run takes
---@param body fun(world: table)
---@param options? {may_swallow?: boolean, may_linger?: boolean}
---@return fun()
function surroundings.row(seconds, body, options)
  options = options or {}
  return function()
    local cancelled_count, swallowed_count = sweep(function(loop, later)
      local world = surroundings.new(loop)
      later(function(is_cancelled, delay)
        if is_cancelled and not options.may_linger then expect(0, delay, "seconds until it ended") end
        world:check(is_cancelled)
      end)
      body(world)
    end, seconds)
    expect(true, cancelled_count > 0, "cancelled at all")
    if not options.may_swallow then expect(0, swallowed_count, "cancellations that were swallowed") end
  end
end

return surroundings
