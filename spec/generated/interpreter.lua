-- interpreter: runs generated programs under lacuna and prints a trace of each; interpreter.py does the same under
-- asyncio, and says what a program is. The two are written alike, function by function.
--   lacuna --clock=virtual spec/generated/interpreter.lua FILE     a program a line, as a Lua table

local async = require "lacuna"
local await = async.await
local now = require "spec.generated.effects"

local TICK = 1 / 64 -- exact in binary, so that sums of ticks are equal when they should be
local PATIENCE = 64 -- ticks after which a program that does not end is cancelled
local ROUNDS = 8 -- of cancelling what does not end

-- ---- values as text ----

-- Programs raise these with one letter; the wording of other messages is free.
local programs_raise = { ValueError = true, CancelledError = true }

local function show(value)
  if async.isinstance(value, async.ExceptionGroup) then return "ExceptionGroup" .. show(value.errors) end
  if async.isinstance(value, async.BaseError) then
    if value.value ~= nil then return "raised " .. tostring(value.value) end
    if not programs_raise[value.name] or #value.message > 1 then return value.name end
    return ("%s(%s)"):format(value.name, value.message)
  end
  if type(value) ~= "table" or getmetatable(value) ~= nil then return tostring(value) end
  local shown = {}
  for i = 1, value.n or #value do shown[i] = show(value[i]) end
  return "[" .. table.concat(shown, ",") .. "]"
end

local function show_error(err)
  return type(err) == "table" and show(err) or "raised " .. tostring(err)
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

local function seconds(ticks)
  if ticks >= 0 then return ticks * TICK end
  return nil
end

-- What a body sees: its name, the nearest group and time-out around it, and the error being handled.
local function within(scope, changes)
  return setmetatable(changes, { __index = scope })
end

local catch_classes = { cancelled = async.CancelledError, exception = async.Error, all = async.BaseError }

-- One program on one loop. Steps return nothing to go on, or a list with the value that the body returns.
local Run = { TICK = TICK }
Run.__index = Run

local make = {} -- awaitables

