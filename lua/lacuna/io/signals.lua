-- signals: loop:add_signal_handler and remove_signal_handler.
-- One libuv signal handle for each signal of a loop, never referenced: a handler alone keeps no script alive and does
-- not hold the virtual clock. A signal only schedules the handler, so it runs in the loop like any callback.

local errors = require "lacuna.kernel.errors"
local native = require "lacuna.native.signals"
local uv = require "luv"

local signals = {}

-- Signal -> how many handles of this runtime watch it, and what it did before the first.
local watched = {}

local function close(name, handler)
  handler:close()
  local watch = watched[name]
  watch.count = watch.count - 1
  if watch.count > 0 then return end
  watched[name] = nil
  native.restore(uv.constants[name], watch.disposition)
end

local function check_name(name)
  if type(name) ~= "string" or not name:find("^SIG%u") or not uv.constants[name] then
    error(errors.ValueError(('%s is not the name of a signal, such as "SIGTERM"'):format(tostring(name))), 3)
  end
end

--- Calls fn(...) in the loop whenever the process gets a signal; it replaces the handler there was. While there is one
--- for SIGINT, Ctrl-C does not cancel the main task.
--- Errors: ValueError for an unknown signal; RuntimeError for one that cannot be caught, or if the loop is closed;
--- TypeError if fn cannot be called.
--- Source: asyncio.loop.add_signal_handler.
---@param loop lacuna.Loop
---@param name string such as "SIGTERM"
---@param fn function
---@param ... any
function signals.add_signal_handler(loop, name, fn, ...)
  check_name(name)
  loop:call_soon(fn, ...):cancel() -- the same checks, with the same errors
  local count, arguments = select("#", ...), { ... }
  local disposition, handler = native.disposition(uv.constants[name]), uv.new_signal()
  local ok, problem = handler:start(name:lower(), function()
    if not loop:is_closed() then loop:call_soon(fn, unpack(arguments, 1, count)) end
  end)
  if not ok then
    handler:close()
    error(errors.RuntimeError(("%s cannot be caught: %s"):format(name, problem)), 2)
  end
  handler:unref()
  watched[name] = watched[name] or { disposition = disposition, count = 0 }
  watched[name].count = watched[name].count + 1
  local handlers = loop.signal_handlers or {}
  if handlers[name] then close(name, handlers[name]) end
  handlers[name] = handler
  loop.signal_handlers = handlers
end

--- Removes a signal's handler; the signal then does what it did before.
--- Errors: ValueError for an unknown signal.
--- Source: asyncio.loop.remove_signal_handler.
---@param loop lacuna.Loop
---@param name string
---@return boolean removed false if there was none
function signals.remove_signal_handler(loop, name)
  check_name(name)
  local handlers = loop.signal_handlers
  local handler = handlers and handlers[name]
  if not handler then return false end
  handlers[name] = nil
  if next(handlers) == nil then loop.signal_handlers = nil end
  close(name, handler)
  return true
end

return signals
