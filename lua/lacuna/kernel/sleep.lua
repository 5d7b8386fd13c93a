-- sleep: the coroutine object that waits for time to pass.
-- It parks the task on the scheduler's timer itself, with no future between; the wake-up takes the two turns that
-- asyncio's timer and future take, so that the order of everything around it is the same.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local layout = require "lacuna.kernel.layout"
local options = require "lacuna.kernel.options"
local trap = require "lacuna.kernel.trap"

local COUNT, FIRST_ARGUMENT = layout.COUNT, layout.FIRST_ARGUMENT
local SECONDS = layout.FUNCTION -- a sleep has its seconds where others have their function

local begin, wait = coroutines.begin, trap.sleep
coroutines.runs[wait] = true
local select, setmetatable, tonumber, type, unpack = select, setmetatable, tonumber, type, unpack

local Sleep = coroutines.guard { is_coroutine = true, name = "sleep", __tostring = coroutines.Coroutine.__tostring }

-- The common sleep ends in a tail call: its frame is not kept while the task waits.
function Sleep.__await(sleep, task)
  local count = sleep[COUNT]
  if count <= 0 then return wait(task, sleep[SECONDS], begin(sleep)) end
  wait(task, sleep[SECONDS], begin(sleep))
  return unpack(sleep, FIRST_ARGUMENT, FIRST_ARGUMENT + count - 1)
end

local function to_number(seconds)
  local number = tonumber(seconds)
  if not number then
    error(errors.TypeError("sleep: seconds must be a number, got " .. options.describe(seconds)), 3)
  end
  if number ~= number then error(errors.ValueError("sleep: seconds is not a number (NaN)"), 3) end
  return number
end

-- A sleep that returns something, or is watched; apart, because the frame it takes would enlarge the caller's stack.
local function new(seconds, ...)
  local sleep = setmetatable({ seconds, select("#", ...), ... }, Sleep)
  if coroutines.watch_created then return coroutines.watch_created(sleep) end
  return sleep
end

--- A coroutine object that ends after a time; with 0 or less it lets every other ready task take its turn.
--- Cancelling the sleeping task takes the timer away at once.
--- Errors: TypeError if seconds is no number, ValueError if it is NaN.
--- Source: asyncio.sleep.
---@param seconds number
---@param ... any what awaiting it returns
---@return lacuna.Coroutine
local function sleep(seconds, ...)
  if type(seconds) ~= "number" or seconds ~= seconds then seconds = to_number(seconds) end
  if select("#", ...) > 0 or coroutines.watch_created then return new(seconds, ...) end
  return setmetatable({ seconds, 0 }, Sleep)
end

return sleep
