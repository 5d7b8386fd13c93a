-- generator: a random program for a seed. The same seed gives the same program everywhere, for the numbers are its own.
-- Programs are data; interpreter.py says of what kind. A body waits only for tasks with higher numbers than its own, so
-- that no two wait for each other: cancelling would then recurse without end in CPython.

local generator = {}

local MODULUS, MULTIPLIER = 2147483647, 16807 -- the minimal standard generator of Park and Miller

---A source of random integers, from 1 to a limit.
---@param seed integer
---@return fun(limit: integer): integer
function generator.random(seed)
  local state = seed % (MODULUS - 1) + 1
  for _ = 1, 3 do state = state * MULTIPLIER % MODULUS end -- seeds next to each other start alike
  return function(limit)
    state = state * MULTIPLIER % MODULUS
    return math.floor(state / MODULUS * limit) + 1
  end
end

local MOST_STEPS, MOST_IN_BODY, DEEPEST = 50, 6, 4

local Writer = {}
Writer.__index = Writer

function Writer:pick(list)
  return list[self.random(#list)]
end

function Writer:chance(percent)
  return self.random(100) <= percent
end

local function names(writer, ...) return writer:pick { ... } end

local function value(writer) return writer.random(5) end

-- In a crowd everyone wants the same.
local function shared(writer, kind, ...)
  local name = writer.is_crowd and writer.shared[kind] or names(writer, ...)
  writer.shared[kind] = name
  return name
end

local function ticks(writer) return writer.random(writer.is_crowd and 3 or 6) - 1 end

local function ticks_or_none(writer) return writer:chance(15) and -1 or ticks(writer) end

local function message(writer) return writer:chance(60) and "" or names(writer, "m", "n") end

local function queue(writer) return shared(writer, "queue", "q1", "q1", "q2", "q3") end

local function future(writer) return names(writer, "f1", "f2", "f3") end

local function released(writer) return shared(writer, "lock", "l1", "l2", "s1", "s1", "s2", "c1") end

local function condition(writer) return shared(writer, "condition", "c1", "c1", "c2") end

local function event(writer) return shared(writer, "event", "e1", "e2") end

local function any_task(writer) return "t" .. writer.random(writer.last_task + 1) end

local function later_task(writer) return "t" .. writer.number + writer.random(4) end

local function any_target(writer)
  return writer:chance(80) and any_task(writer) or future(writer)
end

local body, steps_of, step_of, effect

-- ---- awaitables ----

local awaitable

local function later_or_future(writer)
  if not writer.themes.futures or writer:chance(60) then return { "of", later_task(writer) } end
  return { "of", future(writer) }
end

local function several(writer, make)
  local list = {}
  for i = 1, writer.random(3) + (writer:chance(70) and 1 or 0) do list[i] = make(writer) end
  return list
end

local function awaitable_within(writer)
  writer.depth = writer.depth + 1
  local made = writer.depth > DEEPEST and later_or_future(writer) or awaitable(writer, true)
  writer.depth = writer.depth - 1
  return made
end

local function future_within(writer)
  if writer:chance(15) then return { "shield", awaitable_within(writer) } end
  if writer:chance(12) then return { "gather", several(writer, awaitable_within), writer:chance(50) } end
  return later_or_future(writer)
end

local function new_body(writer)
  local number, steps = body(writer)
  return "t" .. number, steps
end

-- theme -> { weight, maker } of awaitables
local awaitables = {
  always = {
    { 8, function(w) return { "sleep", ticks(w), value(w) } end },
    { 6, later_or_future },
  },
  bodies = { { 5, function(w) return { "body", new_body(w) } end } },
  shield = { { 4, function(w) return { "shield", awaitable_within(w) } end } },
  gather = { { 5, function(w) return { "gather", several(w, awaitable_within), w:chance(40) } end } },
  wait_for = { { 6, function(w) return { "wait_for", awaitable_within(w), ticks_or_none(w) } end } },
  wait = { { 5, function(w)
    return { "wait", several(w, future_within), ticks_or_none(w),
      names(w, "ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION") }
  end } },
  locks = { { 1, function(w) return { "acquire", released(w) } end } },
  events = { { 6, function(w) return { "wait_on", event(w) } end } },
  conditions = {
    { 4, function(w) return { "wait_on", condition(w) } end },
    { 2, function(w) return { "wait_count", condition(w), w.random(3) } end },
  },
  barriers = {
    { 7, function() return { "wait_on", "b1" } end },
    { 1, function() return { "abort", "b1" } end },
    { 1, function() return { "reset", "b1" } end },
  },
  queues = {
    { 5, function(w) return { "put", queue(w), value(w) } end },
    { 5, function(w) return { "get", queue(w) } end },
    { 2, function(w) return { "join", queue(w) } end },
  },
}

-- theme -> { weight, maker } of steps that do not wait
local effects = {
  always = {
    { 1, function(w) return w:chance(70) and { "outcome", any_target(w) } or { "alive" } end },
  },
  cancel = {
    { 6, function(w) return { "cancel", any_task(w), message(w) } end },
    { 1, function(w) return { "cancel_self", message(w) } end },
    { 1, function() return { "uncancel" } end },
    { 1, function() return { "cancelling" } end },
  },
  timeouts = { { 1, function(w) return { "reschedule", ticks_or_none(w) } end } },
  futures = {
    { 3, function(w) return { "set_result", future(w), value(w) } end },
    { 2, function(w) return { "set_exception", future(w), "z" } end },
    { 1, function(w) return { "cancel", future(w), message(w) } end },
    { 1, function(w) return { "result", any_target(w) } end },
    { 1, function(w) return { "exception", any_target(w) } end },
  },
  locks = {
    { 1, function(w) return { "release", released(w) } end },
    { 1, function(w) return { "state", released(w) } end },
  },
  events = {
    { 4, function(w) return { "set", event(w) } end },
    { 1, function(w) return { "clear", event(w) } end },
  },
  conditions = {
    { 1, function(w) return { "notify", condition(w), w.random(3) } end },
    { 2, function(w) return { "add", w.random(2) } end },
  },
  barriers = { { 1, function() return { "state", "b1" } end } },
  queues = {
    { 2, function(w) return { "put_nowait", queue(w), value(w) } end },
    { 2, function(w) return { "get_nowait", queue(w) } end },
    { 2, function(w) return { "task_done", queue(w) } end },
    { 1, function(w) return { "state", queue(w) } end },
  },
}

-- theme -> { weight, maker } of steps that may wait, and of those that start something
local steps = {
  always = {
    { 22, function(w) return { "await", awaitable(w) } end },
    { 14, function(w)
      if w.depth > 2 then return { "await", awaitable(w) } end -- rather siblings than a line of descendants
      return { "spawn", new_body(w) }
    end },
    { 8, function(w)
      return { "try", steps_of(w), names(w, "none", "cancelled", "exception", "all"), steps_of(w, "handler"),
        w:chance(30) and steps_of(w, "final") or {} }
    end },
    { 1, function(w) return { "repeat", w.random(2) + 1, steps_of(w) } end },
    { 1, function(w) return { "call", steps_of(w) } end },
  },
  timeouts = { { 8, function(w) return { "timeout", ticks_or_none(w), steps_of(w) } end } },
  groups = {
    { 7, function(w) return { "group", steps_of(w, "group") } end },
    { 8, function(w) return { "group_spawn", new_body(w) } end },
    { 3, function(w)
      return { "try", { { "await", awaitable(w) } }, "cancelled", { { "group_spawn", new_body(w) } },
        w:chance(40) and { { "await", awaitable(w) } } or {} }
    end },
  },
  as_completed = { { 5, function(w) return { "as_completed", several(w, awaitable_within), ticks_or_none(w) } end } },
  managers = {
    { 9, function(w)
      return { "managed", steps_of(w, "enter"), steps_of(w), names(w, "none", "cancelled", "exception", "all"),
        steps_of(w, "handler"), w:chance(60) and steps_of(w, "final") or {} }
    end },
    { 7, function(w) return { "iterate", w.random(3), steps_of(w, "inner"), steps_of(w) } end },
  },
  splits = {
    { 8, function(w)
      local group = { "group", steps_of(w, "group") }
      return { "split", { group }, names(w, "value", "type", "all"), steps_of(w, "handler") }
    end },
    { 6, function(w) return { "group_spawn", new_body(w) } end },
  },
  callbacks = {
    { 3, function(w) return { "call_soon", names(w, "h1", "h2"), effect(w) } end },
    { 4, function(w) return { "call_later", ticks(w), names(w, "h1", "h2"), effect(w) } end },
    { 1, function(w) return { "cancel_handle", names(w, "h1", "h2") } end },
    { 3, function(w) return { "done_callback", any_target(w), effect(w) } end },
    { 3, function(w) return { "named_callback", any_target(w), names(w, "k1", "k2"), effect(w) } end },
    { 2, function(w) return { "remove_callback", any_target(w), names(w, "k1", "k2") } end },
  },
  locks = {
    { 8, function(w) return { "with", released(w), steps_of(w) } end },
    { 6, function(w)
      local lock = released(w)
      return { "call", { { "await", { "acquire", lock } },
        { "try", steps_of(w), "none", {}, { { "release", lock } } } } }
    end },
  },
  conditions = { { 14, function(w)
    local name = condition(w)
    return { "with", name, steps_of(w, "condition", name) }
  end } },
  barriers = { { 1, function(w) return { "with", "b1", steps_of(w) } end } },
}

local theme_names = {
  "bodies", "shield", "gather", "wait_for", "wait", "locks", "events", "conditions", "barriers", "queues", "cancel",
  "cancel", "timeouts", "futures", "groups", "as_completed", "callbacks", "managers", "splits",
}

-- ---- choosing ----

-- The makers of a table for the themes of a program.
local function gather_makers(makers, themes)
  local chosen = { total = 0 }
  for _, theme in ipairs(themes) do
    for _, maker in ipairs(makers[theme] or {}) do
      chosen[#chosen + 1] = maker
      chosen.total = chosen.total + maker[1]
    end
  end
  return chosen
end

local function make(writer, makers)
  local place = writer.random(makers.total)
  for _, maker in ipairs(makers) do
    place = place - maker[1]
    if place <= 0 then return maker[2](writer) end
  end
end

-- All that a theme has, as steps. Each program likes some of them more, so that now getters queue up, now putters.
local function steps_about(writer, theme)
  local about = { total = 0 }
  for _, makers in ipairs { steps, awaitables, effects } do
    for _, maker in ipairs(makers[theme] or {}) do
      local weight = maker[1] * writer:pick { 1, 1, 3, 9 }
      about[#about + 1] = { weight, makers ~= awaitables and maker[2] or function()
        return { "await", maker[2](writer) }
      end }
      about.total = about.total + weight
    end
  end
  return about
end

function awaitable(writer)
  return make(writer, writer.awaitables)
end

function effect(writer)
  return make(writer, writer.effects)
end

-- Effects that often raise: most are put into a try, or hardly a body would come to its end.
local risky = {
  release = true, notify = true, notify_all = true, task_done = true, get_nowait = true, put_nowait = true,
  set_result = true, set_exception = true, result = true, exception = true, reschedule = true,
}

local function calmed(writer, step)
  if risky[step[1]] and writer:chance(80) then return { "try", { step }, "exception", {}, {} } end
  return step
end

function step_of(writer)
  writer.left = writer.left - 1
  local step
  if writer.is_crowd and writer:chance(60) then
    step = make(writer, writer.about)
  elseif writer:chance(math.min(30, 6 * writer.effects.total)) then
    step = effect(writer)
  else
    return make(writer, writer.steps)
  end
  return calmed(writer, step)
end

-- What ends a list of steps early, now and then.
local function add_end(writer, list)
  if not writer:chance(25) then return end
  list[#list + 1] = writer:chance(60) and { "raise", names(writer, "x", "y") }
    or writer:chance(70) and { "return", value(writer) }
    or { "raise_cancelled", message(writer) }
end

-- What is done with a condition by who holds it.
local function with_condition(writer, name)
  local place = writer.random(10)
  if place <= 4 then return { "await", { "wait_on", name } } end
  if place <= 5 then return { "await", { "wait_count", name, writer.random(3) } } end
  if place <= 8 then return { "notify", name, writer.random(2) } end
  if place <= 9 then return { "notify_all", name } end
  return { "add", 1 }
end

-- The steps of a block; `kind` says what block it is, where that matters.
function steps_of(writer, kind, name)
  local list = {}
  writer.depth = writer.depth + 1
  if writer.depth <= DEEPEST then
    for _ = 1, writer.random(kind and 3 or 4) do
      if writer.left <= 0 then break end
      list[#list + 1] = kind == "condition" and writer:chance(70) and with_condition(writer, name)
        or kind == "group" and writer:chance(40) and { "group_spawn", new_body(writer) }
        or step_of(writer)
    end
  end
  writer.depth = writer.depth - 1
  if kind == "handler" and writer:chance(40) then
    list[#list + 1] = { "reraise" }
  elseif kind ~= "final" then
    add_end(writer, list)
  end
  return list
end

-- A task's number and steps.
function body(writer)
  writer.last_task = writer.last_task + 1
  local number, outer = writer.last_task, writer.number
  writer.number = number
  writer.depth = writer.depth + 1
  local list = {}
  for i = 1, writer.random(MOST_IN_BODY) do
    if writer.left <= 0 or writer.depth > DEEPEST then break end
    list[i] = step_of(writer)
  end
  if #list == 0 then list[1] = { "await", { "sleep", ticks(writer), value(writer) } } end
  if number > 1 then add_end(writer, list) end
  writer.depth = writer.depth - 1
  writer.number = outer
  return number, list
end

-- Steps that bring together a crowd, and disturb it.
local function crowd(writer)
  local list = {}
  writer.depth, writer.number = 1, 1
  for _ = 1, 2 + writer.random(4) do
    list[#list + 1] = { "spawn", new_body(writer) }
    if writer:chance(30) then list[#list + 1] = { "await", { "sleep", ticks(writer), 0 } } end
  end
  for _ = 1, 1 + writer.random(6) do
    if writer.wakers.total > 0 and writer:chance(40) then -- and cancels in the same turn
      list[#list + 1] = calmed(writer, make(writer, writer.wakers))
    end
    local someone = "t" .. 1 + writer.random(writer.last_task - 1)
    list[#list + 1] = writer:chance(50) and { "cancel", someone, message(writer) }
      or writer:chance(50) and { "await", { "sleep", ticks(writer), 0 } }
      or step_of(writer)
  end
  return list
end

local function mixture(writer)
  local _, list = body(writer)
  writer.number = 1
  while writer.left > 0 do list[#list + 1] = step_of(writer) end
  return list
end

local crowded = {
  "locks", "locks", "conditions", "barriers", "queues", "queues", "events", "groups", "groups", "timeouts", "wait",
  "gather",
}
local disturbing = {
  "timeouts", "wait_for", "groups", "callbacks", "shield", "futures", "as_completed", "managers", "splits",
}

local function add_theme(themes, theme)
  if themes[theme] then return end
  themes[theme] = true
  themes[#themes + 1] = theme
end

---The program of a seed.
---@param seed integer
---@return table program
function generator.program(seed)
  local random = generator.random(seed)
  local writer = setmetatable({
    random = random, last_task = 0, number = 0, depth = 0, left = MOST_STEPS, shared = {}, is_crowd = random(2) == 1,
  }, Writer)
  local themes = { "always", always = true }
  writer.themes = themes
  if writer.is_crowd then
    writer.last_task = 1
    local theme = writer:pick(crowded)
    writer.about, writer.wakers = steps_about(writer, theme), gather_makers(effects, { theme })
    add_theme(themes, "cancel")
    add_theme(themes, writer:pick(disturbing))
  else
    for _ = 1, 1 + random(4) do add_theme(themes, writer:pick(theme_names)) end
  end
  writer.awaitables = gather_makers(awaitables, themes)
  writer.effects = gather_makers(effects, themes)
  writer.steps = gather_makers(steps, themes)
  local program = {
    seed = seed, semaphore = random(3) - 1, bounded = random(2), parties = random(3), maxsize = random(4) - 1,
  }
  program.body = writer.is_crowd and crowd(writer) or mixture(writer)
  if random(4) > 1 then -- what was started goes on
    program.body[#program.body + 1] = { "await", { "sleep", 4 + random(8), 0 } }
  end
  return program
end

return generator
