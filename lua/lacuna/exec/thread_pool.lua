-- thread_pool: calls in other threads of this process, each with a Lua state and a loop of its own.
-- One mailbox holds the calls that wait, and whichever worker is free takes the oldest; another carries the outcomes
-- back. So a long call delays no other while a worker is free, and a call that waits can be taken back. The mailbox is
-- bounded; what it has no room for is held on the loop's side and follows, many at a time.
--
-- Workers are made when there are more calls than workers, and kept. A worker whose call was interrupted is not counted
-- until it comes back ("late"): another may be made in its place, and if both are there then, one is told to end.

local in_place = require("lacuna.exec.codec").in_place
local executor = require "lacuna.exec.executor"
local loops = require "lacuna.async.loops"
local native = require "lacuna.native.worker"
local scheduler = require "lacuna.native.scheduler"
local worker = require "lacuna.exec.worker"

local MOST_IN_MAILBOX = 256 -- calls
local OUTCOMES_PER_FEED = 32
local END = -1 -- the id of a message that tells one worker to end

local Crew = { encode_call = in_place.encode_call }
Crew.__index = Crew

-- While no more calls are out than workers are there, somebody waits for the very next outcome, and not for many.
local function update_expecting(crew)
  local is_expecting = crew.outstanding > 0 and crew.outstanding <= crew.worker_count
  if is_expecting == crew.is_expecting then return end
  crew.is_expecting = is_expecting
  if is_expecting then native.expect() else native.unexpect() end
end

-- The crew hears of outcomes as long as calls are out, or workers that must end; of late workers only by the way.
local function update_listening(crew)
  update_expecting(crew)
  local wanted = "nothing"
  if crew.outstanding > 0 or crew.is_closed and next(crew.workers) then
    wanted = "foreground"
  elseif crew.late_count > 0 then
    wanted = "background"
  end
  if wanted == crew.listening then return end
  crew.listening = wanted
  if wanted == "nothing" then return crew.outcomes:unlisten("message") end
  crew.outcomes:listen("message", crew.on_message, wanted)
end

local function report_no_worker(crew, problem)
  crew.executor:on_broken("no worker thread can be made: " .. problem)
end

-- Starts the workers that the calls need.
local function add_workers(crew)
  while crew.outstanding > crew.worker_count and crew.worker_count < crew.executor.max_workers do
    local number = crew.last_number + 1
    local thread, problem = native.start(number, crew.queue, crew.outcomes, crew.setup,
      scheduler.is_clock_virtual, scheduler.is_debug)
    if not thread then
      if crew.worker_count == 0 then loops.current():call_soon(report_no_worker, crew, problem) end
      return
    end
    crew.last_number, crew.workers[number] = number, thread
    crew.worker_count = crew.worker_count + 1
  end
end

--- Takes a call; see exec/executor.lua for the crew's side of it.
---@param message string.buffer
---@return integer id
function Crew:send(message)
  local pointer, size = message:ref()
  local id, is_held = self.queue:submit(pointer, size)
  if is_held then self.is_holding = true end
  in_place.release(size)
  self.outstanding = self.outstanding + 1
  if self.outstanding > self.worker_count then add_workers(self) end
  if self.outstanding == 1 then
    update_listening(self)
  elseif self.is_expecting and self.outstanding > self.worker_count then
    update_expecting(self)
  end
  return id
end

--- Removes a call that no worker has begun.
---@param id integer
---@return boolean removed
function Crew:take_back(id)
  if not self.queue:take_back(id) then return false end
  self.outstanding = self.outstanding - 1
  update_listening(self)
  return true
end

--- Has the worker leave the call, and counts it out until it has. If no worker runs it, its outcome is on the way.
---@param id integer
function Crew:interrupt(id)
  for number, thread in pairs(self.workers) do
    if thread:running() == id then
      thread:interrupt(id)
      if not self.late[number] then
        self.late_count = self.late_count + 1
        self.worker_count = self.worker_count - 1
      end
      self.late[number], self.late_at[id] = id, number
      self.outstanding = self.outstanding - 1
      add_workers(self)
      return update_listening(self)
    end
  end
