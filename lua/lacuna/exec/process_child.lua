-- process_child: one child process of a pool, seen from the pool: the process, the socket to it, and the calls that it
-- has been sent. Which call goes where is process_pool.lua's business.
--
-- A child takes its calls in the order in which they were sent, and is sent some before it has ended others. A call
-- that it has not begun can be taken back: see process_worker.lua for how the two agree on that.

local frames = require "lacuna.exec.frames"
local native = require "lacuna.native.worker_process"
local shared_buffer = require "lacuna.exec.shared_buffer"
local uv = require "luv"

local SLOTS = 64 -- the numbers of the calls that are out differ by less
local MOST_BYTES_AHEAD = 65536

---@class lacuna.exec.ProcessCall a call on its way
---@field id integer
---@field bytes string
---@field child lacuna.exec.Child? that it has been sent to
---@field number integer? among those that the child has been sent

---@class lacuna.exec.Child
---@field pid integer
---@field count integer how many calls it has been sent and has not answered
---@field slots lacuna.SharedBuffer.View what it finds out from which calls it may begin
---@field sent table<integer, lacuna.exec.ProcessCall> by number, from `oldest` to `newest`
---@field is_ready boolean it has said that it takes calls
---@field is_leaving boolean it is to be sent none any more
---@field is_killed boolean a signal has ended it
local Child = {}
Child.__index = Child

local signal_names = {}
for name, number in pairs(uv.constants) do
  local other = signal_names[number]
  if name:find("^SIG%u+$") and (not other or name < other) then signal_names[number] = name end -- SIGABRT, not SIGIOT
end

local function describe_end(pid, status, signal)
  if signal ~= 0 then return ("pid %d was killed by %s"):format(pid, signal_names[signal] or "signal " .. signal) end
  return ("pid %d exited with status %d"):format(pid, status)
end

-- A child is gone when its process has ended and all that it wrote has been read.
local function close(child, events)
  if child.pipe:is_active() or not child.reason then return end
  native.release(child.pid)
  child.process:close()
  child.pipe:close()
  events.on_end(child, child.reason)
  child.slots_buffer:close()
end

local function listen(child, events)
  local read = frames.reader()
  child.pipe:read_start(function(_, chunk)
    if not chunk then
      child.pipe:read_stop()
      return close(child, events)
    end
    local number, bytes = read(chunk)
    while number do
      events.on_message(child, number, bytes)
      number, bytes = read()
    end
    events.on_read(child)
  end)
end

--- Starts a child. Events are called from the loop, with the child: on_message(child, number, bytes), the number being
--- 0 or a call's; on_read(child) after the messages that came together; on_end(child, reason), the last.
---@param options string[] of the command
---@param events table<string, function>
---@return lacuna.exec.Child? nil if the system refuses
---@return string? problem
function Child.start(options, events)
  local slots_buffer = shared_buffer.SharedBuffer(8 * SLOTS)
  local child = setmetatable({
    slots_buffer = slots_buffer, slots = slots_buffer:view("int64_t"), pipe = uv.new_pipe(false),
    sent = {}, oldest = 1, newest = 0, count = 0, bytes_ahead = 0,
    is_ready = false, is_leaving = false, is_killed = false, is_awaited = true, reason = false,
  }, Child)
  local arguments = { unpack(options) }
  arguments[#arguments + 1] = "worker_process"
  arguments[#arguments + 1] = tostring(uv.os_getpid())
  local executable = native.executable()
  local spawn_options = { args = arguments, stdio = { nil, 1, 2, child.pipe } } -- nil: /dev/null
  child.process, child.pid = uv.spawn(executable, spawn_options, function(status, signal)
    child.is_killed, child.reason = signal ~= 0, describe_end(child.pid, status, signal)
    close(child, events)
  end)
  if not child.process then
    child.pipe:close()
    slots_buffer:close()
    return nil, ("%s cannot be started: %s"):format(executable, child.pid)
  end
  native.guard(child.pid)
  listen(child, events)
  return child
end

--- Sends what is no call.
---@param bytes string
function Child:write(bytes)
  self.pipe:write(frames.add({}, 0, bytes))
end

--- Whether it takes a call before it has answered those that it has.
---@param limit integer how many it may have then
---@return boolean
function Child:has_room(limit)
  return not self.is_leaving and self.count < limit and self.bytes_ahead < MOST_BYTES_AHEAD
    and self.newest - self.oldest < SLOTS - 1
end

--- Counts a call as sent; it goes out with the next flush.
---@param call lacuna.exec.ProcessCall
---@param parts string[] what is to be flushed
function Child:add(call, parts)
  local number, bytes = self.newest + 1, call.bytes
  self.newest, self.count, self.bytes_ahead = number, self.count + 1, self.bytes_ahead + #bytes
  self.sent[number], call.child, call.number = call, self, number
  self.slots:store(number % SLOTS, number)
  frames.add(parts, number, bytes)
end

--- Sends what `add` gathered.
---@param parts string[]
function Child:flush(parts)
  if #parts > 0 then frames.write(self.pipe, parts) end
end

--- Forgets a call, which has been answered or taken back.
---@param number integer
---@return lacuna.exec.ProcessCall
function Child:forget(number)
  local sent, call = self.sent, self.sent[number]
  sent[number], call.child = nil, nil
  self.count, self.bytes_ahead = self.count - 1, self.bytes_ahead - #call.bytes
  local oldest, newest = self.oldest, self.newest
  while oldest <= newest and not sent[oldest] do oldest = oldest + 1 end
  self.oldest = oldest
  return call
end

--- Takes back a call that the child has not begun.
---@param number integer
---@return lacuna.exec.ProcessCall? nil if it has
function Child:take_back(number)
  if self.slots:compare_exchange(number % SLOTS, number, 0) ~= number then return nil end
  return self:forget(number)
end

--- Takes back the latest calls, as far as the child has not begun them.
---@param least integer the smallest number to take back
---@return lacuna.exec.ProcessCall[] calls the latest first
function Child:take_back_since(least)
  local calls = {}
  for number = self.newest, least, -1 do
    if self.sent[number] then
      local call = self:take_back(number)
      if not call then break end -- then it has begun those before, too
      calls[#calls + 1] = call
    end
  end
  return calls
end

--- Whether it has been sent a call of this number or a later one, and has not answered it.
---@param least integer
---@return boolean
function Child:has_since(least)
  for number = self.newest, least, -1 do
    if self.sent[number] then return true end
  end
  return false
end

--- Ends the process at once, whatever it is at.
function Child:kill()
  self.is_leaving = true
  self.process:kill("sigkill")
end

--- Has the process end when it has answered all calls.
function Child:finish()
  self.is_leaving = true
  self.pipe:shutdown()
end

--- Says whether the loop waits for this child.
---@param is_awaited boolean
function Child:set_awaited(is_awaited)
  if self.is_awaited == is_awaited then return end
  self.is_awaited = is_awaited
  local change = is_awaited and uv.ref or uv.unref
  if not self.pipe:is_closing() then change(self.pipe) end
  if not self.process:is_closing() then change(self.process) end
end

return Child
