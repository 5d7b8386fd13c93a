-- process_worker: what a child process of a pool runs, which is calls from its socket, one after the other.
-- Calls wait here before they are begun, so that a short one need not wait for the way; the pool may still take them
-- back. Whose a call is, the two settle in shared memory: in the slot of its number stands the number, negative once
-- the worker has begun it, 0 if the pool took it back.

local call = require "lacuna.exec.call"
local codec = require "lacuna.exec.codec"
local frames = require "lacuna.exec.frames"
local future = require "lacuna.kernel.future"
local native = require "lacuna.native.worker_process"
local trap = require "lacuna.kernel.trap"
local uv = require "luv"

local DESCRIPTOR = 3 -- the socket, as process_pool.lua hands it down

local process_worker = {}

-- fun(number, bytes): writes a message. Suspends until it has left this process, so that no more than one outcome
-- dies with it.
local function writer_to(pipe)
  local waiting
  local function on_written()
    if waiting and pipe:get_write_queue_size() == 0 and not waiting:done() then waiting:set_result() end
  end
  return function(number, bytes)
    if frames.write(pipe, frames.add({}, number, bytes), on_written) then return end
    waiting = future.new()
    waiting.description = "room in the socket"
    trap.await(waiting)
    waiting = nil
  end
end

-- fun() -> number, bytes: the next message; suspends until it is there. nil when the pool wants no more.
local function messages_of(pipe)
  local read, waiting, is_ended = frames.reader(), nil, false
  local received, first, last = {}, 1, 0
  local function take(chunk)
    local number, bytes = read(chunk)
    while number do
      last = last + 1
      received[last] = { number, bytes }
      number, bytes = read()
    end
  end
  pipe:read_start(function(_, chunk)
    if not chunk then is_ended = true end
    take(chunk)
    if waiting and (is_ended or first <= last) and not waiting:done() then waiting:set_result() end
  end)
  pipe:unref() -- so that a call may wait on the virtual clock, and a call that waits for nothing is told so
  local function wait()
    waiting = future.new()
    waiting.description = "a call"
    pipe:ref()
    trap.await(waiting)
    pipe:unref()
    waiting = nil
  end
  return function()
    while first > last do
      if is_ended then return nil end
      local chunk = native.receive_soon(DESCRIPTOR)
      if chunk then
        take(chunk)
      else
        wait()
      end
    end
    local message = received[first]
    received[first] = nil
    first = first + 1
    return message[1], message[2]
  end
end

-- Sets the state up; gives the slots in which calls are claimed.
local function prepare(slots, path, cpath, arguments, initializer, ...)
  package.path, package.cpath, arg = path, cpath, arguments -- luacheck: globals arg
  if initializer then initializer(...) end
  return slots
end

-- A call may have cancelled the task that runs it.
local function recover(task)
  while task:cancelling() > 0 do task:uncancel() end
end

local function serve_calls(write, next_message, slots)
  local task = trap.current()
  for number, bytes in next_message do
    if slots:compare_exchange(number % #slots, number, -number) == number then
      local outcome = call.run(bytes)
      recover(task)
      io.stdout:flush()
      write(number, outcome)
    end
  end
end

--- Serves the pool until it closes the socket.
---@param parent integer the pid of the pool's process
function process_worker.serve(parent)
  native.become_worker(parent, DESCRIPTOR)
  local pipe = uv.new_pipe(false)
  assert(pipe:open(DESCRIPTOR))
  local next_message = messages_of(pipe)
  local _, setup = next_message()
  if not setup then return end
  local ok, slots = pcall(function() return prepare(codec.decode(setup)) end)
  local write = writer_to(pipe)
  write(0, ok and "" or tostring(slots)) -- ready, or why not
  if ok then serve_calls(write, next_message, slots) end
  pipe:close()
end

return process_worker
