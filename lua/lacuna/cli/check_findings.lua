-- check_findings: what is wrong with a Lua text that compiles.
-- Two kinds of mistakes: the result of an async call that nobody awaits, and a global that was meant to be a local or
-- is misspelt. What a call gives is told from what the file assigns and from the docstrings of lacuna's own names.
-- Where that is not certain nothing is said: a parameter may be anything, and so may a local that holds different
-- things.

local check_syntax = require "lacuna.cli.check_syntax"
local doc = require "lacuna.cli.doc"

local Checker = {}
Checker.__index = Checker

-- Notes a finding; `...` as for string.format.
function Checker:report(line, text, ...)
  text = text:format(...)
  local last = self.findings[#self.findings]
  if last and last.line == line and last.text == text then return end
  table.insert(self.findings, { line = line, text = text, number = #self.findings })
end

-- ---- what an expression gives ----

---@class lacuna.cli.Type
---@field kind "module"|"function"|"async function"|"awaitable"|"object"
---@field name string? of the module ("async", "http"), the function ("async.sleep") or the class ("Queue")

local ASYNC_FUNCTION = { kind = "async function" }

local function returned(name)
  local class = (doc.return_type(name) or ""):match("^lacuna%.([%w_.]+)$")
  if not class then return nil end
  return { kind = doc.awaiting(class) and "awaitable" or "object", name = class }
end

local type_of

-- What all of some values give; nil if they differ or one cannot be told.
local function type_of_values(checker, values)
  local found
  for _, value in ipairs(values) do
    local is_nil = value and value.kind == "constant" and value.text == "nil"
    if not is_nil then
      local given = value and type_of(checker, value)
      if not given or found and (found.kind ~= given.kind or found.name ~= given.name) then return nil end
      found = given
    end
  end
  return found
end

-- A field of an object that cannot be told gives what the file assigns to fields of that name.
local function type_of_field(checker, object, name)
  if not name then return nil end
  local owner = type_of(checker, object)
  if owner and owner.kind == "awaitable" and not owner.name then return nil end
  if owner and (owner.kind == "module" or owner.kind == "object" or owner.kind == "awaitable") then
    return { kind = "function", name = owner.name .. "." .. name }
  end
  return checker.tree.fields[name] and type_of_values(checker, checker.tree.fields[name])
end

local function called(callee)
  if not callee then return nil end
  if callee.kind == "async function" then return { kind = "awaitable" } end
  if callee.name == "async" or callee.name == "async.async" then return ASYNC_FUNCTION end
  return callee.kind == "function" and returned(callee.name) or nil
end

local kinds = {}

function kinds.name(checker, node)
  if not node.variable then return nil end
  if node.variable.entered then return node.variable.entered end
  return type_of_values(checker, node.variable.values)
end

function kinds.index(checker, node)
  return type_of_field(checker, node.object, node.name)
end

function kinds.call(checker, node)
  local callee, first = node.callee, node.arguments[1]
  if callee.kind == "name" and callee.name == "require" and not callee.variable then
    local module = first and first.kind == "string" and (first.value .. "."):match("^lacuna%.(.*)$")
    if not module then return nil end
    return { kind = "module", name = module == "" and "async" or module:sub(1, -2) }
  end
  return called(type_of(checker, callee))
end

function kinds.method(checker, node)
  return called(type_of_field(checker, node.object, node.name))
end

function kinds.unary(checker, node)
  return node.operator == "()" and type_of(checker, node.operand) or nil
end

function type_of(checker, node)
  local known = checker.types[node]
  if known ~= nil then return known or nil end
  checker.types[node] = false -- while it is looked for: a value may be made of itself
  local find = kinds[node.kind]
  local found = find and find(checker, node) or false
  checker.types[node] = found
  return found or nil
end

-- ---- awaitables that nobody awaits ----

-- A call as it is written, its arguments left out.
local function written(node)
  local arguments = node.arguments and (#node.arguments > 0 and "(…)" or "()")
  if node.kind == "name" then return node.name end
  if node.kind == "index" then return ("%s.%s"):format(written(node.object), node.name or "…") end
  if node.kind == "call" and node.callee.name == "require" and node.arguments[1] then
    return ("require(%q)"):format(node.arguments[1].value or "…")
  end
  if node.kind == "call" then return written(node.callee) .. arguments end
  if node.kind == "method" then return ("%s:%s%s"):format(written(node.object), node.name, arguments) end
  return "(…)"
end

local function is_call(node)
  return node.kind == "call" or node.kind == "method"
end

local function gives_awaitable(checker, node)
  local given = type_of(checker, node)
  return given ~= nil and given.kind == "awaitable"
end

-- A value is used for what only the result of awaiting it can be used for.
local function check_use(checker, node, how)
  if gives_awaitable(checker, node) then
    local text = written(node)
    checker:report(node.line, "%s is %s before it was awaited: write await(%s)", text, how, text)
  end
end

local function check_test(checker, node)
  if is_call(node) then check_use(checker, node, "tested") end
end

local visit_expression, visit_block

local visits = {}

function visits.unary(checker, node)
  visit_expression(checker, node.operand)
  if node.operator == "not" then check_test(checker, node.operand) end
  if node.operator == "-" or node.operator == "#" then check_use(checker, node.operand, "used") end
end

local is_comparison = { ["=="] = true, ["~="] = true }

function visits.binary(checker, node)
  visit_expression(checker, node.left)
  visit_expression(checker, node.right)
  if node.operator == "and" or node.operator == "or" then
    check_test(checker, node.left)
  elseif not is_comparison[node.operator] then
    check_use(checker, node.left, "used")
    check_use(checker, node.right, "used")
  end
end

-- A coroutine object has no fields; a Request, say, has methods.
local function check_object(checker, object)
  local given = type_of(checker, object)
  if given and given.kind == "awaitable" and (not given.name or given.name == "Coroutine") then
    check_use(checker, object, "used")
  end
end

-- Lua's functions that take tables, numbers or strings apart.
local takes_apart = { ipairs = true, pairs = true, next = true, unpack = true, tonumber = true }

function visits.index(checker, node)
  visit_expression(checker, node.object)
  if node.key then visit_expression(checker, node.key) end
  check_object(checker, node.object)
end

local function visit_list(checker, list)
  for _, node in ipairs(list) do visit_expression(checker, node) end
end

-- async.with(manager, function(value) …): the value is what entering the manager gives.
local function tell_entered(checker, node)
  local callee, body = type_of(checker, node.callee), node.arguments[2]
  if not callee or callee.name ~= "async.with" or not body or body.kind ~= "function" then return end
  local manager, parameter = type_of(checker, node.arguments[1]), body.parameters[1]
  if not parameter or not manager or manager.kind ~= "object" and manager.kind ~= "awaitable" then return end
  local _, class = doc.awaiting(manager.name or "")
  if doc.has(class) then parameter.entered = { kind = "object", name = class } end
end

function visits.call(checker, node)
  visit_expression(checker, node.callee)
  tell_entered(checker, node)
  visit_list(checker, node.arguments)
  local is_builtin = node.callee.kind == "name" and not node.callee.variable and takes_apart[node.callee.name]
  if is_builtin and node.arguments[1] then check_object(checker, node.arguments[1]) end
end

function visits.method(checker, node)
  visit_expression(checker, node.object)
  check_object(checker, node.object)
  visit_list(checker, node.arguments)
end

visits["function"] = function(checker, node) visit_block(checker, node.body) end

function visits.table(checker, node)
  for _, item in ipairs(node.items) do
    if item.key then visit_expression(checker, item.key) end
    visit_expression(checker, item.value)
  end
end

function visit_expression(checker, node)
  local visit = visits[node.kind]
  if visit then visit(checker, node) end
end

function visit_block(checker, block)
  for _, node in ipairs(block) do
    if node.call then
      visit_expression(checker, node.call)
      if gives_awaitable(checker, node.call) then
        local text = written(node.call)
        checker:report(node.line, "%s is never awaited, so it does not run: write await(%s)", text, text)
      end
    end
    for _, condition in ipairs(node.conditions or { node.condition }) do
      visit_expression(checker, condition)
      check_test(checker, condition)
    end
    visit_list(checker, node.targets or {})
    visit_list(checker, node.values or {})
    for _, body in ipairs(node.bodies or { node.body }) do visit_block(checker, body) end
  end
end

-- ---- globals ----

-- Whoever calls one of these gives names another meaning than the text shows.
local changes_globals = { setfenv = true, module = true, getfenv = true }

local function cure(checker, name)
  local line = checker.tree.declared[name]
  if line then
    return ("the local of that name, line %d, is not visible here: declare it above, or in a block around"):format(line)
  end
  if name == "async" then return 'write local async = require "lacuna"' end
  if doc.has("async." .. name) then return ("write local %s = async.%s"):format(name, name) end
  if doc.has(name) and name:find("^%l") then return ('write local %s = require "lacuna.%s"'):format(name, name) end
  return "is it misspelt, or a local missing?"
end

-- Names that the text itself looks for before it uses them, or defines through _G.
local function find_known(checker, block)
  local known = setmetatable({ _ENV = true }, { __index = _G }) -- which text for other versions of Lua sets
  known.app = true -- where `lacuna serve` finds the app
  local function test(node)
    if node and node.kind == "name" then known[node.name] = true end
  end
  local function look(node)
    if type(node) ~= "table" or checker.seen[node] then return end
    checker.seen[node] = true
    if node.kind == "binary" and (node.operator == "and" or node.operator == "or" or is_comparison[node.operator]) then
      test(node.left)
      test(node.right)
    elseif node.kind == "unary" and node.operator == "not" then
      test(node.operand)
    elseif node.kind == "if" then
      for _, condition in ipairs(node.conditions) do test(condition) end
    elseif node.kind == "call" and (node.callee.name == "type" or node.callee.name == "rawset") then
      test(node.arguments[1])
      local key = node.arguments[2]
      if key and key.kind == "string" then known[key.value] = true end
    elseif node.kind == "index" and node.name and node.object.kind == "name" and node.object.name == "_G" then
      known[node.name] = true
    end
    for _, child in pairs(node) do look(child) end
  end
  look(block)
  return known
end

local function check_globals(checker)
  local tree = checker.tree
  for _, node in ipairs(tree.globals) do
    if changes_globals[node.name] then return end
  end
  local known, reported = find_known(checker, tree.body), {}
  for _, node in ipairs(tree.globals) do
    if node.is_assigned and known[node.name] == nil and not reported[node.name] then
      reported[node.name] = true
      local line = tree.declared[node.name]
      local advice = line and cure(checker, node.name) or "write local " .. node.name
      if node.is_function then
        checker:report(node.line, "the function %s is global: write local function %s", node.name, node.name)
      else
        checker:report(node.line, "assignment to the global %s: %s", node.name, advice)
      end
    end
  end
  for _, node in ipairs(tree.globals) do
    if known[node.name] == nil and not reported[node.name] then
      reported[node.name] = true
      checker:report(node.line, "the global %s is not defined: %s", node.name, cure(checker, node.name))
    end
  end
end

--- Looks for mistakes in a text that Lua accepts.
---@param text string
---@return {line: integer, text: string}[] findings in the order of their lines
local function check_findings(text)
  local checker = setmetatable({ tree = check_syntax.parse(text), findings = {}, types = {}, seen = {} }, Checker)
  visit_block(checker, checker.tree.body)
  check_globals(checker)
  table.sort(checker.findings, function(a, b)
    if a.line ~= b.line then return a.line < b.line end
    return a.number < b.number
  end)
  return checker.findings
end

return check_findings
