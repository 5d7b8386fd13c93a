-- worker: what a worker thread runs, which is calls from a mailbox, one after the other.
-- It is the script of a runtime of its own: whatever a script can do, a worker can.

local call = require "lacuna.exec.call"
local channel = require "lacuna.exec.channel"
local codec = require "lacuna.exec.codec"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.worker"
local trap = require "lacuna.kernel.trap"

-- A worker that looks for the next call this long before it sleeps spares a caller that sends one call after the other
-- the wake-up. On one core it would only keep the caller from running.
local SPIN_US = native.cores() > 1 and 50 or 0

local worker = {}

local running = false -- the ticket of the call that runs
local is_ending = false

-- Asked through the control mailbox: to leave a call, or, when that is closed, to end whatever runs.
local function obey(control, task)
  while true do
    local bytes, ticket = control:pop()
    if not bytes then
      if ticket == true and not is_ending then -- closed
        is_ending = true
        task:cancel()
      end
      return
    end
    if ticket == running then task:cancel() end
  end
end

-- Makes the worker's main task what it was before it was cancelled.
local function recover(task)
  running = false
  task[layout.MUST_CANCEL] = false
  while task:cancelling() > 0 do task:uncancel() end
end

local function serve_calls(inbox, outbox, task)
  while not is_ending do
    local bytes, id, ticket = inbox:pop(SPIN_US)
    if bytes then
      if id < 0 then return end
      running = ticket
      local outcome = call.run(bytes)
      recover(task)
      if is_ending then return end
      outbox:push(outcome, ticket)
    elseif id then -- closed
      return
    else
      channel.wait(inbox, "message")
    end
  end
end

-- os.exit in a worker ends the worker, not the program.
local function replace_exit()
  os.exit = function(status) -- luacheck: ignore 122
    is_ending = true
    native.leave(("os.exit(%s) was called"):format(status == nil and "" or tostring(status)))
    error("os.exit was called in a worker", 0)
  end
end

local function prepare(path, cpath, arguments)
  package.path, package.cpath, arg = path, cpath, arguments -- luacheck: globals arg
  replace_exit()
end

local kinds = {}

-- A pool's worker.
function kinds.pool(inbox, outbox, task, initializer, ...)
  if initializer then
    local ok, err = pcall(initializer, ...)
    if not ok then return native.leave("its initializer failed: " .. tostring(err)) end
  end
  serve_calls(inbox, outbox, task)
end

local function start(inbox, outbox, task, kind, path, cpath, arguments, ...)
  prepare(path, cpath, arguments)
  kinds[kind](inbox, outbox, task, ...)
end

--- Runs the worker that this runtime was made for, to its end. host/mod/worker_thread.c calls it.
function worker.serve()
  local inbox, outbox, control, setup = native.ends()
  local task = trap.current()
  control:listen("message", function() obey(control, task) end, true)
  local ok, err = pcall(start, inbox, outbox, task, codec.decode(setup))
  if not ok and not is_ending then native.leave(tostring(err)) end
end

return worker
