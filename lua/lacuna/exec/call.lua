-- call: what a worker, thread or process, does with one call. It runs in the worker's main task, so that the function
-- may itself await, and run a loop of its own.

local codec = require "lacuna.exec.codec"
local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local native = require "lacuna.native.scheduler"
local traceback = require "lacuna.kernel.traceback"
local trap = require "lacuna.kernel.trap"

local decode, encode_in_place = codec.in_place.decode, codec.in_place.encode_outcome
local iscoroutine, clock, is_clock_virtual = coroutines.iscoroutine, native.clock, native.is_clock_virtual
local pcall, xpcall = pcall, xpcall

local call = {}

local stack = "" -- of the error that was raised last

local function keep_stack(err)
  stack = errors.isinstance(err, errors.BaseError) and err.traceback or traceback.here(2)
  return err
end

-- What an async function was called for is what its coroutine object gives.
local function finish(first, ...)
  if iscoroutine(first) then return trap.await(first) end
  return first, ...
end

local function invoke(fn, ...)
  return finish(fn(...))
end

-- Seconds that have passed on the worker's virtual clock, false if none have.
local function elapsed_since(started)
  local now = clock()
  return now > started and now - started
end

local has_returned -- the function that is called: what is raised from then on is the codec's

-- These call no function last: the compiler leaves a trace through one that is called so with any number of arguments.

local function encode_results(encode, started, ...)
  has_returned = true
  local outcome = encode(true, started and elapsed_since(started), ...)
  return outcome
end

local function perform(encode, started, fn, ...)
  local outcome = encode_results(encode, started, finish(fn(...)))
  return outcome
end

local function perform_encoded(encode, started, bytes, size)
  local outcome = perform(encode, started, decode(bytes, size))
  return outcome
end

local function encode_error(encode, started, err)
  if has_returned then return encode(false, false, errors.wrap(err), "") end -- a result that cannot travel
  local ok, outcome = pcall(encode, false, started and elapsed_since(started), err, stack)
  if ok then return outcome end
  return encode(false, false, errors.wrap(outcome), "") -- an error that cannot travel
end

-- Calls performer(encode, started, ...), one of the last two above, and encodes what is raised.
local function run(performer, encode, ...)
  has_returned = false
  local started = is_clock_virtual and clock()
  local ok, outcome = xpcall(performer, keep_stack, encode, started, ...)
  if ok then return outcome end
  return encode_error(encode, started, outcome)
end

--- Runs a call that has travelled. Suspends when the function does; raises nothing.
---@param bytes string what codec.encode_call(fn, ...) gave
---@return string bytes of codec.encode_outcome: (true, elapsed, ...) or (false, elapsed, error, stack), where elapsed
---  is how many seconds passed on a virtual clock, or false
function call.run(bytes)
  return run(perform_encoded, codec.encode_outcome, bytes)
end

--- The same in place: for a message that may stand somewhere in memory, and an outcome that is to be copied.
---@param bytes string|lightuserdata
---@param size? integer
---@return string.buffer
function call.run_in_place(bytes, size)
  local outcome = run(perform_encoded, encode_in_place, bytes, size)
  return outcome
end

--- The same for a function that is here already.
---@param fn function
---@param ... any
---@return string.buffer
function call.run_function(fn, ...)
  return run(perform, encode_in_place, fn, ...)
end

--- On the caller's side: fails a future with the error that has come back. The stack in the worker stands above the
--- tasks that waited for it.
---@param fut lacuna.Future
---@param err any
---@param worker_stack string
---@param where string "a worker thread"
function call.fail(fut, err, worker_stack, where)
  local whole = (worker_stack ~= "" and worker_stack .. "\n" or "") .. "in " .. where
  local is_object = errors.isinstance(err, errors.BaseError)
  if is_object then err.traceback = whole else err = errors.wrap(err, whole) end
  fut.stack = whole
  future.fail(fut, err)
end

--- fn(value) for each value of a list: what executor:map sends for a chunk.
---@param fn function
---@param values any[]
---@param count integer
---@return any[] results
function call.run_chunk(fn, values, count)
  local results = {}
  for i = 1, count do
    local result = invoke(fn, values[i])
    results[i] = result
  end
  return results
end

return call
