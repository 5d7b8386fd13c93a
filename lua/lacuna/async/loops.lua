-- loops: which loop a call means.
-- In a task or a callback it is the loop that runs it. The top level of a script is a task of the main loop, but, as in
-- a Python script, get_event_loop there is a loop made by hand, which runs only while it is told to.

local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local loop_module = require "lacuna.kernel.loop"
local trap = require "lacuna.kernel.trap"

local loops = {}

local by_hand = nil -- the loop of get_event_loop and set_event_loop
local is_set = false

--- The loop that new tasks and futures belong to.
---@return lacuna.Loop
function loops.current()
  return trap.running_loop() or loop_module.main_loop
end
future.default_loop = loops.current

--- The running loop. Errors: RuntimeError outside tasks and callbacks.
--- Source: asyncio.get_running_loop.
---@return lacuna.Loop
function loops.get_running_loop()
  local loop = trap.running_loop()
  if not loop then error(errors.RuntimeError("no running event loop"), 2) end
  return loop
end

--- The running loop; at the top level of a script the loop set by hand, made at the first call.
--- Errors: RuntimeError at the top level after set_event_loop(nil) or run().
--- Source: asyncio.get_event_loop.
---@return lacuna.Loop
function loops.get_event_loop()
  local loop = trap.running_loop()
  if loop and loop ~= loop_module.main_loop then return loop end
  if not by_hand then
    if is_set then error(errors.RuntimeError("There is no current event loop in thread 'MainThread'."), 2) end
    loops.set_event_loop(loop_module.new())
  end
  return by_hand
end

--- Sets what get_event_loop gives at the top level; nil for none.
--- Source: asyncio.set_event_loop.
---@param loop? lacuna.Loop
function loops.set_event_loop(loop)
  if loop ~= nil and getmetatable(loop) ~= loop_module.Loop then
    error(errors.TypeError("set_event_loop: loop or nil expected, got " .. tostring(loop)), 2)
  end
  by_hand, is_set = loop, true
end

return loops