end

--- Has the workers end when no call waits any more.
function Crew:close()
  self.is_closed = true
  self.queue:close()
  update_listening(self)
  if not next(self.workers) then loops.current():call_soon(self.executor.on_ended, self.executor) end
end

-- A call that was interrupted is over: its worker is not late any more, which may make it one too many.
local function welcome_back(crew, id)
  local number = crew.late_at[id]
  crew.late_at[id] = nil
  if crew.late[number] ~= id then return end -- it is late at another call by now
  crew.late[number] = nil
  crew.late_count = crew.late_count - 1
  crew.worker_count = crew.worker_count + 1
  if crew.worker_count > crew.executor.max_workers and not crew.is_closed then crew.queue:push_last("", END) end
end

-- A worker has died at a call, or before it took any.
local function report_death(crew, id, reason)
  if crew.executor.calls[id] then
    crew.outstanding = crew.outstanding - 1
    crew.executor:on_lost(id, reason)
  elseif reason ~= "" then -- nor would the next
    crew.outstanding = 0
    crew.executor:on_broken(reason)
  end
end

-- A worker has ended: it was told to, or the reason says why.
local function bury(crew, number, reason)
  local thread = crew.workers[number]
  local id = thread:running()
  thread:join()
  crew.workers[number] = nil
  if crew.late[number] then
    crew.late[number], crew.late_at[id] = nil, nil
    crew.late_count = crew.late_count - 1
  else
    crew.worker_count = crew.worker_count - 1
    report_death(crew, id, reason)
    add_workers(crew)
  end
  if crew.is_closed and not next(crew.workers) then crew.executor:on_ended() end
end

local function new_crew(pool, initializer, initargs)
  local setup, buffers = worker.setup("serve_calls", initializer or false, unpack(initargs))
  local crew = setmetatable({
    executor = pool,
    queue = native.mailbox(MOST_IN_MAILBOX),
    outcomes = native.mailbox(),
    setup = setup,
    buffers = buffers, -- shared memory that the setup speaks of
    workers = {},
    worker_count = 0, -- late ones left out
    last_number = 0,
    outstanding = 0, -- calls that wait or run, interrupted ones left out
    late = {}, -- number of a worker -> id of the interrupted call that it has not come back from
    late_at = {}, -- id of an interrupted call -> number of its worker
    late_count = 0,
    listening = "nothing",
    is_holding = false, -- calls on the loop's side, when last looked
    is_closed = false,
    is_expecting = false,
  }, Crew)
  local outcomes, calls = crew.outcomes, crew.queue
  crew.on_message = function()
    local count = 0
    while true do
      local bytes, id, size = outcomes:pop()
      if not bytes then break end
      count = count + 1
      if crew.is_holding and count % OUTCOMES_PER_FEED == 0 then crew.is_holding = calls:feed() end
      if id < 0 then
        bury(crew, -id, bytes)
      elseif crew.late_at[id] then
        welcome_back(crew, id)
        in_place.discard(bytes, size)
      else
        crew.outstanding = crew.outstanding - 1
        pool:on_outcome(id, bytes, size)
      end
    end
    if crew.is_holding then crew.is_holding = calls:feed() end
    update_listening(crew)
  end
  local queue, sentinel = crew.queue, newproxy(true) -- a pool that nobody has any more lets its workers end
  getmetatable(sentinel).__gc = function() queue:close() end
  crew.sentinel = sentinel
  return crew
end

--- ThreadPoolExecutor{max_workers=, initializer=, initargs=}: calls in threads that run truly in parallel.
--- Source: concurrent.futures.ThreadPoolExecutor.
return executor.subclass("ThreadPoolExecutor", "a worker thread", new_crew)
