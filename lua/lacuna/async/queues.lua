-- queues: Queue, LifoQueue and PriorityQueue.
-- A queue is a store of items and three lines of tasks: who wants an item, who has one to put, who waits for all to be
-- done. Stores count what they hold, so that nil is an item. As in asyncio an item is in the queue until the task that
-- was woken for it runs.

local bit = require "bit"
local errors = require "lacuna.kernel.errors"
local method = require "lacuna.async.method"
local new_table = require "table.new"
local options = require "lacuna.kernel.options"
local waiters = require "lacuna.async.waiters"

local band = bit.band
local begin, new_method, OBJECT, ARGUMENT = method.begin, method.new, method.OBJECT, method.ARGUMENT
local FIRST = waiters.FIRST
local wait, wake_next = waiters.wait, waiters.wake_next
local error, pcall, setmetatable, type = error, pcall, setmetatable, type

-- ---- stores ----

local SMALLEST = 8 -- items that an empty ring has room for
local LARGEST_KEPT = 4096 -- an emptied ring that had room for more gives its memory back

-- Each has its own two functions: found there by the JIT at once, where a metatable takes four look-ups.

-- First in, first out: a ring whose size is a power of two.

local function resize(ring, size)
  local items, old, head, mask = new_table(size, 0), ring.items, ring.head, ring.mask
  for i = 0, ring.count - 1 do items[i + 1] = old[band(head + i, mask) + 1] end
  ring.items, ring.head, ring.mask = items, 0, size - 1
end

-- Puts an item last.
local function push_into_ring(ring, item)
  local count = ring.count
  if count > ring.mask then resize(ring, 2 * count) end
  ring.items[band(ring.head + count, ring.mask) + 1] = item
  ring.count = count + 1
end

-- Takes the first item; there must be one.
local function pop_from_ring(ring)
  local items, head, count = ring.items, ring.head, ring.count - 1
  local item = items[head + 1]
  items[head + 1] = nil
  ring.head, ring.count = band(head + 1, ring.mask), count
  if count == 0 and ring.mask >= LARGEST_KEPT then resize(ring, SMALLEST) end
  return item
end

local function new_ring()
  return {
    push = push_into_ring, pop = pop_from_ring,
    items = new_table(SMALLEST, 0), count = 0, head = 0, mask = SMALLEST - 1,
  }
end

-- Last in, first out.

-- Puts an item on top.
local function push_onto_stack(stack, item)
  local count = stack.count + 1
  stack.items[count] = item
  stack.count = count
end

-- Takes the item on top; there must be one.
local function pop_from_stack(stack)
  local items, count = stack.items, stack.count
  local item = items[count]
  items[count] = nil
  stack.count = count - 1
  return item
end

local function new_stack()
  return { push = push_onto_stack, pop = pop_from_stack, items = {}, count = 0 }
end

-- Smallest first: a binary heap. arrivals[i] numbers items[i] in order of arrival, which decides between equals.

-- Where an item goes that starts as the last of so many.
local function find_place(items, count, item)
  local place = count
  while place > 1 and item < items[(place - place % 2) / 2] do place = (place - place % 2) / 2 end
  return place
end

local function not_comparable(err)
  local problem = type(err) == "string" and err:match("attempt to compare .*")
  return problem and errors.TypeError("PriorityQueue: " .. problem) or err
end

-- Puts an item in. A comparison may raise: all are made before anything is moved, so that the heap stays as it was.
local function push_into_heap(heap, item)
  local items, arrivals, count = heap.items, heap.arrivals, heap.count + 1
  local ok, place = pcall(find_place, items, count, item)
  if not ok then error(not_comparable(place), 0) end
  local hole = count
  while hole ~= place do
    local parent = (hole - hole % 2) / 2
    items[hole], arrivals[hole] = items[parent], arrivals[parent]
    hole = parent
  end
  heap.arrived = heap.arrived + 1
  items[place], arrivals[place] = item, heap.arrived
  heap.count = count
end

