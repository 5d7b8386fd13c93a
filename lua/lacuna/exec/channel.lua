-- channel: values to and from another runtime, one mailbox each way. Both ends of spawn_worker's talk are one.

local codec = require "lacuna.exec.codec"
local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local locks = require "lacuna.async.locks"
local trap = require "lacuna.kernel.trap"

local await = trap.await

---@class lacuna.Channel
local Channel = {}
Channel.__index = Channel

--- Suspends until a mailbox has a message (or space), or is closed. One task a side at a time.
---@param mailbox userdata of lacuna.native.worker
---@param side "message"|"space"
function Channel.wait(mailbox, side)
  local ready = future.new()
  ready.description = side == "message" and "a message of another thread" or "space in a mailbox"
  mailbox:listen(side, function()
    if not ready:done() then ready:set_result() end
  end, "once")
  local ok, err = pcall(await, ready)
  if ok then return end
  mailbox:unlisten(side)
  error(err, 0)
end

--- A channel's end.
---@param from userdata the mailbox that it receives from
---@param to userdata the mailbox that it sends to
---@return lacuna.Channel
function Channel.new(from, to)
  return setmetatable({ from = from, to = to, receiving = locks.Lock(), sending = locks.Lock() }, Channel)
end

-- Calls attempt until it is done, and waits in between. Who came first is served first: the line is a lock's.
local function wait_in_line(lock, mailbox, side, attempt, ...)
  if not lock:locked() and attempt(...) then return end
  await(lock:acquire())
  local ok, err = pcall(function(...)
    while not attempt(...) do Channel.wait(mailbox, side) end
  end, ...)
  lock:release()
  if not ok then error(err, 0) end
end

--- Sends a value, a copy of it. Suspends while the mailbox is full: so a slow receiver holds up a fast sender.
--- Cancelling the wait sends nothing.
--- Errors: TypeError that names what cannot travel, RuntimeError if the other side receives no more.
---@param value any
---@return lacuna.Coroutine
function Channel:send(value)
  return coroutines.named("send", function()
    local bytes, to, problem = codec.encode_message(value), self.to, nil
    local ok, err = pcall(wait_in_line, self.sending, to, "space", function()
      local is_pushed, reason = to:push(bytes)
      problem = reason
      return is_pushed or reason == "closed"
    end)
    if ok and problem ~= "closed" then return end
    codec.discard(bytes)
    error(ok and errors.RuntimeError("send: the other side receives no more") or err, 0)
  end)
end

--- The next value that the other side has sent; nil when there are no more. Suspends until there is one.
--- Cancelling the wait takes none.
---@return lacuna.Coroutine
function Channel:receive()
  return coroutines.named("receive", function()
    local from, is_received, value = self.from, false, nil
    wait_in_line(self.receiving, from, "message", function()
      local bytes, is_closed, size = from:pop()
      if not bytes then return is_closed end
      is_received, value = true, (codec.in_place.decode(bytes, size))
      return true
    end)
    if is_received then return value end
    return self:on_end()
  end)
end

-- The other side has sent its last value.
function Channel.on_end() end

--- Sends no more: when the other side has received the rest, it is given nil.
function Channel:close()
  self.to:close()
end

-- for value in channel do
function Channel.__call(channel)
  return await(channel:receive())
end

return Channel
