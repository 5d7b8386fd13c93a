-- embed: the Lua half of host/embed: tasks that the embedding program starts, and the Futures of its functions.
-- What C calls is in the table that this file returns; a handle and a call are light userdata that it only passes back.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local ffi = require "ffi"
local future = require "lacuna.kernel.future"
local home = require "lacuna.async.home"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.embed"
local report = require "lacuna.async.report"
local script = require "lacuna.async.script"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"
local tree = require "lacuna.debug.tree"

local complete_with, running_loop = future.complete_with, trap.running_loop
local STATE, RESULT = layout.STATE, layout.RESULT
local PENDING, FAILED, CANCELLED = layout.PENDING, layout.FAILED, layout.CANCELLED
local OK_STATUS, FAILED_STATUS, CANCELLED_STATUS = 0, 1, 3 -- lacuna_status

local embed = {}

local operations = {} -- the Futures of pending calls by their slot, which C counts from 1; false between two calls

-- ---- tasks ----

local tasks = {} -- by handle, until they have ended
local deadlines = {} -- by handle: what cancels the task

local function tell_ended(handle, task)
  local state = task[STATE]
  embed.set_deadline(handle, -1)
  tasks[handle] = nil
  if state ~= FAILED and state ~= CANCELLED then return native.ended(handle, OK_STATUS, task:result()) end
  task.is_unretrieved = nil -- the program has it now
  local err = state == FAILED and task[RESULT] or future.cancelled_error(task)
  native.ended(handle, state == FAILED and FAILED_STATUS or CANCELLED_STATUS, err.name, err.message, err.traceback,
    report.describe(err))
end

local function start(handle, awaitable, name)
  local task = task_module.new(home.loop, awaitable, name, "lacuna_spawn")
  tasks[handle] = task
  task:add_done_callback(function() tell_ended(handle, task) end)
  return task
end

--- Has a task cancelled after a time, which replaces the one it was given before.
---@param handle lightuserdata
---@param seconds number less than 0: never
function embed.set_deadline(handle, seconds)
  local task = tasks[handle]
  if deadlines[handle] then deadlines[handle]:cancel() end
  deadlines[handle] = nil
  if not task or seconds < 0 then return end
  deadlines[handle] = home.loop:call_later(seconds, function() task:cancel("the task's deadline has passed") end)
end

--- Starts a function as a task of the home loop.
---@param handle lightuserdata
---@param fn function an async function too
---@param ... any its arguments
function embed.spawn(handle, fn, ...)
  if type(fn) ~= "function" then
    local err = errors.TypeError("lacuna_spawn: function expected, got " .. type(fn))
    start(handle, function() error(err, 0) end)
  elseif coroutines.iscoroutinefunction(fn) then
    start(handle, fn(...))
  else
    start(handle, setmetatable({ fn, select("#", ...), ... }, coroutines.Coroutine))
  end
end

--- Starts a script as a task of the home loop; like the top level of any script it may run loops of its own.
---@param handle lightuserdata
---@param kind "file"|"string"
---@param source string a path, or the text
---@param name string what messages call it
---@param ... any what the script finds in `...`
function embed.spawn_source(handle, kind, source, name, ...)
  local count, arguments = select("#", ...), { ... }
  local task = start(handle, function()
    local chunk, problem = script.load(kind, source, name)
    if not chunk then error(errors.quiet(errors.Error, problem), 0) end
    if kind == "file" then script.search_beside(source) end
    return chunk(unpack(arguments, 1, count))
  end)
  task.is_top_level = true
end

--- Cancels a task. False if it has ended.
---@param handle lightuserdata
---@param reason? string
---@return boolean
function embed.cancel_task(handle, reason)
  local task = tasks[handle]
  return task ~= nil and task:cancel(reason)
end

--- Cancels all that goes on: every task, and every call of the program's functions.
function embed.shut_down()
  for _, task in ipairs(task_module.pending(home.loop)) do task:cancel() end
  for slot = 1, #operations do
    if operations[slot] then operations[slot]:cancel() end
  end
end

--- How many tasks have not ended.
---@return integer
function embed.pending()
  return #task_module.pending(home.loop)
end

--- Logs the tasks that have not ended, a line each.
function embed.left()
  local log = require("lacuna.native.output").log
  for _, line in ipairs(tree.lines { home.loop }) do log("shutdown: still running: " .. line:gsub("^ +", "")) end
end

-- ---- functions of the program ----

local CALL = layout.THREAD -- of a Future: the slot of its call
local NO = false -- no literal: see the head of kernel/layout.lua

local made = {} -- classes that exist because the program named them

local function class_named(name)
  local class = errors[name] or made[name]
  if type(class) ~= "table" then
    class = errors.Error:subclass(name)
    made[name] = class
  end
  return class
end

local function fail(operation, class_name, message)
  future.fail(operation, errors.quiet(class_named(class_name or "RuntimeError"), message or "not enough memory"))
end

--- Makes what scripts call of an asynchronous function. A call starts it and returns a Future.
---@param start_call function (...) -> the slot of the call if it is pending; false, a packed list of results if it has
--- returned already; nil, class, message if it has failed. Always as many results as LuaJIT can go on compiling behind.
---@param name string
---@return function
function embed.async_function(start_call, name)
  local Operation = future.subclass(name)
  Operation.description = name

  function Operation:cancel(message)
    if self[STATE] ~= PENDING then return false end
    native.cancel(self[CALL])
    return future.Future.cancel(self, message)
  end

  return function(...)
    local slot, results, message = start_call(...)
    local loop = running_loop() or future.default_loop()
    local operation = setmetatable({ PENDING, NO, loop, NO, NO, slot }, Operation)
    if slot then
      operations[slot] = operation
    elseif slot == false then
      future.complete(operation, unpack(results, 1, results.n))
    else
      fail(operation, results, message)
    end
    return operation
  end
end

--- A pending call was completed with no value or one. Not variadic, which LuaJIT would not compile.
---@param slot integer
---@param count integer 0 or 1
---@param value any
function embed.complete(slot, count, value)
  local operation = operations[slot]
  operations[slot] = false
  if operation and operation[STATE] == PENDING then complete_with(operation, count, value) end
end

--- A pending call was completed with several values.
---@param slot integer
---@param ... any
function embed.complete_many(slot, ...)
  local operation = operations[slot]
  operations[slot] = false
  if operation and operation[STATE] == PENDING then future.complete(operation, ...) end
end

--- A pending call was completed with an error.
---@param slot integer
---@param class_name? string
---@param message? string
function embed.fail(slot, class_name, message)
  local operation = operations[slot]
  operations[slot] = false
  if operation and operation[STATE] == PENDING then fail(operation, class_name, message) end
end

--- Raises an error of the program's.
---@param class_name string
---@param message string
function embed.raise(class_name, message)
  error(class_named(class_name)(message), 0)
end

-- ---- integers ----

local int64, uint64, int64_pointer = ffi.typeof("int64_t"), ffi.typeof("uint64_t"), ffi.typeof("int64_t *")

--- The int64 that a pointer points to.
---@param address lightuserdata
---@return ffi.cdata*
function embed.write_integer(address)
  return ffi.cast(int64_pointer, address)[0]
end

--- Stores an int64; false if the value is none.
---@param value any
---@param address lightuserdata
---@return boolean
function embed.read_integer(value, address)
  if not ffi.istype(int64, value) and not ffi.istype(uint64, value) then return false end
  ffi.cast(int64_pointer, address)[0] = value
  return true
end

return embed
