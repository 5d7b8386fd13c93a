-- executor: what thread pools and process pools have in common.
-- An Executor turns calls into messages and messages into outcomes: it encodes, keeps the future of each call, and says
-- what cancelling, mapping and shutting down mean. Who carries messages to workers is its crew:
--
--   crew.encode_call(fn, ...)      codec.encode_call if there is none, or the one of codec.in_place
--   crew:send(message) -> id       takes a call, what encode_call gave; never refuses, never suspends.
--                                  It has the workers that the call needs started, at most max_workers.
--   crew:take_back(id) -> boolean  removes a call that no worker has begun; false if one has, or it is over.
--   crew:interrupt(id)             has the worker leave the call it runs, and makes do without that worker until then.
--   crew:close()                   no more calls come: workers end as soon as none is waiting.
--
-- and it calls, always from the loop, never from within one of the above:
--
--   executor:on_outcome(id, ...)   the rest is for codec.in_place.decode: what exec/call.lua's `run` gave in the worker
--   executor:on_lost(id, reason)   the worker died while it ran the call
--   executor:on_broken(reason)     no worker can be made (any more); every call is lost
--   executor:on_ended()            after close: all workers have ended
--
-- While calls are out, or workers are to end after close, a crew keeps a handle of the loop referenced, else none.

local calls = require "lacuna.exec.call"
local codec = require "lacuna.exec.codec"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local loops = require "lacuna.async.loops"
local Mapping = require "lacuna.exec.mapping"
local native = require "lacuna.native.worker"
local options_module = require "lacuna.kernel.options"
local trap = require "lacuna.kernel.trap"

local PENDING = layout.PENDING
local STATE = layout.STATE
local in_place = codec.in_place
local decode = in_place.decode
local complete = future.complete
local setmetatable, type = setmetatable, type

---@class lacuna.Executor
---@field name string what messages call it
local Executor = {}
Executor.__index = Executor

-- The future of one call; beside what every future has, it says where to find the call. No literals: see the head of
-- kernel/layout.lua.
local EXECUTOR, ID = 6, 7
local NO, NOTHING = false, nil
local Call = future.subclass("ExecutorCall")
Call.description = "a call in an executor"

--- Cancels the call and reports it cancelled at once: one that waits is removed, one that runs is interrupted, which
--- ends its Lua code at the next instruction that can be interrupted.
---@param message? string of the CancelledError
---@return boolean cancelled false if it was done already
function Call:cancel(message)
  if self[STATE] ~= PENDING then return future.Future.cancel(self, message) end
  local executor, id = self[EXECUTOR], self[ID]
  executor.calls[id] = nil
  if not executor.crew:take_back(id) then executor.crew:interrupt(id) end
  return future.Future.cancel(self, message)
end

-- ---- what the crew reports ----

local settle

local function settle_pending(call, is_ok, ...)
  if call[STATE] == PENDING then settle(call, is_ok, false, ...) end
end

function settle(call, is_ok, elapsed, ...)
  if elapsed then -- seconds that the call slept on the worker's virtual clock: they pass on this one too
    return call:get_loop():call_later(elapsed, settle_pending, call, is_ok, ...)
  end
  if is_ok then return complete(call, ...) end
  local err, stack = ...
  calls.fail(call, err, stack, call[EXECUTOR].worker_name)
end

--- A worker has done a call; the crew calls it.
---@param id integer
---@param bytes string|lightuserdata
---@param size? integer
function Executor:on_outcome(id, bytes, size)
  local call = self.calls[id]
  if not call then return in_place.discard(bytes, size) end -- cancelled meanwhile
  self.calls[id] = nil
  settle(call, decode(bytes, size))
end

--- A worker died while it ran a call; the crew calls it.
---@param id integer
---@param reason string
function Executor:on_lost(id, reason)
  local call = self.calls[id]
  if not call then return end
  self.calls[id] = nil
  local message = ("%s: %s died: %s"):format(self.name, self.worker_name, reason)
  future.fail(call, errors.quiet(errors.BrokenExecutor, message))
end

