-- actor: spawn_worker, a function that runs in a thread of its own for as long as it likes, and a channel to it.

local call = require "lacuna.exec.call"
local Channel = require "lacuna.exec.channel"
local in_place = require("lacuna.exec.codec").in_place
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local native = require "lacuna.native.worker"
local scheduler = require "lacuna.native.scheduler"
local trap = require "lacuna.kernel.trap"
local worker = require "lacuna.exec.worker"

local MOST_WAITING = 64 -- values a channel holds each way before a sender has to wait

---@class lacuna.Actor: lacuna.Channel
local Actor = { __call = Channel.__call }
Actor.__index = Actor
setmetatable(Actor, { __index = Channel })

-- The worker's function has ended, with an outcome.
local function settle(actor, is_ok, _, err, stack)
  if not is_ok and not actor.ended:done() then call.fail(actor.ended, err, stack, "a worker thread") end
end

-- Refuses further messages and lets go of those that nobody will receive.
local function discard(mailbox)
  mailbox:close()
  while true do
    local bytes, _, size = mailbox:pop()
    if not bytes then return end
    in_place.discard(bytes, size)
  end
end

-- The worker's thread has ended.
local function bury(actor, reason)
  actor.outbox:unlisten("message")
  actor.native:join()
  actor.from:close() -- what it has sent can still be received
  discard(actor.to)
  if not actor.ended:done() then
    if reason == "" then
      actor.ended:set_result()
    else
      future.fail(actor.ended, errors.quiet(errors.BrokenExecutor, "a worker thread died: " .. reason))
    end
  end
  actor.gone:set_result()
end

local function hear(actor)
  while true do
    local bytes, id, size = actor.outbox:pop()
    if not bytes then return end
    if id < 0 then return bury(actor, bytes) end
    settle(actor, in_place.decode(bytes, size))
  end
end

-- Whoever waits for the worker's end keeps the loop waiting; otherwise it is only heard of.
local function await_end(actor, what)
  if what:done() then return what:result() end
  actor.outbox:listen("message", function() hear(actor) end)
  trap.await(what)
end

-- receive() has nothing left to give: nil, or the error that the function ended with.
function Actor:on_end()
  await_end(self, self.ended)
end

--- Ends the worker, whatever it is at; values that nobody has received are gone. The future that it returns is done
--- when its thread has ended.
--- Source: worker.terminate() of Node.
---@return lacuna.Future
function Actor:terminate()
  if not self.gone:done() then
    if not self.ended:done() then self.ended:set_result() end
    discard(self.from)
    discard(self.to)
    self.native:stop()
    self.outbox:listen("message", function() hear(self) end)
  end
  return self.gone
end

function Actor.__aenter(actor)
  return actor
end

function Actor.__aexit(actor)
  trap.await(actor:terminate())
end

function Actor:__tostring()
  return self.gone:done() and "<worker ended>" or "<worker running>"
end

local actor_module = {}

--- Starts fn(channel, ...) in a thread of its own, which ends when the function does. Both sides send and receive
--- copies of values, and wait when 64 are on the way; `for value in worker do` receives until the function has ended. A
--- context manager: leaving it terminates the worker.
--- Errors: TypeError that names what cannot travel, OSError if the system starts no more threads.
---@param fn fun(channel: lacuna.Channel, ...)
---@param ... any
---@return lacuna.Actor
function actor_module.spawn_worker(fn, ...)
  if type(fn) ~= "function" then
    error(errors.TypeError("spawn_worker: function expected, got " .. tostring(fn)), 2)
  end
  local to, outbox, stream = native.mailbox(MOST_WAITING), native.mailbox(), native.mailbox(MOST_WAITING)
  local setup, buffers = worker.setup("serve_channel", fn, ...)
  local thread, problem = native.start(1, to, outbox, setup, scheduler.is_clock_virtual, scheduler.is_debug, stream)
  if not thread then error(errors.OSError("spawn_worker: " .. problem), 2) end
  local actor = Channel.new(stream, to)
  actor.native, actor.outbox = thread, outbox
  actor.buffers = buffers -- shared memory that the setup speaks of
  actor.ended, actor.gone = future.new(), future.new()
  actor.ended.description, actor.gone.description = "the end of a worker", "the end of a worker's thread"
  outbox:listen("message", function() hear(actor) end, "background")
  return setmetatable(actor, Actor)
end

return actor_module
