-- coroutine: async functions and coroutine objects.
-- Calling an async function makes a coroutine object, which holds the function and its arguments; awaiting it calls the
-- function in the awaiting task, on the same Lua stack. So an await that need not wait costs one table, and a traceback
-- shows the whole chain. A chain too deep for one Lua stack goes on in a fresh one (see DEEPEST).

local layout = require "lacuna.kernel.layout"
local errors = require "lacuna.kernel.errors"
local generator = require "lacuna.kernel.generator"

local FUNCTION, COUNT, FIRST_ARGUMENT = layout.FUNCTION, layout.COUNT, layout.FIRST_ARGUMENT
local CLOSED, DEPTH = layout.CLOSED, layout.DEPTH

local getmetatable, setmetatable, select, unpack, type = getmetatable, setmetatable, select, unpack, type

-- A Lua stack has 65,500 slots; an await and the function below it take about 25, and this leaves room for twice that.
local DEEPEST = 1000

local last_start = CLOSED -- starts are numbered downwards from there

local coroutines = {
  runs = {}, -- the functions that run coroutine objects, as keys (see coroutines.begin)
  names = setmetatable({}, { __mode = "k" }), -- function -> what it is called in messages, where no source tells
  sources = {}, -- chunk name -> its text, for chunks that are no files
  watch_created = false, -- debug mode: fun(coro): coro, told of every coroutine object that is made
}

local function address_of(coro)
  return ("0x%s"):format(("%p"):format(coro):gsub("^0x", ""))
end

--- Begins to run a coroutine object. What runs it is a function of coroutines.runs, which has the number of this start
--- for its last parameter, and not the object: a task that waits keeps none alive, and where LuaJIT compiles the call
--- that makes one together with the await, none is made. Errors: RuntimeError if it was awaited before.
---@param coro lacuna.Coroutine
---@return integer start another number each time
function coroutines.begin(coro)
  if coro[COUNT] < 0 then
    error(errors.RuntimeError("cannot reuse already awaited coroutine"), 0)
  end
  last_start = last_start - 1
  coro[COUNT] = last_start
  return last_start
end
local begin = coroutines.begin

---@class lacuna.Coroutine
---@field name string? what it is called in messages, if not after its function
local Coroutine = { is_coroutine = true }

-- Depth counts up on the way down and back on the way up; an error leaves it too high, so before it is believed to be
-- too deep it is counted again.
local function measured_depth()
  local depth, level = 0, 2
  while true do
    local info = debug.getinfo(level, "f")
    if not info then return depth end
    if coroutines.runs[info.func] then depth = depth + 1 end
    level = level + 1
  end
end

-- `start` is for who looks at the caller's frame: what is not used after a call LuaJIT may not keep on the stack.
local function leave(task, start, ...)
  task[DEPTH] = task[DEPTH] - 1
  return ...
end

-- One for each number of arguments: every slot of this frame is one that a waiting task keeps.
local function run_bare(task, fn, start)
  return leave(task, start, fn())
end

local function run_with(task, fn, argument, start)
  return leave(task, start, fn(argument))
end

local function run_with_many(task, coro, count, start)
  return leave(task, start, coro[FUNCTION](unpack(coro, FIRST_ARGUMENT, count + FIRST_ARGUMENT - 1)))
end

for _, run in ipairs { run_bare, run_with, run_with_many } do coroutines.runs[run] = true end

local function restore(task, depth, ...)
  task[DEPTH] = depth
  return ...
end

-- On a fresh stack depth starts anew.
local function await_deeper(coro, task)
  local depth = measured_depth()
  task[DEPTH] = depth
  if depth < DEEPEST then return Coroutine.__await(coro, task) end
  task[DEPTH] = 0
  return restore(task, depth, generator.call(Coroutine.__await, coro, task))
end

-- await(coro): calls its function in the running task.
function Coroutine.__await(coro, task)
  if task[DEPTH] >= DEEPEST then return await_deeper(coro, task) end
  local count, start = coro[COUNT], begin(coro)
  task[DEPTH] = task[DEPTH] + 1
  if count == 0 then return run_bare(task, coro[FUNCTION], start) end
  if count == 1 then return run_with(task, coro[FUNCTION], coro[FIRST_ARGUMENT], start) end
  return run_with_many(task, coro, count, start)
end

-- The line of a function's source where it begins.
local function first_line(info)
  local text = coroutines.sources[info.source]
  local file = not text and info.source:sub(1, 1) == "@" and io.open(info.source:sub(2))
  if file then
    text = file:read("*a")
    file:close()
  end
  local number = 0
  for line in (text or ""):gmatch("([^\n]*)\n?") do
    number = number + 1
    if number == info.linedefined then return line end
  end
  return ""
