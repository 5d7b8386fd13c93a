-- process_pool: calls in child processes of the same command, for what must not share a process: code that may crash,
-- leak, exit, or be ended in the middle of anything. Calls wait here until a child is free; some are sent ahead, so
-- that a child with short calls need not wait for the next, and taken back when another child has nothing to run.
--
-- Children are made when there are more calls than children, and kept. One that dies fails the call that it ran; what
-- it had not begun goes to the next. Cancelling a running call kills its child: nothing else ends any code.

local Child = require "lacuna.exec.process_child"
local codec = require "lacuna.exec.codec"
local executor = require "lacuna.exec.executor"
local loops = require "lacuna.async.loops"
local native = require "lacuna.native.worker"
local scheduler = require "lacuna.native.scheduler"

local MOST_SENT = 32 -- calls that a child may have been sent, the running one among them

---@class lacuna.exec.ProcessCrew
---@field calls table<integer, lacuna.exec.ProcessCall> id -> what waits or runs
---@field first integer no call with a smaller id waits for a child
---@field last integer the latest id
---@field outstanding integer how many calls wait or run
---@field waiting integer how many calls have not been sent to a child
---@field children table<lacuna.exec.Child, true> those that have not ended
---@field child_count integer those of them that are not leaving
local Crew = {}
Crew.__index = Crew

-- A crew with calls is kept, whoever has dropped the pool; without, it ends with the pool.
local busy = {} -- luacheck: ignore 241

local function update_awaited(crew)
  local is_expecting = crew.outstanding > 0 and crew.outstanding <= crew.child_count
  if is_expecting ~= crew.is_expecting then
    crew.is_expecting = is_expecting
    if is_expecting then native.expect() else native.unexpect() end
  end
  local is_awaited = crew.outstanding > 0 or crew.is_closed
  busy[crew] = is_awaited and next(crew.children) ~= nil or nil
  for child in pairs(crew.children) do child:set_awaited(crew.is_closed or child.count > 0) end
end

-- A call is over: answered, taken back, or lost.
local function drop(crew, call)
  crew.calls[call.id] = nil
  crew.outstanding = crew.outstanding - 1
end

-- Puts a call back to those that wait.
local function put_back(crew, call)
  crew.waiting = crew.waiting + 1
  if call.id < crew.first then crew.first = call.id end
end

-- The call that has waited longest; it does not wait any more.
local function take_first(crew)
  local id, calls = crew.first, crew.calls
  while not calls[id] or calls[id].child do id = id + 1 end
  crew.first, crew.waiting = id + 1, crew.waiting - 1
  return calls[id]
end

-- Sends a child its share of what waits.
local function supply(crew, child)
  local limit = math.min(MOST_SENT, 1 + math.ceil(crew.waiting / (2 * crew.child_count)))
  local parts = {}
  while crew.waiting > 0 and child:has_room(limit) do child:add(take_first(crew), parts) end
  child:flush(parts)
end

-- Takes half of the calls that were sent ahead to the child with the most of them, for one that has none.
local function take_from_richest(crew)
  local richest
  for child in pairs(crew.children) do
    if child.count > 1 and (not richest or child.count > richest.count) then richest = child end
  end
  if not richest then return end
  local least = richest.newest + 1 - math.floor(richest.count / 2)
  for _, call in ipairs(richest:take_back_since(least)) do put_back(crew, call) end
end

local function break_down(crew, reason)
  crew.is_broken = true
  crew.calls, crew.outstanding, crew.waiting = {}, 0, 0
  for child in pairs(crew.children) do child:kill() end
  update_awaited(crew)
  crew.executor:on_broken(reason)
end

local function start_child(crew)
  local child, problem = Child.start(crew.options, crew.events)
  if not child then
    if crew.child_count > 0 then return nil end
    loops.current():call_soon(break_down, crew, problem)
    return nil
  end
  crew.children[child] = true
  crew.child_count = crew.child_count + 1
  child:write((codec.encode(child.slots, unpack(crew.setup, 1, crew.setup.n))))
  return child
end

-- Starts the children that the waiting calls need.
local function add_children(crew)
  while crew.waiting > 0 and crew.child_count < crew.executor.max_workers and not crew.is_broken do
    local child = start_child(crew)
    if not child then return end
    supply(crew, child)
  end
end

-- Gives children something to do, or leave to go.
local function distribute(crew)
  crew.is_distributing = false
  add_children(crew)
  for child in pairs(crew.children) do
    if not child.is_leaving then
      if child.count == 0 and crew.waiting == 0 then take_from_richest(crew) end
      if crew.waiting > 0 then supply(crew, child) end
      if crew.is_closed and child.count == 0 then
        child:finish()
        crew.child_count = crew.child_count - 1
      end
    end
  end
  update_awaited(crew)
end

local function find_idle(crew)
  for child in pairs(crew.children) do
    if child.count == 0 and not child.is_leaving then return child end
  end
  return nil
