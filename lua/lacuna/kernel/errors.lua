-- errors: error classes and error objects.
-- A class is a table that is also the metatable of its objects, so that isinstance is a walk up the parents and a field
-- access costs one look-up. An object carries its message, its cause and the stack of where it was made; a Lua value
-- that is no error object is wrapped only where an error has to be stored.

local traceback = require "lacuna.kernel.traceback"

---@class lacuna.BaseError what every error object is; a class is called with (message?, cause?) to make one
---@field message string "" without one
---@field name string the name of its class
---@field cause any what was caught when this was raised
---@field traceback string the Lua stack of where it was made, extended at task boundaries
---@field value any the Lua value that was raised, if it was no error object
local BaseError = { name = "BaseError" }

local function text_of(err)
  return err.message == "" and err.name or err.name .. ": " .. err.message
end

local function concatenate(left, right)
  if type(left) == "table" then left = left.message end
  if type(right) == "table" then right = right.message end
  return left .. right
end

local function construct(class, message, cause)
  if message == nil then
    message = ""
  elseif type(message) ~= "string" then
    message = tostring(message)
  end
  return setmetatable({ message = message, cause = cause, traceback = traceback.here(2) }, class)
end

local TypeError

local function is_class(value)
  return type(value) == "table" and rawget(value, "subclass_of") ~= nil
end

--- Makes a class of errors below this one.
--- Source: Python's `class Name(Parent)`.
---@param name string
---@return table class call it with (message?, cause?) to make an error object
local function subclass(parent, name)
  if type(name) ~= "string" then
    error(TypeError("subclass: name must be a string, got " .. tostring(name)), 2)
  end
  local class = { name = name, subclass_of = parent, __tostring = text_of, __concat = concatenate }
  class.__index = class
  return setmetatable(class, {
    __index = parent,
    __call = getmetatable(parent).__call, -- a group's is its own
    __tostring = function() return name end,
  })
end

BaseError.subclass_of = false
BaseError.__index = BaseError
BaseError.__tostring = text_of
BaseError.__concat = concatenate
BaseError.subclass = subclass
setmetatable(BaseError, { __call = construct, __tostring = function() return "BaseError" end })

--- What programs usually catch: every error but a cancellation. Source: Python's Exception.
local Error = BaseError:subclass("Error")
--- What was called cannot be carried out now: await outside a task, a second await of one coroutine object.
--- Source: Python's RuntimeError.
local RuntimeError = Error:subclass("RuntimeError")
--- A value of the wrong type; the message names it. Source: Python's TypeError.
TypeError = Error:subclass("TypeError")
--- The operating system refused; `.code` is its name for the reason, `.path` the file. Source: Python's OSError.
local OSError = Error:subclass("OSError")
--- A connection failed. Source: Python's ConnectionError.
local ConnectionError = OSError:subclass("ConnectionError")

local errors = {
  is_class = is_class,
  BaseError = BaseError,
  --- Raised in a task that was asked to end, at its present or next await. It is no Error: catch it to clean up, then
  --- raise it again. Source: asyncio.CancelledError.
  CancelledError = BaseError:subclass("CancelledError"),
  Error = Error,
  --- Something took longer than it was given. Source: Python's TimeoutError.
  TimeoutError = OSError:subclass("TimeoutError"),
  --- A future is not done yet, or done already. Source: asyncio.InvalidStateError.
  InvalidStateError = Error:subclass("InvalidStateError"),
  RuntimeError = RuntimeError,
  TypeError = TypeError,
  --- A value of the right type that will not do; the message names it. Source: Python's ValueError.
  ValueError = Error:subclass("ValueError"),
  OSError = OSError,
  ConnectionError = ConnectionError,
  --- Nobody listens there. Source: Python's ConnectionRefusedError.
  ConnectionRefusedError = ConnectionError:subclass("ConnectionRefusedError"),
  --- The peer broke the connection. Source: Python's ConnectionResetError.
  ConnectionResetError = ConnectionError:subclass("ConnectionResetError"),
  --- get_nowait() of an empty queue. Source: asyncio.QueueEmpty.
  QueueEmpty = Error:subclass("QueueEmpty"),
  --- put_nowait() to a full queue. Source: asyncio.QueueFull.
  QueueFull = Error:subclass("QueueFull"),
  --- A barrier was aborted or reset while tasks waited at it. Source: asyncio.BrokenBarrierError.
  BrokenBarrierError = RuntimeError:subclass("BrokenBarrierError"),
  --- The worker that ran a call died. Source: concurrent.futures.BrokenExecutor.
  BrokenExecutor = RuntimeError:subclass("BrokenExecutor"),
  --- A task ran out of memory. Source: Python's MemoryError.
  MemoryError = Error:subclass("MemoryError"),
  --- Code that held its thread for longer than the embedding program allows was broken off (lacuna_options).
  TimeLimitError = RuntimeError:subclass("TimeLimitError"),
  --- Several errors as one: ExceptionGroup(message, {errors}). `.errors` lists them in order of failure; async.split
  --- parts them by class. Source: Python's ExceptionGroup.
  ExceptionGroup = Error:subclass("ExceptionGroup"),
}

