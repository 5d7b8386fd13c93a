-- steps.lua: what a message through a queue of one costs beyond limit.c, one cost a step (see runner/steps.h).
local step, n, ready = ...

local steps = {}

local pcall, yield, running = pcall, coroutine.yield, coroutine.running
local band, frexp = bit.band, math.frexp
local error, getmetatable, setmetatable, type = error, getmetatable, setmetatable, type

local function schedule(list, thread)
  local count = list[0] + 1
  list[count] = thread
  list[0] = count
end

-- What goes on after a wait is compiled from the next call on, as in lacuna: behind what LuaJIT does not compile.
local function start_trace() frexp(0) end

local function wake_thread(thread) schedule(ready, thread) end

local function park_thread()
  pcall(yield)
  start_trace()
end

-- Two queues that one item and one waiting thread at each end fit into. Who is woken looks again.
local function slots(wake, park)
  local function put(queue, thread, item)
    if queue.is_full then
      queue.putter = thread
      park(thread)
      return put(queue, thread, item)
    end
    queue.item, queue.is_full = item, true
    local getter = queue.getter
    if getter then
      queue.getter = false
      wake(getter)
    end
  end

  local function get(queue, thread)
    if not queue.is_full then
      queue.getter = thread
      park(thread)
      return get(queue, thread)
    end
    local item, putter = queue.item, queue.putter
    queue.item, queue.is_full = false, false
    if putter then
      queue.putter = false
      wake(putter)
    end
    return item
  end

  return put, get, function() return {item = false, is_full = false, getter = false, putter = false} end
end

-- The queue is a table, the ready list too, which C empties; a pcall that would tell of a C function in between.
function steps.lua()
  local put, get, new_queue = slots(wake_thread, park_thread)
  local there, back = new_queue(), new_queue()
  return function()
    local thread = running()
    for i = 1, n / 2 do
      put(there, thread, i)
      get(back, thread)
    end
  end, function()
    local thread = running()
    for _ = 1, n / 2 do put(back, thread, get(there, thread)) end
  end
end

-- Both ends, with put and get as methods that give coroutine objects: made by a call, awaited once, by an await that
-- takes anything awaitable.
local function methods(put, get, new_queue, current)
  local Put, Get, Queue, starts = {}, {}, {}, 0
  Queue.__index = Queue

  local function begin(coro)
    if coro[2] < 0 then error("awaited before") end
    starts = starts - 1
    coro[2] = starts
    return starts
  end

  function Put.__await(coro, task) return put(coro[1], task, coro[3], begin(coro)) end
  function Get.__await(coro, task) return get(coro[1], task, begin(coro)) end
  function Queue:put(item) return setmetatable({self, 0, item}, Put) end
  function Queue:get() return setmetatable({self, 0}, Get) end

  local function await(awaitable)
    local task = current()
    if not task then error("outside a task") end
    local class = getmetatable(awaitable)
    local run = type(class) == "table" and class.__await
    if run then return run(awaitable, task) end
    error("not awaitable")
  end

  local there, back = setmetatable(new_queue(), Queue), setmetatable(new_queue(), Queue)
  return function()
    for i = 1, n / 2 do
      await(there:put(i))
      await(back:get())
    end
  end, function()
    for _ = 1, n / 2 do await(back:put(await(there:get()))) end
  end
end

-- Who runs is known where a wait begins and ends.
local current

local function starting_as(thing, fn)
  return function()
    current = thing(running())
    fn()
  end
end

function steps.object()
  local put, get, new_queue = slots(wake_thread, function(thread)
    park_thread()
    current = thread
  end)
  local ask, answer = methods(put, get, new_queue, function() return current end)
  local function itself(thread) return thread end
  return starting_as(itself, ask), starting_as(itself, answer)
end

-- Who waits is a task: where it is, what it waits for, whether it is to be cancelled.
local LOOP, THREAD, WAITS_FOR, MUST_CANCEL, NEXT, PREVIOUS, READY = 1, 2, 3, 4, 5, 6, 1
local loop = {ready}

local function new_task(thread) return setmetatable({loop, thread, false, false, false, false}, {}) end

local function park_task(task)
  if task[MUST_CANCEL] then error("to be cancelled") end
  current = false
  local _, is_refused = pcall(yield)
  start_trace()
  current = task
  if is_refused or task[MUST_CANCEL] then error("to be cancelled") end
end

local WOKEN = {}

local function wake_task(task)
  task[WAITS_FOR] = WOKEN
  schedule(task[LOOP][READY], task[THREAD])
end

function steps.task()
  local put, get, new_queue = slots(wake_task, function(task)
    task[WAITS_FOR] = loop
    park_task(task)
    task[WAITS_FOR] = false
  end)
  local ask, answer = methods(put, get, new_queue, function() return current end)
  return starting_as(new_task, ask), starting_as(new_task, answer)
end

-- Any number of items, in a ring, and of tasks that wait, in line: who was woken leaves it himself.
local FIRST, LAST, CURSOR = 1, 2, 3
local RING_MASK = 7

local function wait(line, task)
  local last = line[LAST]
  if last then last[NEXT] = task else line[FIRST] = task end
  task[NEXT], task[PREVIOUS], task[WAITS_FOR] = false, last, line
  line[LAST] = task
  if not line[CURSOR] then line[CURSOR] = task end
  park_task(task)
  local next_task, previous, state = task[NEXT], task[PREVIOUS], task[WAITS_FOR]
  if previous then previous[NEXT] = next_task else line[FIRST] = next_task end
  if next_task then next_task[PREVIOUS] = previous else line[LAST] = previous end
  if line[CURSOR] == task then line[CURSOR] = next_task end
  task[NEXT], task[PREVIOUS], task[WAITS_FOR] = false, false, false
  if state ~= WOKEN then error("cancelled") end
end

local function wake_next(line)
  local task = line[CURSOR]
  while task and task[WAITS_FOR] ~= line do task = task[NEXT] end
  if not task then
    line[CURSOR] = false
    return
  end
  line[CURSOR] = task[NEXT]
  wake_task(task)
end

function steps.line()
  local function put(queue, task, item)
    if queue.count >= queue.limit then
      wait(queue.putters, task)
      return put(queue, task, item)
    end
    queue.items[band(queue.head + queue.count, RING_MASK) + 1] = item
    queue.count = queue.count + 1
    if queue.getters[FIRST] then wake_next(queue.getters) end
  end

  local function get(queue, task)
    if queue.count == 0 then
      wait(queue.getters, task)
      return get(queue, task)
    end
    local items, head = queue.items, queue.head
    local item = items[head + 1]
    items[head + 1] = false
    queue.head, queue.count = band(head + 1, RING_MASK), queue.count - 1
    if queue.putters[FIRST] then wake_next(queue.putters) end
    return item
  end

  local function new_line() return setmetatable({false, false, false}, {}) end
  local function new_queue()
    return {
      items = {0, 0, 0, 0, 0, 0, 0, 0}, getters = new_line(), putters = new_line(), head = 0, count = 0, limit = 1,
    }
  end
  local ask, answer = methods(put, get, new_queue, function() return current end)
  return starting_as(new_task, ask), starting_as(new_task, answer)
end

return steps[step]()
