-- context: context managers, and try.
-- A context manager has `__aenter(self)` and `__aexit(self, err|nil)` in its metatable; with() runs the second whatever
-- happened in between, cancellation included.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local trap = require "lacuna.kernel.trap"

local context = {}

local function is_callable(value)
  if type(value) == "function" then return true end
  local class = getmetatable(value)
  return type(class) == "table" and class.__call ~= nil
end

-- The functions on the stack while a block is being left: debug mode asks.
context.is_leaving = {}

local function leave(manager, exit, ok, ...)
  if ok then
    exit(manager, nil)
    return ...
  end
  local err = ...
  if not exit(manager, err == nil and errors.wrap(nil) or err) then error(err, 0) end -- nil would say: no error
end

context.is_leaving[leave] = true

local function awaiting(async_body)
  return function(...) return trap.await(async_body(...)) end
end

-- An async function where a function is taken: calling it is to run it.
local function callable(fn)
  if coroutines.iscoroutinefunction(fn) then return awaiting(fn) end
  return fn
end

--- Enters a context manager, calls body with its value and leaves it again, whatever happens in body.
--- Suspends where they do. Errors: TypeError if it is no context manager; those of body, unless __aexit returns true.
--- Source: Python's `async with`.
---@param manager any
---@param body fun(value: any): ...
---@return any ... what body returns
function context.with(manager, body)
  local class = getmetatable(manager)
  local enter = type(class) == "table" and class.__aenter
  if not enter or not class.__aexit then
    local cure = type(manager) == "function" and " (call it)" or coroutines.iscoroutine(manager) and " (await it)"
      or " (it needs __aenter and __aexit in its metatable)"
    error(errors.TypeError("with: not a context manager: " .. tostring(manager) .. cure), 2)
  end
  if type(body) ~= "function" then
    error(errors.TypeError("with: the body must be a function, got " .. type(body)), 2)
  end
  local value = enter(manager)
  body = callable(body)
  return leave(manager, class.__aexit, trap.pcall(body, value))
end

local ManagerFunction = {}

-- The function runs in a coroutine of its own from which `yield` hands out the value; __aexit resumes it.
function ManagerFunction.__aenter(manager)
  local fn, arguments = manager.fn, manager.arguments
  local co = coroutine.create(function()
    fn(function(...)
      local err = coroutine.yield(...)
      if err then error(err[1], 0) end
    end, unpack(arguments, 1, arguments.n))
  end)
  manager.coroutine = co
  local ok, value = coroutine.resume(co)
  if not ok then error(value, 0) end
  if coroutine.status(co) == "dead" then error(errors.RuntimeError("contextmanager: the function did not yield"), 0) end
  return value
end

function ManagerFunction.__aexit(manager, err)
  local co = manager.coroutine
  local ok, problem = coroutine.resume(co, err ~= nil and { err } or nil)
  if not ok then
    error(problem, 0)
  end
  if coroutine.status(co) ~= "dead" then error(errors.RuntimeError("contextmanager: the function yielded twice"), 0) end
  return err ~= nil
end

--- Makes a context manager of a function that calls yield(value) once: what is before runs on entering, what is after
--- on leaving. The body's error is raised from yield; the function swallows it by catching it.
--- Source: contextlib.asynccontextmanager.
---@param fn fun(yield: fun(value: any), ...)
---@return fun(...): table context manager
function context.contextmanager(fn)
  if type(fn) ~= "function" then
    error(errors.TypeError("contextmanager: function expected, got " .. type(fn)), 2)
  end
  fn = callable(fn)
  return function(...)
    return setmetatable({ fn = fn, arguments = { n = select("#", ...), ... } }, ManagerFunction)
  end
end

local Closing = {}

function Closing.__aenter(manager)
  return manager.object
end

function Closing.__aexit(manager)
  local result = manager.object:close()
  local class = getmetatable(result)
  if type(class) == "table" and class.__await then trap.await(result) end
end

--- A context manager that gives an object and calls its close() on leaving, awaiting that if it can be awaited.
--- Source: contextlib.aclosing.
--- Errors: TypeError if it has no close().
---@param object {close: function}
---@return table context manager
function context.closing(object)
  local is_indexed, close = pcall(function() return object.close end)
  if not is_indexed or not is_callable(close) then
    error(errors.TypeError("closing: an object with close() expected, got " .. tostring(object)), 2)
  end
  return setmetatable({ object = object }, Closing)
end

-- Raises what is wrong with the handlers of try, so that a misspelt one is not just never called.
local function check_handlers(handlers)
  if type(handlers) ~= "table" then
    error(errors.TypeError("try: a table of handlers expected, got " .. tostring(handlers)), 3)
  end
  for class, handler in pairs(handlers) do
    if class ~= "finally" and not errors.is_class(class) then
      error(errors.TypeError("try: handlers are for classes of errors and finally, not for " .. tostring(class)), 3)
    end
    if not is_callable(handler) then
      error(errors.TypeError(("try: %s: function expected, got %s"):format(tostring(class), type(handler))), 3)
    end
  end
end

-- How many classes above `class` lie between it and the error's own; nil if the error is none of it.
local function distance(err, class)
  local ancestor, steps = getmetatable(err), 0
  while ancestor do
    if ancestor == class then return steps end
    ancestor, steps = rawget(ancestor, "subclass_of"), steps + 1
  end
  return nil
end

local function find_handler(err, handlers)
  local best, nearest
  for class, handler in pairs(handlers) do
    if type(class) == "table" then
      local steps = distance(err, class)
      if steps and (not nearest or steps < nearest) then best, nearest = handler, steps end
    end
  end
  return best
end

local function finally(handlers, ok, ...)
  if handlers.finally then callable(handlers.finally)() end
  if not ok then error((...), 0) end
  return ...
end

context.is_leaving[finally] = true

local function handle(handlers, ok, ...)
  if ok then return finally(handlers, true, ...) end
  local raised = ...
  local err = errors.wrap(raised)
  local handler = find_handler(err, handlers)
  if not handler then return finally(handlers, false, raised) end
  return finally(handlers, trap.pcall(callable(handler), err))
end

--- Calls body; an error goes to the handler of its most specific class, `finally` runs in any case. All may suspend.
--- A foreign value that was raised matches Error and arrives wrapped; cancellation is caught only by a handler for it.
--- Source: Python's `try … except … finally`.
--- Errors: TypeError for handlers of anything else; those of body, of its handler and of `finally`.
---@param body fun(): ...
---@param handlers? table {[Class] = fun(err), finally = fun()}
---@return any ... what body, or the handler, returns
function context.try(body, handlers)
  if type(body) ~= "function" then error(errors.TypeError("try: function expected, got " .. type(body)), 2) end
  if handlers == nil then handlers = {} end
  check_handlers(handlers)
  return handle(handlers, trap.pcall(callable(body)))
end

local function let_cancelled_through(ok, ...)
  if not ok and errors.isinstance((...), errors.CancelledError) then error((...), 0) end
  return ok, ...
end

--- pcall that lets CancelledError through, as `except Exception` does.
---@param fn function
---@param ... any
---@return boolean ok
---@return any ... the results, or the error
function context.pcall(fn, ...)
  return let_cancelled_through(pcall(fn, ...))
end

return context
