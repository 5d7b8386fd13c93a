-- sleep: the coroutine object that waits for time to pass.
-- It parks the task on the scheduler's timer itself, with no future between; the wake-up takes the two turns that
-- asyncio's timer and future take, so that the order of everything around it is the same.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.scheduler"
local trap = require "lacuna.kernel.trap"

local COUNT, FIRST_ARGUMENT, RUNNING, CLOSED = layout.COUNT, layout.FIRST_ARGUMENT, layout.RUNNING, layout.CLOSED
local LOOP, THREAD, WAITS_FOR, MUST_CANCEL, NATIVE =
  layout.LOOP, layout.THREAD, layout.WAITS_FOR, layout.MUST_CANCEL, layout.NATIVE
local SECONDS = layout.FUNCTION -- a sleep has its seconds where others have their function

local arm, schedule, park = native.arm, trap.schedule, trap.park
local select, setmetatable, tonumber, type, unpack = select, setmetatable, tonumber, type, unpack

local Sleep = { is_coroutine = true, name = "sleep", __tostring = coroutines.Coroutine.__tostring }
Sleep.__index = Sleep

function Sleep.__await(sleep, task)
  local count = sleep[COUNT]
  if count < 0 then
    error(errors.RuntimeError("cannot reuse already awaited coroutine: " .. tostring(sleep)), 0)
  end
  sleep[COUNT] = RUNNING
  local seconds = sleep[SECONDS]
  if seconds <= 0 or task[MUST_CANCEL] then
    schedule(task[LOOP], task[THREAD])
    park(task)
  else
    task[WAITS_FOR] = arm(task[LOOP][NATIVE], seconds, task)
    park(task)
    task[WAITS_FOR] = false
  end
  sleep[COUNT] = CLOSED
  if count > 0 then return unpack(sleep, FIRST_ARGUMENT, FIRST_ARGUMENT + count - 1) end
end

--- A coroutine object that ends after a time; with 0 or less it lets every other ready task take its turn.
--- Cancelling the sleeping task takes the timer away at once. Errors: TypeError if seconds is no number.
--- Source: asyncio.sleep.
---@param seconds number
---@param ... any what awaiting it returns
---@return lacuna.Coroutine
local function sleep(seconds, ...)
  if type(seconds) ~= "number" then
    local number = tonumber(seconds)
    if not number then
      error(errors.TypeError("sleep: seconds must be a number, got " .. tostring(seconds)), 2)
    end
    seconds = number
  end
  local count = select("#", ...)
  if count == 0 then return setmetatable({ seconds, 0 }, Sleep) end
  return setmetatable({ seconds, count, ... }, Sleep)
end

return sleep
