-- time: clocks, and a sleep that blocks.
-- Under the virtual clock they read and move that one: time.sleep then passes at once, and nothing else runs meanwhile.

local errors = require "lacuna.kernel.errors"
local clock = require "lacuna.native.clock"
local native = require "lacuna.native.scheduler"
local options = require "lacuna.kernel.options"

local time = {}

local offset -- of the virtual clock from the wall clock, fixed at first use

--- Seconds since 1970.
--- Source: Python's time.time.
---@return number
function time.time()
  local now, is_virtual = native.clock()
  if not is_virtual then return clock.wall() end
  offset = offset or clock.wall() - now
  return now + offset
end

--- Seconds from an arbitrary start, on the clock that the loop uses.
--- Source: Python's time.monotonic.
---@return number
function time.monotonic()
  return (native.clock())
end

--- Seconds from an arbitrary start, for measuring.
--- Source: Python's time.perf_counter.
---@return number
function time.perf_counter()
  return (native.clock())
end

--- Sleeps and blocks the loop, on purpose: nothing else runs meanwhile. To let others run, await async.sleep.
--- Errors: ValueError for a negative time, TypeError if it is no number.
--- Source: Python's time.sleep.
---@param seconds number
function time.sleep(seconds)
  if type(seconds) ~= "number" then
    error(errors.TypeError("time.sleep: seconds must be a number, got " .. options.describe(seconds)), 2)
  end
  if seconds < 0 or seconds ~= seconds then error(errors.ValueError("sleep length must be non-negative"), 2) end
  local _, is_virtual = native.clock()
  if not is_virtual then
    io.stdout:flush()
    clock.block(seconds)
  end
  native.advance(seconds)
end

return time