end

-- The name in the line that defines a function: "NAME = function(", "NAME = async(function(", "function NAME(". None if
-- there are more in it, for nothing tells which of them it is.
local function name_in_source(info)
  local line = first_line(info):gsub("%-%-.*", "")
  if select(2, line:gsub("%f[%w_]function%f[^%w_]", "")) ~= 1 then return nil end
  local name, wrapper = line:match("([%a_][%w_]*)%s*=%s*([%w_.]*)%s*%(?%s*function%s*%(")
  if name and (wrapper:find("^[%w_]*$") or wrapper:find("%.async$")) then return name end
  return line:match("function%s+([%w_.:]+)%s*%(")
end

-- The function that an async function wraps: its one upvalue that is a Lua function.
local function wrapped(async_function)
  for index = 1, math.huge do
    local name, value = debug.getupvalue(async_function, index)
    if not name then return async_function end
    if type(value) == "function" and debug.getinfo(value, "S").what ~= "C" then return value end
  end
end

--- What a function is called in messages, and where it stands.
---@param fn function a Lua function, or an async function
---@return string name of the line that defines it; if it has none, the place
---@return string place "file:line"
function coroutines.name_of(fn)
  local info = debug.getinfo(coroutines.iscoroutinefunction(fn) and wrapped(fn) or fn, "S")
  local place = ("%s:%d"):format(info.short_src, info.linedefined)
  return name_in_source(info) or place, place
end

function Coroutine.__tostring(coro)
  local name = rawget(coro, "name") or rawget(getmetatable(coro), "name") or coroutines.names[coro[FUNCTION]]
    or coroutines.name_of(coro[FUNCTION])
  return ("<coroutine object %s at %s>"):format(name, address_of(coro))
end

local function raise_not_awaited(object)
  local name = tostring(object)
  error(errors.TypeError(("%s is used before it was awaited: write await(…) around the call"):format(name)), 3)
end

--- Has a class of awaitable objects find the commonest mistake: that one is used as if it were its result. Arithmetic,
--- concatenation, comparison, a call, and the name of a field or method that it lacks are errors.
---@param class table
---@return table class
function coroutines.guard(class)
  local function not_awaited(left, right)
    raise_not_awaited(getmetatable(left) == class and left or right)
  end
  for _, event in ipairs { "add", "sub", "mul", "div", "mod", "pow", "unm", "concat", "lt", "le", "call" } do
    class["__" .. event] = not_awaited
  end
  function class.__index(object, key)
    local value = class[key]
    if value == nil and type(key) == "string" then raise_not_awaited(object) end
    return value
  end
  return class
end

coroutines.Coroutine = coroutines.guard(Coroutine)

--- A coroutine object that calls a function without arguments.
---@param fn function
---@return lacuna.Coroutine
function coroutines.new(fn)
  return setmetatable({ fn, 0 }, Coroutine)
end

--- The same for a library function that hands it to the user, named after that function.
---@param name string
---@param fn function
---@return lacuna.Coroutine
function coroutines.named(name, fn)
  local coro = setmetatable({ fn, 0, name = name }, Coroutine)
  if coroutines.watch_created then coroutines.watch_created(coro) end
  return coro
end

--- Marks a coroutine object as ended without running it, as throwing into one that has not started does.
---@param coro any
function coroutines.close(coro)
  if coroutines.iscoroutine(coro) and coro[COUNT] >= 0 then coro[COUNT] = CLOSED end
end

local async_functions = setmetatable({}, { __mode = "k" })

--- Makes an async function: calling it gives a coroutine object, which runs when it is awaited or made a task.
--- Errors: TypeError if fn is not a function.
--- Source: Python's `async def`.
---@param fn function
---@return fun(...): lacuna.Coroutine
function coroutines.async(fn)
  if type(fn) ~= "function" then error(errors.TypeError("async: function expected, got " .. type(fn)), 2) end
  local async_function = function(...)
    local count = select("#", ...)
    if coroutines.watch_created then
      return coroutines.watch_created(setmetatable({ fn, count, ... }, Coroutine))
    end
    if count == 0 then return setmetatable({ fn, 0 }, Coroutine) end
    if count == 1 then return setmetatable({ fn, count, (...) }, Coroutine) end
    return setmetatable({ fn, count, ... }, Coroutine)
  end
  async_functions[async_function] = true
  return async_function
end

--- Whether a value is a coroutine object.
---@param value any
---@return boolean
function coroutines.iscoroutine(value)
  local class = getmetatable(value)
  return type(class) == "table" and class.is_coroutine == true
end

--- Whether a value is an async function.
---@param value any
---@return boolean
function coroutines.iscoroutinefunction(value)
  return async_functions[value] == true
end

return coroutines
