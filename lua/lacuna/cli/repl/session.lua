-- session: one scope that grows from input to input.
-- Each input is compiled as a function whose upvalues are the locals that earlier inputs left at their outermost level.
-- A local is kept as a cell: a closure that was made right after its declaration, and the number of its upvalue there.
-- debug.upvaluejoin hands the same cell to later inputs, so that functions which captured the local, and those that
-- assign to it later, all see one variable; declaring the name again makes a new one, as in one long chunk.
--
-- The closure assigns to what it captures (it is never called): LuaJIT takes a local that nothing assigns to for a
-- constant and compiles its value into machine code, while a later input may assign to it.

local coroutines = require "lacuna.kernel.coroutine"
local python_syntax = require "lacuna.async.python_syntax"
local syntax = require "lacuna.cli.repl.syntax"

-- §keep and §values: names that nobody types.
local KEEP, VALUES = "\194\167keep", "\194\167values"
local MOST_CAPTURED = 50 -- a function of LuaJIT has at most 60 upvalues

---@class lacuna.cli.Session
---@field environment table where the inputs' globals live
local Session = {}
Session.__index = Session

local session_module = {}

--- A session without locals.
---@param environment table the globals of its inputs
---@return lacuna.cli.Session
function session_module.new(environment)
  local session = setmetatable({ environment = environment, cells = {}, input_count = 0 }, Session)
  -- Called by an input with a closure that captures locals of its outermost level, as soon as they are declared.
  session.keep = function(closure)
    local index = 1
    while true do
      local name = debug.getupvalue(closure, index)
      if not name then return end
      session.cells[name] = { closure, index }
      index = index + 1
    end
  end
  return session
end

-- " §keep(function() a, b = a, b end);"
local function keeping(names)
  local parts = {}
  for first = 1, #names, MOST_CAPTURED do
    local list = table.concat(names, ", ", first, math.min(#names, first + MOST_CAPTURED - 1))
    parts[#parts + 1] = (" %s(function() %s = %s end);"):format(KEEP, list, list)
  end
  return table.concat(parts)
end

-- The text with the locals of its outermost level kept, and every name in it.
local function rewrite(text)
  local statements, names = syntax.locals(text)
  local parts, at = {}, 1
  for _, statement in ipairs(statements) do
    parts[#parts + 1] = text:sub(at, statement.last)
    parts[#parts + 1] = keeping(statement.names)
    at = statement.last + 1
  end
  parts[#parts + 1] = text:sub(at)
  return table.concat(parts), names
end

-- An expression is the argument of this function: called for its values in the last place of the input, what it calls
-- would be a tail call and the input no part of the stack.
local function values(...)
  return ...
end

local function as_expression(text)
  return ("return %s(%s\n)"):format(VALUES, text:gsub(";%s*$", ""))
end

-- A function of one input, its upvalues joined with the session's locals.
local function compile(session, text, names, chunk_name)
  local visible = { KEEP, VALUES }
  for name in pairs(names) do
    if session.cells[name] then visible[#visible + 1] = name end
  end
  local source = ("local %s; return function(...) %s\nend"):format(table.concat(visible, ", "), text)
  local factory, problem = loadstring(source, chunk_name)
  if not factory then return nil, problem end
  setfenv(factory, session.environment)
  local fn = factory()
  local index = 1
  while true do
    local name = debug.getupvalue(fn, index)
    if not name then return fn end
    local cell = session.cells[name]
    if name == KEEP then
      debug.setupvalue(fn, index, session.keep)
    elseif name == VALUES then
      debug.setupvalue(fn, index, values)
    else
      debug.upvaluejoin(fn, index, cell[1], cell[2])
    end
    index = index + 1
  end
end

--- Compiles one input: an expression, or statements.
---@param text string
---@param name? string what messages call it; "[N]" for the N-th input unless given
---@return function? chunk
---@return string? problem
function Session:compile(text, name)
  if not name then
    self.input_count = self.input_count + 1
    name = ("=[%d]"):format(self.input_count)
    coroutines.sources[name] = text
  end
  text = text:gsub("^(%s*)=", "%1return ", 1) -- Lua 5.1's way to ask for a value
  local expression = as_expression(text)
  if loadstring(expression, name) then
    local _, names = syntax.locals(text)
    return compile(self, expression, names, name)
  end
  local chunk, problem = loadstring(text, name)
  if not chunk then return nil, python_syntax.explain(problem, text) end
  local rewritten, names = rewrite(text)
  return compile(self, rewritten, names, name)
end

--- The value of a local of the session.
---@param name string
---@return boolean is_local
---@return any value
function Session:get_local(name)
  local cell = self.cells[name]
  if not cell then return false end
  local _, value = debug.getupvalue(cell[1], cell[2])
  return true, value
end

--- Puts a new value into the locals that hold an old one.
---@param old any
---@param new any
function Session:replace(old, new)
  for _, cell in pairs(self.cells) do
    local _, value = debug.getupvalue(cell[1], cell[2])
    if value == old then debug.setupvalue(cell[1], cell[2], new) end
  end
end

--- The names of the session's locals, in no order.
---@return string[]
function Session:local_names()
  local names = {}
  for name in pairs(self.cells) do names[#names + 1] = name end
  return names
end

return session_module