--- No worker can be made; the crew calls it. Fails every call, and every later one.
---@param reason string
function Executor:on_broken(reason)
  self.broken = ("%s: %s"):format(self.name, reason)
  local ids = {}
  for id in pairs(self.calls) do ids[#ids + 1] = id end
  table.sort(ids)
  for _, id in ipairs(ids) do
    local call = self.calls[id]
    self.calls[id] = nil
    future.fail(call, errors.quiet(errors.BrokenExecutor, self.broken))
  end
end

--- All workers have ended after a shutdown; the crew calls it.
function Executor:on_ended()
  self.ended:set_result()
end

-- ---- for scripts ----

--- Starts a call whose future belongs to a loop; what submit and run_in_executor have in common.
---@param loop lacuna.Loop
---@param fn function
---@param ... any
---@return lacuna.Future
function Executor:start(loop, fn, ...)
  if type(fn) ~= "function" then
    error(errors.TypeError(("%s: function expected, got %s"):format(self.name, options_module.describe(fn))), 3)
  end
  if self.broken then error(errors.BrokenExecutor(self.broken), 3) end
  if self.ended then
    error(errors.RuntimeError(("%s: cannot schedule new futures after shutdown"):format(self.name)), 3)
  end
  local crew = self.crew
  local message, buffers = (crew.encode_call or codec.encode_call)(fn, ...)
  local id = crew:send(message)
  local call = setmetatable({ PENDING, NOTHING, loop, NO, NO, self, id }, Call)
  if buffers then call.buffers = buffers end -- shared memory, held until the worker has it
  self.calls[id] = call
  return call
end

--- Has fn(...) called in a worker. It starts at the call: the function travels with its upvalues, arguments and results
--- as data; an async function runs to its end there.
--- The future is done with the results or the error; cancelling it removes a call that waits and interrupts one that
--- runs. It fails with BrokenExecutor if the worker dies.
--- Errors: TypeError that names what cannot travel, RuntimeError after shutdown, BrokenExecutor.
--- Source: concurrent.futures.Executor.submit, its future that of loop.run_in_executor.
---@param fn function
---@param ... any
---@return lacuna.Future
function Executor:submit(fn, ...)
  return self:start(loops.current(), fn, ...)
end

--- Has fn called with each value of a list, and starts at once. Await the result for the list of results, in order,
--- with `.n`; or iterate over it: each result, and its index, as soon as it and those before it are there.
--- The first error, in order, is raised and cancels what is left, as does cancelling the wait.
--- Errors: TypeError that names what cannot travel, ValueError for a chunk below 1, RuntimeError after shutdown.
--- Source: concurrent.futures.Executor.map.
---@param fn fun(value: any): any
---@param list any[]
---@param options? {chunk?: integer} how many values travel together; 1 unless given
---@return lacuna.Mapping
function Executor:map(fn, list, options)
  if type(list) ~= "table" then
    error(errors.TypeError("map: a list was expected, got " .. options_module.describe(list)), 2)
  end
  local chunk = options_module.check("map", options, { chunk = "any" }).chunk or 1
  if type(chunk) ~= "number" or chunk < 1 then
    error(errors.ValueError("map: chunk must be at least 1, got " .. options_module.describe(chunk)), 2)
  end
  return Mapping.new(self, fn, list, chunk)
end

--- Takes no more calls and lets the workers end. Suspends until all calls have ended and all workers are gone, unless
--- `wait` is false; the future that it returns is done when they are.
--- With `cancel_pending` the calls that no worker has begun are cancelled. Cancelling the wait ends only the wait.
--- Source: concurrent.futures.Executor.shutdown.
---@param options? {wait?: boolean, cancel_pending?: boolean}
---@return lacuna.Future
function Executor:shutdown(options)
  options_module.check("shutdown", options, { wait = "boolean", cancel_pending = "boolean" })
  if options and options.cancel_pending then
    for id, call in pairs(self.calls) do
      if self.crew:take_back(id) then
        self.calls[id] = nil
        future.Future.cancel(call)
      end
    end
  end
  if not self.ended then
    self.ended = future.new(loops.current())
    self.ended.description = "the workers of " .. self.name
    self.crew:close()
  end
  if (not options or options.wait ~= false) and trap.current() then self:wait_ended() end
  return self.ended
end

--- Suspends until all workers have ended after a shutdown.
function Executor:wait_ended()
  if self.ended:done() then return end
  local ended = future.new()
  ended.description = self.ended.description
  self.ended:add_done_callback(function()
    if not ended:done() then ended:set_result() end
  end)
  trap.await(ended)
end

function Executor.__aenter(executor)
  return executor
end

function Executor.__aexit(executor)
  executor:shutdown()
end

function Executor:__tostring()
  return ("<%s max_workers=%d>"):format(self.name, self.max_workers)
end

-- The options of a pool: {max_workers=, initializer=, initargs=} or the number of workers.
local function read_options(name, options)
  if type(options) == "number" then options = { max_workers = options } end
  options = options_module.check(name, options, { max_workers = "any", initializer = "any", initargs = "table" })
  local max_workers = options.max_workers or native.cores()
  if type(max_workers) ~= "number" or max_workers < 1 then
    local given = options_module.describe(max_workers)
    error(errors.ValueError(("%s: max_workers must be greater than 0, got %s"):format(name, given)), 4)
  end
  local initializer = options.initializer
  if initializer ~= nil and type(initializer) ~= "function" then
    local given = options_module.describe(initializer)
    error(errors.TypeError(("%s: initializer must be a function, got %s"):format(name, given)), 4)
  end
  return math.floor(max_workers), initializer, options.initargs or {}
end

local executor = {}

--- Makes a class of pools. Its objects are made by calling it with {max_workers=, initializer=, initargs=}.
---@param name string "ThreadPoolExecutor"
---@param worker_name string what a worker is called in messages: "a worker thread"
---@param new_crew fun(executor: lacuna.Executor, initializer?: function, initargs: any[]): table
---@return table class
function executor.subclass(name, worker_name, new_crew)
  local class = { name = name, worker_name = worker_name }
  for event, method in pairs(Executor) do
    if event:find("^__") then class[event] = method end
  end
  class.__index = class
  return setmetatable(class, {
    __index = Executor,
    __call = function(_, options)
      local max_workers, initializer, initargs = read_options(name, options)
      local pool = setmetatable({ calls = {}, max_workers = max_workers, ended = false, broken = false }, class)
      pool.crew = new_crew(pool, initializer, initargs)
      return pool
    end,
  })
end

return executor
