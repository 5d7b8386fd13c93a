-- worker: what a worker thread runs: calls from a mailbox, one after the other, or one function that has a channel.
-- It is the script of a runtime of its own: whatever a script can do, a worker can.

local call = require "lacuna.exec.call"
local Channel = require "lacuna.exec.channel"
local codec = require "lacuna.exec.codec"
local interruption = require "lacuna.async.interruption"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.worker"
local trap = require "lacuna.kernel.trap"

-- What a worker that is to end may clean up for; well below the second after which its starter's end abandons it.
local CLEAN_UP_SECONDS = 0.5

---@class lacuna.exec.Worker
---@field task lacuna.Task the runtime's main task, which runs everything here
---@field running integer|false the id of the call that runs
---@field is_ending boolean
local Worker = {}
Worker.__index = Worker

-- Leaves what runs. The main task is cancelled; if it has computed for so long that it was interrupted meanwhile
-- (host/core/interrupt.h), it is leaving already.
function Worker:leave_call()
  if interruption.cancelled == self.task then return end
  native.spare(self.is_ending and CLEAN_UP_SECONDS or nil)
  self.task:cancel()
end

-- Cancels again what goes on in spite of having been told to end. Code that computes is interrupted by then.
function Worker:insist()
  self.task:get_loop():call_later(CLEAN_UP_SECONDS, function()
    self.task:cancel()
    self:insist()
  end)
end

-- Asked through the control mailbox: to leave a call, or, when that is closed, to end whatever runs.
function Worker:obey()
  while true do
    local bytes, id = self.control:pop()
    if not bytes then
      local is_closed = id
      if is_closed and not self.is_ending then
        self.is_ending = true
        self:leave_call()
        self:insist()
      end
      return
    end
    if id == self.running then self:leave_call() end
  end
end

-- The call is over: makes the main task what it was before it was cancelled.
function Worker:recover()
  local task = self.task
  self.running, interruption.cancelled = false, false
  task[layout.MUST_CANCEL] = false
  while task:cancelling() > 0 do task:uncancel() end
end

-- Sends an outcome.
function Worker:answer(outcome, id)
  local pointer, size = outcome:ref()
  self.outbox:push_from(pointer, size, id)
  codec.in_place.release(size)
end

-- What a pool's worker does.
function Worker:serve_calls(initializer, ...)
  if initializer then
    local ok, err = pcall(initializer, ...)
    if not ok then return native.leave("its initializer failed: " .. tostring(err)) end
  end
  local inbox = self.inbox
  while not self.is_ending do
    local bytes, id, size = inbox:pop()
    if bytes then
      if id < 0 then return end -- told to end
      self.running = id
      local outcome = call.run_in_place(bytes, size)
      self:recover()
      if self.is_ending then return end
      self:answer(outcome, id)
    elseif id then -- closed
      return
    elseif not inbox:look() then
      Channel.wait(inbox, "message")
    end
  end
end

-- What a worker of spawn_worker does.
function Worker:serve_channel(fn, ...)
  local outcome = call.run_function(fn, Channel.new(self.inbox, self.stream), ...)
  if self.is_ending then return end
  self.stream:close()
  self:answer(outcome, 1)
end

-- os.exit in a worker ends the worker, not the program.
function Worker:replace_exit()
  os.exit = function(status) -- luacheck: ignore 122
    self.is_ending = true
    native.leave(("os.exit(%s) was called"):format(status == nil and "" or tostring(status)))
    error("os.exit was called in a worker", 0)
  end
end

-- What a job names, with the job's arguments.
function Worker:work(kind, ...)
  self[kind](self, ...)
end

-- Begins with what the setup says.
function Worker:start(path, cpath, arguments, job)
  package.path, package.cpath, arg = path, cpath, arguments -- luacheck: globals arg
  self:replace_exit()
  self:work(codec.decode(job)) -- not before the path is set: modules that it speaks of are required here
end

local worker = {}

--- What a worker is to be told at its start.
---@param work "serve_calls"|"serve_channel"
---@param ... any the arguments of that
---@return string bytes
function worker.setup(work, ...)
  local job, buffers = codec.encode(work, ...)
  local setup = codec.encode(package.path, package.cpath, arg or {}, job)
  return setup, buffers
end

--- Runs the worker that this runtime was made for, to its end. host/mod/worker_thread.c calls it.
function worker.serve()
  local inbox, outbox, control, setup, stream = native.ends()
  local self = setmetatable({ inbox = inbox, outbox = outbox, control = control, stream = stream,
    task = trap.current(), running = false, is_ending = false }, Worker)
  control:listen("message", function() self:obey() end, "background")
  local ok, err = pcall(self.start, self, codec.decode(setup))
  native.leave(not ok and not self.is_ending and tostring(err) or nil)
  self:recover()
end

return worker