local function is_instance_of(value, class)
  local ancestor = getmetatable(value)
  while type(ancestor) == "table" do
    if ancestor == class then return true end
    ancestor = rawget(ancestor, "subclass_of")
  end
  return false
end

--- Tells whether a value is an error object of a class, or of one of a list of classes. Any other value is none.
--- Source: Python's `isinstance`.
---@param value any
---@param class table a class, or a list of classes
---@return boolean
function errors.isinstance(value, class)
  if is_class(class) then return is_instance_of(value, class) end
  if type(class) ~= "table" then error(TypeError("isinstance: class expected, got " .. type(class)), 2) end
  for i = 1, #class do
    if is_instance_of(value, class[i]) then return true end
  end
  return false
end

--- The error object for a raised value: the value itself, or an Error that carries a foreign value in `.value`.
---@param value any
---@param stack? string where it was raised
---@return lacuna.BaseError
function errors.wrap(value, stack)
  if is_instance_of(value, BaseError) then return value end
  local is_told, message = pcall(tostring, value) -- a __tostring may raise, and may return anything
  if not is_told or type(message) ~= "string" then message = "a " .. type(value) .. " whose __tostring fails" end
  return setmetatable({ message = message, value = value, traceback = stack or "", is_wrapped = true }, Error)
end

--- What is to be raised for a stored error object: the foreign value that it wraps, or itself.
---@param err lacuna.BaseError
---@return any
function errors.unwrap(err)
  if err.is_wrapped then return err.value end
  return err
end

--- Makes an error object without looking at the stack, for errors that are part of the ordinary course of things.
---@param class table
---@param message? string
---@param cause? any
---@return lacuna.BaseError
function errors.quiet(class, message, cause)
  return setmetatable({ message = message or "", cause = cause, traceback = "" }, class)
end

-- ExceptionGroup(message, errors): .errors in order of failure
getmetatable(errors.ExceptionGroup).__call = function(class, message, list)
  if type(list) ~= "table" or #list == 0 then
    error(errors.ValueError("ExceptionGroup: a list with at least one error is expected"), 2)
  end
  local group = construct(class, message)
  group.errors = {}
  for i = 1, #list do group.errors[i] = errors.wrap(list[i]) end
  return group
end

local function keep(err, class, is_wanted)
  if not is_instance_of(err, errors.ExceptionGroup) then
    if errors.isinstance(err, class) == is_wanted then return err end
    return nil
  end
  if errors.isinstance(err, class) then return is_wanted and err or nil end
  local kept = {}
  for _, inner in ipairs(err.errors) do kept[#kept + 1] = keep(inner, class, is_wanted) end
  if #kept == 0 then return nil end
  local group = errors.quiet(getmetatable(err), err.message, err.cause)
  group.errors, group.traceback = kept, err.traceback
  return group
end

--- Splits an error by class into what matches and what does not; groups keep their nesting, an empty side is nil.
--- Source: Python's `BaseExceptionGroup.split`.
---@param err lacuna.BaseError
---@param class table a class, or a list of classes
---@return lacuna.BaseError? matched
---@return lacuna.BaseError? rest
function errors.split(err, class)
  err = errors.wrap(err)
  return keep(err, class, true), keep(err, class, false)
end

return errors