end

--- Takes a call; see exec/executor.lua for the crew's side of it. A child without calls gets it at once, others when
--- the running task waits, all that have come until then together.
---@param bytes string
---@return integer id
function Crew:send(bytes)
  local id = self.last + 1
  self.last, self.calls[id] = id, { id = id, bytes = bytes }
  self.outstanding, self.waiting = self.outstanding + 1, self.waiting + 1
  local idle = find_idle(self)
  if idle then
    supply(self, idle)
    update_awaited(self)
  elseif self.child_count < self.executor.max_workers then
    add_children(self)
    update_awaited(self)
  elseif not self.is_distributing then
    self.is_distributing = true
    loops.current():call_soon(distribute, self)
  end
  return id
end

--- Removes a call that no child has begun.
---@param id integer
---@return boolean removed
function Crew:take_back(id)
  local call = self.calls[id]
  if not call then return false end
  if not call.child then
    self.waiting = self.waiting - 1
  elseif not call.child:take_back(call.number) then
    return false
  end
  drop(self, call)
  update_awaited(self)
  return true
end

--- Kills the child that runs the call, unless it has ended that already.
---@param id integer
function Crew:interrupt(id)
  local call = self.calls[id]
  local child = call and call.child
  if not child or child.is_leaving then return end
  for _, later in ipairs(child:take_back_since(call.number + 1)) do put_back(self, later) end
  if child:has_since(call.number + 1) then return end -- it runs a later one
  child:kill()
  self.child_count = self.child_count - 1
  if not self.is_distributing then
    self.is_distributing = true
    loops.current():call_soon(distribute, self)
  end
end

--- Has the children end when no call waits any more.
function Crew:close()
  self.is_closed = true
  if next(self.children) then return distribute(self) end
  loops.current():call_soon(self.executor.on_ended, self.executor)
end

-- ---- what children report ----

local function on_message(crew, child, number, bytes)
  if number > 0 then
    local call = child:forget(number)
    drop(crew, call)
    return crew.executor:on_outcome(call.id, bytes)
  end
  if bytes == "" then
    child.is_ready = true
  elseif not crew.is_broken then
    break_down(crew, "its initializer failed: " .. bytes)
  end
end

-- Fails what a child had begun. One that was killed before it could begin anything takes the first of its calls along,
-- so that even if all are killed every call comes to an end.
local function lose_calls(crew, child, reason)
  local first_kept = child.is_ready and child.oldest or child.oldest + 1
  for _, call in ipairs(child:take_back_since(first_kept)) do put_back(crew, call) end
  for number = child.oldest, child.newest do
    if child.sent[number] then
      local call = child:forget(number)
      drop(crew, call)
      crew.executor:on_lost(call.id, reason)
    end
  end
end

local function on_end(crew, child, reason)
  crew.children[child] = nil
  if not child.is_leaving then
    crew.child_count = crew.child_count - 1
    if not child.is_ready and not child.is_killed and not crew.is_broken then break_down(crew, reason) end
  end
  if not crew.is_broken then lose_calls(crew, child, reason) end
  distribute(crew)
  if crew.is_closed and next(crew.children) == nil then crew.executor:on_ended() end
end

-- Children know their crew weakly: a pool that nobody has any more can be collected.
local function events_for(crew)
  local link = setmetatable({ crew = crew }, { __mode = "v" })
  local function pass(event)
    return function(...)
      if link.crew then event(link.crew, ...) end
    end
  end
  return { on_message = pass(on_message), on_read = pass(distribute), on_end = pass(on_end) }
end

local function new_crew(pool, initializer, initargs)
  local crew = setmetatable({
    executor = pool,
    options = {},
    setup = { n = 4 + #initargs, package.path, package.cpath, arg, initializer or false, unpack(initargs) },
    calls = {},
    children = {},
    child_count = 0,
    outstanding = 0,
    waiting = 0,
    first = 1,
    last = 0,
    is_distributing = false,
    is_closed = false,
    is_broken = false,
    is_expecting = false,
  }, Crew)
  codec.encode(unpack(crew.setup, 1, crew.setup.n)) -- raises here what cannot travel
  if scheduler.is_clock_virtual then crew.options[1] = "--clock=virtual" end
  if scheduler.is_debug then crew.options[#crew.options + 1] = "--debug" end
  crew.events = events_for(crew)
  local children, sentinel = crew.children, newproxy(true)
  getmetatable(sentinel).__gc = function()
    for child in pairs(children) do
      if not child.is_leaving then child:finish() end
    end
  end
  crew.sentinel = sentinel
  return crew
end

--- ProcessPoolExecutor{max_workers=, initializer=, initargs=}: calls in child processes, which a crash, an exit or
--- memory that ran out ends without harm to this one. They end when this process does, however it ends.
--- Source: concurrent.futures.ProcessPoolExecutor.
return executor.subclass("ProcessPoolExecutor", "a worker process", new_crew)