function Run:trace(...)
  local ticks = (self.loop:time() - self.start) / TICK
  self.lines[#self.lines + 1] = ("%d %s"):format(ticks + 0.5, table.concat({ ... }, " "))
end

-- ---- the whole ----

local function on_error(run, context)
  if context.message:find("never retrieved", 1, true) then return end -- when that is found is the collector's affair
  run:trace("unhandled", show(context.exception))
end

function Run:make_objects()
  local program = self.program
  local lock = async.Lock()
  self.objects = {
    l1 = lock,
    l2 = async.Lock(),
    s1 = async.Semaphore(program.semaphore),
    s2 = async.BoundedSemaphore(program.bounded),
    e1 = async.Event(),
    e2 = async.Event(),
    c1 = async.Condition(),
    c2 = async.Condition(lock),
    b1 = async.Barrier(program.parties),
    q1 = async.Queue(program.maxsize),
    q2 = async.LifoQueue(program.maxsize),
    q3 = async.PriorityQueue(program.maxsize),
    f0 = self.loop:create_future(),
    f1 = self.loop:create_future(),
    f2 = self.loop:create_future(),
    f3 = self.loop:create_future(),
  }
  self.objects.f0:set_result("nothing")
end

function Run:run()
  self.loop:set_exception_handler(function(_, context) on_error(self, context) end)
  self:make_objects()
  local root = async.current_task()
  local main = self:spawn("t1", self.program.body, { name = "t1" })
  await(async.wait({ main }, { timeout = PATIENCE * TICK }))
  for number = 1, ROUNDS do
    local left = {}
    for _, task in ipairs(async.all_tasks()) do
      if task ~= root then left[#left + 1] = task end
    end
    if #left == 0 then break end
    self:trace("cancel", #left)
    if number > 2 then
      for _, name in ipairs { "l1", "l2", "c1" } do
        if self.objects[name]:locked() then self.objects[name]:release() end
      end
    end
    for _, task in ipairs(left) do task:cancel() end
    await(async.wait(left, { timeout = PATIENCE * TICK }))
  end
  for _, name in ipairs(sorted_keys(self.tasks)) do
    self:trace("end", name, self:outcome(self.tasks[name]), self.tasks[name]:cancelling())
  end
  for _, name in ipairs(sorted_keys(self.objects)) do self:trace("end", name, self:state(name)) end
end

function Run:outcome(future)
  if not future:done() then return "pending" end
  if future:cancelled() then return "cancelled" end
  local err = future:exception()
  return err and "!" .. show(err) or "=" .. show((future:result()))
end

function Run:state(name)
  local thing = self.objects[name]
  local kind = name:sub(1, 1)
  if kind == "l" or kind == "s" or kind == "c" then return show(thing:locked()) end
  if kind == "e" then return show(thing:is_set()) end
  if kind == "b" then return ("%d %s"):format(thing.n_waiting, show(thing.broken)) end
  if kind == "q" then return ("%d %s %s"):format(thing:qsize(), show(thing:empty()), show(thing:full())) end
  return self:outcome(thing)
end

function Run:target(name)
  return self.tasks[name] or self.objects[name] or self.objects.f0
end

function Run:spawn(name, steps, scope)
  local task = async.create_task(self:body(name, steps, scope))
  self:register(name, task)
  return task
end

function Run:register(name, task)
  if self.named[task] then return end -- by the first body that it runs
  self.named[task] = true
  self.tasks[name] = self.tasks[name] or task
end

Run.body = async(function(self, name, steps, scope)
  self:register(name, async.current_task())
  scope = within(scope, { name = name, error = false })
  self:trace(name, "begins")
  local ok, returned = pcall(self.steps, self, steps, scope)
  if not ok then
    self:trace(name, "ends", "!" .. show_error(returned))
    error(returned, 0)
  end
  self:trace(name, "ends")
  if returned then return returned[1] end
  return name
end)

function Run:steps(steps, scope)
  for _, step in ipairs(steps) do
    local returned = self:step(step, scope)
    if returned then return returned end
  end
end

local waiting = {} -- steps that may wait

function Run:step(step, scope)
  local method = waiting[step[1]]
  if not method then return self:effect(step, scope) end
  local ok, returned = pcall(method, self, scope, unpack(step, 2))
  if not ok then
    self:trace(scope.name, step[1], "!" .. show_error(returned))
    error(returned, 0)
  end
  return returned
end

-- ---- steps that may wait ----

function waiting.await(run, scope, awaitable)
  local value = await(run:make(awaitable, scope))
  run:trace(scope.name, awaitable[1], show(value))
end

function waiting.call(run, scope, steps)
  local inner = async(function()
    local returned = run:steps(steps, scope)
    if returned then return returned[1] end
    return "called"
  end)
  run:trace(scope.name, "called", show(await(inner())))
end

function waiting.as_completed(run, scope, awaitables, timeout)
  local things = run:make_all(awaitables, scope)
  local number = 0
  for awaitable in async.as_completed(things, { timeout = seconds(timeout) }) do
    number = number + 1
    local ok, value = async.pcall(await, awaitable)
    if ok then
      run:trace(scope.name, "completed", number, show(value))
    else
      run:trace(scope.name, "completed", number, "!" .. show_error(value))
    end
  end
end

function waiting.timeout(run, scope, ticks, steps)
  local manager = async.timeout_at(ticks >= 0 and run.loop:time() + ticks * TICK or nil)
  return async.try(function()
    return async.with(manager, function() return run:steps(steps, within(scope, { timeout = manager })) end)
  end, { finally = function() run:trace(scope.name, "expired", show(manager:expired())) end })
end

function waiting.group(run, scope, steps)
  local returned = async.with(async.TaskGroup(), function(group)
    return run:steps(steps, within(scope, { group = group }))
  end)
  run:trace(scope.name, "grouped")
  return returned
end

waiting["with"] = function(run, scope, name, steps)
  local returned = async.with(run.objects[name], function(value)
    run:trace(scope.name, "entered", name, show(value))
    return run:steps(steps, scope)
  end)
  run:trace(scope.name, "left", name)
  return returned
end

local function handlers_of(run, scope, caught, catch, handler, final)
  local handlers = { finally = function() run:steps(final, scope) end }
  if catch ~= "none" then
    handlers[catch_classes[catch]] = function(err)
      run:trace(scope.name, caught, show(err))
      return run:steps(handler, within(scope, { error = err }))
    end
  end
  return handlers
end

function waiting.managed(run, scope, enter, steps, catch, handler, final)
  local manager = async.contextmanager(function(yield)
    run:steps(enter, scope)
    async.try(function() yield("managed") end, handlers_of(run, scope, "manager caught", catch, handler, final))
  end)
  local returned = async.with(manager(), function(value)
    run:trace(scope.name, "entered", show(value))
    return run:steps(steps, scope)
  end)
  run:trace(scope.name, "left the manager")
  return returned
end

function waiting.iterate(run, scope, count, inner, steps)
  local values = coroutine.wrap(function()
    for number = 1, count do
      run:steps(inner, scope)
      coroutine.yield(number)
    end
    run:trace(scope.name, "generator ends")
  end)
  for value in values do
    run:trace(scope.name, "value", show(value))
    local returned = run:steps(steps, scope)
    if returned then return returned end
  end
end

local split_classes = { value = async.ValueError, type = { async.TimeoutError, async.RuntimeError }, all = async.Error }

function waiting.split(run, scope, steps, catch, handler)
  return async.try(function() return run:steps(steps, scope) end, {
    [async.ExceptionGroup] = function(err)
      local matched, rest = async.split(err, split_classes[catch])
      run:trace(scope.name, "split", show(matched), show(rest))
      local returned = matched and run:steps(handler, within(scope, { error = err })) or nil
      if rest then error(rest, 0) end
      return returned
    end,
  })
end

waiting["try"] = function(run, scope, steps, catch, handler, final)
  return async.try(function() return run:steps(steps, scope) end,
    handlers_of(run, scope, "caught", catch, handler, final))
end

waiting["repeat"] = function(run, scope, count, steps)
  for _ = 1, count do
    local returned = run:steps(steps, scope)
    if returned then return returned end
  end
end

waiting["return"] = function(_, _, value)
  return { value }
end

-- ---- awaitables ----

function Run:make(awaitable, scope)
  return make[awaitable[1]](self, scope, unpack(awaitable, 2))
end

function Run:make_all(awaitables, scope)
  local things = {}
  for i, awaitable in ipairs(awaitables) do things[i] = self:make(awaitable, scope) end
  return things
end

function make.sleep(_, _, ticks, value)
  return async.sleep(ticks * TICK, value)
end

function make.of(run, _, name)
  return run:target(name)
end

function make.body(run, scope, name, steps)
  return run:body(name, steps, scope)
end

function make.shield(run, scope, awaitable)
  return async.shield(run:make(awaitable, scope))
end

function make.gather(run, scope, awaitables, return_exceptions)
  return async.gather(run:make_all(awaitables, scope), { return_exceptions = return_exceptions })
end

function make.wait_for(run, scope, awaitable, ticks)
  return async.wait_for(run:make(awaitable, scope), seconds(ticks))
end

make.wait = async(function(run, scope, awaitables, ticks, return_when)
  local futures = run:make_all(awaitables, scope)
  local done = await(async.wait(futures, { timeout = seconds(ticks), return_when = return_when }))
  local is_done, states = {}, {}
  for _, future in ipairs(done) do is_done[future] = true end
  for i, future in ipairs(futures) do states[i] = is_done[future] and "done" or "pending" end
  return states
end)

function make.acquire(run, _, name)
  return run.objects[name]:acquire()
end

function make.wait_on(run, _, name)
  return run.objects[name]:wait()
end

function make.wait_count(run, _, name, least)
  return run.objects[name]:wait_for(function() return run.counter >= least end)
end

function make.abort(run, _, name)
  return run.objects[name]:abort()
end

function make.reset(run, _, name)
  return run.objects[name]:reset()
end

function make.put(run, _, name, value)
  return run.objects[name]:put(value)
end

function make.get(run, _, name)
  return run.objects[name]:get()
end

function make.join(run, _, name)
  return run.objects[name]:join()
end

-- ---- effects: steps that do not wait, in tasks and in callbacks ----

function Run:effect(step, scope)
  local ok, value = pcall(now[step[1]], self, scope, unpack(step, 2))
  if not ok then
    self:trace(scope.name, step[1], "!" .. show_error(value))
    error(value, 0)
  end
  self:trace(scope.name, step[1], show(value))
end

function Run:callback(scope, step)
  scope = within(scope, { name = "callback of " .. scope.name, error = false })
  return function() self:effect(step, scope) end
end

-- ---- many programs ----

local function run_program(program)
  local loop = async.new_event_loop()
  local run = setmetatable({
    program = program, loop = loop, lines = {}, tasks = {}, handles = {}, callbacks = {}, named = {}, counter = 0,
    start = loop:time(),
  }, Run)
  local ok, err = pcall(loop.run_until_complete, loop, async(function() run:run() end)())
  if not ok then run:trace("stuck", show_error(err)) end
  loop:close()
  return run.lines
end

local number = 0
for line in io.lines(arg[1]) do
  number = number + 1
  local lines = run_program(assert(loadstring("return " .. line))())
  io.write("program ", number, "\n", table.concat(lines, "\n"), "\ndone\n")
  io.flush()
end