-- Whether items[i] leaves before another item.
local function is_before(items, arrivals, i, item, arrival)
  if arrivals[i] < arrival then return not (item < items[i]) end -- luacheck: ignore 581
  return items[i] < item
end

-- Takes the smallest item; there must be one.
local function pop_from_heap(heap)
  local items, arrivals, count = heap.items, heap.arrivals, heap.count
  local smallest, item, arrival = items[1], items[count], arrivals[count]
  items[count], arrivals[count] = nil, nil
  count = count - 1
  heap.count = count
  if count == 0 then return smallest end
  items[1], arrivals[1] = item, arrival
  local place, child = 1, 2
  while child <= count do
    if child < count and is_before(items, arrivals, child + 1, items[child], arrivals[child]) then child = child + 1 end
    if not is_before(items, arrivals, child, item, arrival) then break end
    items[place], arrivals[place], items[child], arrivals[child] = items[child], arrivals[child], item, arrival
    place, child = child, 2 * child
  end
  return smallest
end

local function new_heap()
  return { push = push_into_heap, pop = pop_from_heap, items = {}, arrivals = {}, count = 0, arrived = 0 }
end

-- ---- Queue ----

---@class lacuna.Queue
---@field maxsize number the most items it holds; 0 or less: any number
local Queue = { class_name = "Queue" }
Queue.__index = Queue

local Getter, Putter, Joiner = waiters.class("Queue.get"), waiters.class("Queue.put"), waiters.class("Queue.join")

local function add(queue, item)
  local store = queue.store
  store.push(store, item)
  queue.unfinished = queue.unfinished + 1
  local getters = queue.getters
  if getters[FIRST] then wake_next(getters) end
end

local function take(queue)
  local store = queue.store
  local item = store.pop(store)
  local putters = queue.putters
  if putters[FIRST] then wake_next(putters) end
  return item
end

-- Waiting again is a tail call, not a loop: the JIT gives up a trace that meets a loop on its way.
local function put(queue, task, item, start)
  if queue.store.count >= queue.limit then
    local err, is_woken = wait(queue.putters, task)
    local has_room = queue.store.count < queue.limit
    if err then
      if is_woken and has_room then wake_next(queue.putters) end
      error(err, 0)
    end
    if not has_room then return put(queue, task, item, start) end
  end
  add(queue, item)
end

local Put = method.class("Queue.put", put)

function Put.__await(coro, task)
  return put(coro[OBJECT], task, coro[ARGUMENT], begin(coro))
end

local function get(queue, task, start)
  if queue.store.count == 0 then
    local err, is_woken = wait(queue.getters, task)
    local has_item = queue.store.count > 0
    if err then
      if is_woken and has_item then wake_next(queue.getters) end
      error(err, 0)
    end
    if not has_item then return get(queue, task, start) end
  end
  return take(queue)
end

local Get = method.class("Queue.get", get)

function Get.__await(coro, task)
  return get(coro[OBJECT], task, begin(coro))
end

local function join(queue, task, start)
  if queue.unfinished == 0 then return end
  local err = wait(queue.joiners, task)
  if err then error(err, 0) end
end

local Join = method.class("Queue.join", join)

function Join.__await(coro, task)
  return join(coro[OBJECT], task, begin(coro))
end

--- Puts an item, waiting in line while the queue is full. A cancelled wait puts nothing.
--- Errors, when awaited: TypeError from a PriorityQueue whose items cannot be compared.
--- Source: asyncio.Queue.put.
---@param item any nil too
---@return lacuna.Coroutine
function Queue:put(item)
  return new_method(Put, self, item)
end

--- Takes an item, waiting in line while there is none. A cancelled wait takes nothing.
--- Source: asyncio.Queue.get.
---@return lacuna.Coroutine of the item
function Queue:get()
  return new_method(Get, self)
end

--- Waits until task_done() has been called for every item that was put.
--- Source: asyncio.Queue.join.
---@return lacuna.Coroutine
function Queue:join()
  return new_method(Join, self)
end

