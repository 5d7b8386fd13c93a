-- check_syntax: a Lua text as a tree, in which every name knows its variable.
-- Scopes are resolved while parsing, so that a variable knows all that is ever assigned to it when the tree is looked
-- at. The text has gone through Lua's own compiler before: nothing here looks for mistakes.

local words = require "lacuna.cli.repl.syntax"

---@class lacuna.cli.Variable a local
---@field name string
---@field line integer
---@field values table[] the expressions assigned to it; false for one that cannot be told, such as a parameter's

---@class lacuna.cli.Node
---@field kind string "name", "index", "call", "method", "function", "table", "string", "constant", "binary", "unary",
---  "vararg" for expressions, the keyword for statements
---@field line integer

local Parser = {}
Parser.__index = Parser

-- ---- words ----

local function words_with_lines(text)
  local tokens, line, at = words.tokens(text), 1, 1
  for _, token in ipairs(tokens) do
    while true do
      local newline = text:find("\n", at, true)
      if not newline or newline >= token.first then break end
      line, at = line + 1, newline + 1
    end
    token.line = line
  end
  tokens[#tokens + 1] = { kind = "end", text = "", line = line }
  return tokens
end

-- Whether the next word is this keyword or symbol.
function Parser:is(text)
  local token = self.tokens[self.at]
  return token.text == text and token.kind ~= "string"
end

-- Goes past the next word.
function Parser:next()
  local token = self.tokens[self.at]
  self.at = self.at + 1
  return token
end

-- Goes past the next word if it is this keyword or symbol.
function Parser:take(text)
  if not self:is(text) then return false end
  self.at = self.at + 1
  return true
end

-- ---- variables ----

-- Begins a scope inside the present one.
function Parser:enter()
  self.scope = setmetatable({}, { __index = self.scope, parent = self.scope })
end

-- Ends the scope.
function Parser:leave()
  self.scope = getmetatable(self.scope).parent
end

-- A local from here to the end of the scope; a nil value: none yet.
function Parser:declare(name, line, value)
  local variable = { name = name, line = line, values = { value } }
  self.scope[name] = variable
  self.declared[name] = self.declared[name] or line
  return variable
end

-- ---- expressions ----

local parse_expression

-- A list with commas between.
function Parser:expressions()
  local list = {}
  repeat list[#list + 1] = parse_expression(self) until not self:take(",")
  return list
end

-- What follows a "{".
function Parser:table_constructor(line)
  local items = {}
  while not self:take("}") do
    local item = {}
    local after = self.tokens[self.at + 1]
    if self:take("[") then
      item.key = parse_expression(self)
      self:take("]")
      self:take("=")
    elseif self.tokens[self.at].kind == "name" and after.text == "=" and after.kind == "symbol" then
      item.name = self:next().text
      self:take("=")
    end
    item.value = parse_expression(self)
    if item.name then self:set_field(item.name, item.value) end
    items[#items + 1] = item
    if not self:take(",") then self:take(";") end
  end
  return { kind = "table", line = line, items = items }
end

-- A value arrives in a field of this name, of whatever table.
function Parser:set_field(name, value)
  self.fields[name] = self.fields[name] or {}
  table.insert(self.fields[name], value)
end

-- The parameters and the body of a function, up to its end.
function Parser:function_body(line, has_self)
  self:enter()
  if has_self then self:declare("self", line, false) end
  self:take("(")
  local parameters = {}
  while not self:take(")") do
    local token = self:next()
    if token.kind == "name" then parameters[#parameters + 1] = self:declare(token.text, token.line, false) end
    self:take(",")
  end
  local node = { kind = "function", line = line, parameters = parameters, body = self:block() }
  self:take("end")
  self:leave()
  return node
end

local function unquoted(text)
  local long = text:match("^%[=*%[\n?(.*)%]=*%]$")
  return long or text:sub(2, -2)
end

-- Of a call: a list in parentheses, a string, a table.
function Parser:arguments()
  local token = self:next()
  if token.kind == "string" then
    return { { kind = "string", line = token.line, value = unquoted(token.text) } }
  end
  if token.text == "{" then return { self:table_constructor(token.line) } end
  if self:take(")") then return {} end
  local list = self:expressions()
  self:take(")")
  return list
end

-- A name, with its variable or among the globals.
function Parser:name_node(token)
  local variable = self.scope[token.text]
  local node = { kind = "name", line = token.line, name = token.text, variable = variable }
  if not variable then self.globals[#self.globals + 1] = node end
  return node
end

-- A name or an expression in parentheses, with what is looked up in it and called on it.
function Parser:suffixed()
  local token = self:next()
  local node
  if token.text == "(" and token.kind == "symbol" then
    node = { kind = "unary", operator = "()", line = token.line, operand = parse_expression(self) }
    self:take(")")
  else
    node = self:name_node(token)
  end
  while true do
    local following = self.tokens[self.at]
    if self:take(".") then
      node = { kind = "index", line = following.line, object = node, name = self:next().text }
    elseif self:take("[") then
      local key = parse_expression(self)
      node = { kind = "index", line = following.line, object = node, key = key }
      if key.kind == "string" then node.name = key.value end
      self:take("]")
    elseif self:take(":") then
      local name = self:next().text
      node = { kind = "method", line = following.line, object = node, name = name, arguments = self:arguments() }
    elseif following.kind == "string" or following.text == "(" or following.text == "{" then
      node = { kind = "call", line = following.line, callee = node, arguments = self:arguments() }
    else
      return node
    end
  end
end

-- An expression without operators.
function Parser:simple()
  local token = self.tokens[self.at]
  if token.kind == "number" or self:is("nil") or self:is("true") or self:is("false") then
    self.at = self.at + 1
    return { kind = "constant", line = token.line, text = token.text }
  end
  if token.kind == "string" then
    self.at = self.at + 1
    return { kind = "string", line = token.line, value = unquoted(token.text) }
  end
  if self:take("...") then return { kind = "vararg", line = token.line } end
  if self:take("{") then return self:table_constructor(token.line) end
  if self:take("function") then return self:function_body(token.line) end
  return self:suffixed()
end

-- How closely each operator binds its left and its right side.
local binding = {
  ["or"] = { 1, 1 }, ["and"] = { 2, 2 }, ["<"] = { 3, 3 }, [">"] = { 3, 3 }, ["<="] = { 3, 3 }, [">="] = { 3, 3 },
  ["~="] = { 3, 3 }, ["=="] = { 3, 3 }, [".."] = { 5, 4 }, ["+"] = { 6, 6 }, ["-"] = { 6, 6 }, ["*"] = { 7, 7 },
  ["/"] = { 7, 7 }, ["%"] = { 7, 7 }, ["^"] = { 10, 9 },
}
local UNARY_BINDING = 8

function parse_expression(parser, limit)
  local token, node = parser.tokens[parser.at]
  if parser:take("not") or parser:take("-") or parser:take("#") then
    local operand = parse_expression(parser, UNARY_BINDING)
    node = { kind = "unary", operator = token.text, line = token.line, operand = operand }
  else
    node = parser:simple()
  end
  while true do
    local operator = parser.tokens[parser.at]
    local sides = operator.kind ~= "string" and binding[operator.text]
    if not sides or sides[1] <= (limit or 0) then return node end
    parser.at = parser.at + 1
    local right = parse_expression(parser, sides[2])
    node = { kind = "binary", operator = operator.text, line = operator.line, left = node, right = right }
  end
end

-- ---- statements ----

local statements = {}

-- A local without a value waits for its first assignment.
statements["local"] = function(self, line)
  if self:take("function") then
    local name = self:next()
    local variable = self:declare(name.text, name.line, nil)
    variable.values[1] = self:function_body(line)
    return { kind = "local", line = line, values = variable.values }
  end
  local names = {}
  repeat names[#names + 1] = self:next() until not self:take(",")
  local values = self:take("=") and self:expressions() or {}
  for i, name in ipairs(names) do
    local value = values[i]
    if value == nil and #values > 0 then value = false end -- of a call that gives several values
    self:declare(name.text, name.line, value)
  end
  return { kind = "local", line = line, values = values }
end

statements["function"] = function(self, line)
  local target = self:name_node(self:next())
  local has_self = false
  while self:is(".") or self:is(":") do
    has_self = self:next().text == ":"
    target = { kind = "index", line = line, object = target, name = self:next().text }
  end
  local fn = self:function_body(line, has_self)
  self:assign(target, fn)
  target.is_function = true
  return { kind = "assign", line = line, targets = { target }, values = { fn } }
end

statements["do"] = function(self, line)
  local body = self:scoped_block()
  self:take("end")
  return { kind = "do", line = line, body = body }
end

statements["while"] = function(self, line)
  local condition = parse_expression(self)
  self:take("do")
  local body = self:scoped_block()
  self:take("end")
  return { kind = "while", line = line, condition = condition, body = body }
end

statements["repeat"] = function(self, line)
  self:enter()
  local body = self:block()
  self:take("until")
  local condition = parse_expression(self) -- which sees the body's locals
  self:leave()
  return { kind = "while", line = line, condition = condition, body = body }
end

statements["if"] = function(self, line)
  local node = { kind = "if", line = line, conditions = {}, bodies = {} }
  repeat
    node.conditions[#node.conditions + 1] = parse_expression(self)
    self:take("then")
    node.bodies[#node.bodies + 1] = self:scoped_block()
  until not self:take("elseif")
  if self:take("else") then node.bodies[#node.bodies + 1] = self:scoped_block() end
  self:take("end")
  return node
end

statements["for"] = function(self, line)
  local names = {}
  repeat names[#names + 1] = self:next() until not self:take(",")
  if not self:take("=") then self:take("in") end
  local values = self:expressions()
  self:take("do")
  self:enter()
  for _, name in ipairs(names) do self:declare(name.text, name.line, false) end
  local body = self:block()
  self:leave()
  self:take("end")
  return { kind = "for", line = line, values = values, body = body }
end

statements["return"] = function(self, line)
  local ends = self:is("end") or self:is("else") or self:is("elseif") or self:is("until") or self:is(";")
  local values = not ends and self.tokens[self.at].kind ~= "end" and self:expressions() or {}
  return { kind = "return", line = line, values = values }
end

statements["break"] = function(_, line) return { kind = "break", line = line } end

-- A value arrives in a variable or in a field.
function Parser:assign(target, value)
  if target.kind == "name" then
    target.is_assigned = true
    if target.variable then table.insert(target.variable.values, value) end
  elseif target.kind == "index" and target.name then
    self:set_field(target.name, value)
  end
end

-- The statements that begin with no keyword.
function Parser:call_or_assignment(line)
  local first = self:suffixed()
  if not self:is("=") and not self:is(",") then return { kind = "call statement", line = line, call = first } end
  local targets = { first }
  while self:take(",") do targets[#targets + 1] = self:suffixed() end
  self:take("=")
  local values = self:expressions()
  for i, target in ipairs(targets) do self:assign(target, values[i] or false) end
  return { kind = "assign", line = line, targets = targets, values = values }
end

-- Any statement; nil for labels and goto.
function Parser:statement()
  local token = self.tokens[self.at]
  local following = self.tokens[self.at + 1]
  if self:take("::") then
    self.at = self.at + 2
    return nil
  end
  if self:is("goto") and following.kind == "name" then
    self.at = self.at + 2
    return nil
  end
  local parse = token.kind == "keyword" and statements[token.text]
  if not parse then return self:call_or_assignment(token.line) end
  self.at = self.at + 1
  return parse(self, token.line)
end

local ends_block = { ["end"] = true, ["else"] = true, ["elseif"] = true, ["until"] = true }

-- Statements up to the keyword that ends their block.
function Parser:block()
  local list = {}
  while true do
    local token = self.tokens[self.at]
    if token.kind == "end" or token.kind == "keyword" and ends_block[token.text] then return list end
    if not self:take(";") then list[#list + 1] = self:statement() end
  end
end

-- The same in a scope of its own.
function Parser:scoped_block()
  self:enter()
  local list = self:block()
  self:leave()
  return list
end

local check_syntax = {}

---@class lacuna.cli.Tree
---@field body lacuna.cli.Node[] the statements of the text
---@field globals lacuna.cli.Node[] every name that is no local, in order; .is_assigned where a value is assigned to it
---@field fields table<string, table[]> name -> what is assigned to fields of that name; false for what cannot be told
---@field declared table<string, integer> name of a local -> the first line that declares one

--- Parses a text that Lua accepts. Raises where it cannot follow.
---@param text string
---@return lacuna.cli.Tree
function check_syntax.parse(text)
  local parser = setmetatable({
    tokens = words_with_lines(text), globals = {}, fields = {}, declared = {}, scope = {}, at = 1,
  }, Parser)
  local body = parser:block()
  local last = parser.tokens[parser.at]
  if last.kind ~= "end" then error(("not understood from line %d on, at %q"):format(last.line, last.text)) end
  return { body = body, globals = parser.globals, fields = parser.fields, declared = parser.declared }
end

return check_syntax
