-- channel: awaiting what a native mailbox has, from the side of one runtime.

local future = require "lacuna.kernel.future"
local trap = require "lacuna.kernel.trap"

local channel = {}

--- Suspends until a mailbox has a message (or space), or is closed. One task a side at a time.
---@param mailbox userdata of lacuna.native.worker
---@param side "message"|"space"
function channel.wait(mailbox, side)
  local ready = future.new()
  ready.description = side == "message" and "a message" or "space for a message"
  mailbox:listen(side, function()
    mailbox:unlisten(side)
    if not ready:done() then ready:set_result() end
  end)
  local ok, err = pcall(trap.await, ready)
  if ok then return end
  mailbox:unlisten(side)
  error(err, 0)
end

return channel