--- Puts an item. Errors: QueueFull; TypeError from a PriorityQueue whose items cannot be compared.
--- Source: asyncio.Queue.put_nowait.
---@param item any nil too
function Queue:put_nowait(item)
  if self.store.count >= self.limit then error(errors.quiet(errors.QueueFull), 2) end
  add(self, item)
end

--- Takes an item. Errors: QueueEmpty.
--- Source: asyncio.Queue.get_nowait.
---@return any item
function Queue:get_nowait()
  if self.store.count == 0 then error(errors.quiet(errors.QueueEmpty), 2) end
  return take(self)
end

--- Tells that an item that was taken is dealt with. Errors: ValueError if that was told for every item already.
--- Source: asyncio.Queue.task_done.
function Queue:task_done()
  if self.unfinished <= 0 then error(errors.ValueError("task_done() called too many times"), 2) end
  self.unfinished = self.unfinished - 1
  if self.unfinished == 0 then waiters.wake_all(self.joiners) end
end

--- How many items it holds.
---@return integer
function Queue:qsize()
  return self.store.count
end

--- Whether it holds no item.
---@return boolean
function Queue:empty()
  return self.store.count == 0
end

--- Whether it holds as many items as it can.
---@return boolean
function Queue:full()
  return self.store.count >= self.limit
end

function Queue:__tostring()
  local text = ("<%s maxsize=%s"):format(self.class_name, self.maxsize)
  local getter_count, putter_count = waiters.count(self.getters), waiters.count(self.putters)
  if self.store.count > 0 then text = ("%s items[%d]"):format(text, self.store.count) end
  if getter_count > 0 then text = ("%s getters[%d]"):format(text, getter_count) end
  if putter_count > 0 then text = ("%s putters[%d]"):format(text, putter_count) end
  if self.unfinished > 0 then text = ("%s tasks=%d"):format(text, self.unfinished) end
  return text .. ">"
end

local function subclass(name)
  local class = setmetatable({ class_name = name, __tostring = Queue.__tostring }, { __index = Queue })
  class.__index = class
  return class
end

local LifoQueue, PriorityQueue = subclass("LifoQueue"), subclass("PriorityQueue")

local function new(class, store, maxsize)
  maxsize = options.argument(class.class_name, maxsize, "maxsize")
  if maxsize == nil then maxsize = 0 end
  if type(maxsize) ~= "number" then
    local given = options.describe(maxsize)
    error(errors.TypeError(("%s: maxsize must be a number, got %s"):format(class.class_name, given)), 3)
  end
  local queue = {
    maxsize = maxsize,
    limit = maxsize > 0 and maxsize or math.huge,
    store = store,
    unfinished = 0, -- items for which task_done() has not been called
    loop = false,
    getters = false,
    putters = false,
    joiners = false,
  }
  queue.getters = waiters.line(queue, Getter)
  queue.putters = waiters.line(queue, Putter)
  queue.joiners = waiters.line(queue, Joiner)
  return setmetatable(queue, class)
end

local queues = {}

--- A queue between tasks: first in, first out. Errors: TypeError if maxsize is no number.
--- Source: asyncio.Queue.
---@param maxsize? number|{maxsize: number} the most items it holds; nil, 0 or less: any number
---@return lacuna.Queue
function queues.Queue(maxsize)
  return new(Queue, new_ring(), maxsize)
end

--- A queue that gives the item last put first. Errors: TypeError if maxsize is no number.
--- Source: asyncio.LifoQueue.
---@param maxsize? number|{maxsize: number} the most items it holds; nil, 0 or less: any number
---@return lacuna.Queue
function queues.LifoQueue(maxsize)
  return new(LifoQueue, new_stack(), maxsize)
end

--- A queue that gives the smallest item first, as `<` says, and of equal ones the one put first.
--- Errors: TypeError if maxsize is no number.
--- Source: asyncio.PriorityQueue.
---@param maxsize? number|{maxsize: number} the most items it holds; nil, 0 or less: any number
---@return lacuna.Queue
function queues.PriorityQueue(maxsize)
  return new(PriorityQueue, new_heap(), maxsize)
end

return queues
