-- mapping: what executor:map returns, the results of many calls in order, awaited together or iterated over.

local call = require "lacuna.exec.call"
local future = require "lacuna.kernel.future"
local trap = require "lacuna.kernel.trap"

---@class lacuna.Mapping
local Mapping = {}
Mapping.__index = Mapping

--- Starts the calls.
---@param executor lacuna.Executor
---@param fn function
---@param list any[]
---@param chunk integer
---@return lacuna.Mapping
function Mapping.new(executor, fn, list, chunk)
  local count, futures = list.n or #list, {}
  if chunk == 1 then
    for i = 1, count do futures[i] = executor:submit(fn, list[i]) end
  else
    for first = 1, count, chunk do
      local last = math.min(first + chunk - 1, count)
      futures[#futures + 1] = executor:submit(call.run_chunk, fn, { unpack(list, first, last) }, last - first + 1)
    end
  end
  return setmetatable({ futures = futures, chunk = chunk, count = count, next = 1, results = false }, Mapping)
end

-- Cancels what is left, the last first: so those that wait are gone before a worker becomes free to begin them.
local function cancel_all(mapping, message)
  local futures = mapping.futures
  for i = #futures, 1, -1 do futures[i]:cancel(message) end
end

-- The future of a wait for a call of a mapping: cancelling it cancels the mapping.
local Turn = future.subclass("MappingTurn")
Turn.description = "a call in an executor"

--- Cancels every call of the mapping that is not done.
---@param message? string of the CancelledError
---@return boolean cancelled false if it was done already
function Turn:cancel(message)
  if self:done() then return false end
  cancel_all(self.mapping, message)
  return future.Future.cancel(self, message)
end

-- Suspends until a call of the mapping is done.
local function wait_for(mapping, call_future)
  local turn = Turn()
  turn.mapping = mapping
  call_future:add_done_callback(function()
    if not turn:done() then turn:set_result() end
  end)
  trap.await(turn)
end

-- The value at an index; suspends until it is there. The first error cancels every call that is left.
local function value_at(mapping, index)
  local chunk = mapping.chunk
  local call_future = mapping.futures[math.ceil(index / chunk)]
  if not call_future:done() then wait_for(mapping, call_future) end
  local ok, result = trap.pcall(call_future.result, call_future)
  if not ok then
    cancel_all(mapping)
    error(result, 0)
  end
  if chunk == 1 then return result end
  return result[(index - 1) % chunk + 1]
end

-- await(mapping): the list of results.
function Mapping.__await(mapping)
  local results = { n = mapping.count }
  for i = 1, mapping.count do
    local value = value_at(mapping, i)
    results[i] = value
  end
  return results
end

-- for value, index in mapping do
function Mapping.__call(mapping)
  local index = mapping.next
  if index > mapping.count then return nil end
  mapping.next = index + 1
  return value_at(mapping, index), index
end

function Mapping:__tostring()
  return ("<Mapping of %d values>"):format(self.count)
end

return Mapping
