-- syntax: the words of a Lua text, and what the parser says of it.
-- Enough of Lua's grammar to find the statements of the outermost block that declare locals, and to see in an
-- unfinished text where the cursor stands. It judges nothing: whether a text is Lua is for the compiler to say.

local syntax = {}

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
until while]]):gmatch("%a+") do
  keywords[word] = true
end

-- The end of a long bracket that opens at `first`, or nil if none opens there; past the end if it is not closed.
local function long_end(text, first)
  local level = text:match("^%[(=*)%[", first)
  if not level then return nil end
  local _, last = text:find("]" .. level .. "]", first + #level + 2, true)
  return last or #text + 1
end

-- The end of a quoted string that opens at `first`; past the end if it is not closed on its line.
local function quoted_end(text, first)
  local quote, at = text:sub(first, first), first + 1
  while true do
    local found = text:find("[\\\n" .. quote .. "]", at)
    if not found then return #text + 1 end
    local char = text:sub(found, found)
    if char == quote then return found end
    if char == "\n" then return found - 1, true end
    at = found + 2
  end
end

---@class lacuna.cli.Token
---@field kind "name"|"keyword"|"string"|"number"|"symbol"|"comment"
---@field text string
---@field first integer where it begins
---@field last integer where it ends; past the text's end for a string or comment that is not closed

--- The words of a text, in order. Names may hold bytes of other alphabets, as LuaJIT's may.
---@param text string
---@param with_comments? boolean
---@return lacuna.cli.Token[]
function syntax.tokens(text, with_comments)
  local tokens, at = {}, 1
  local function add(kind, last)
    if kind ~= "comment" or with_comments then
      tokens[#tokens + 1] = { kind = kind, text = text:sub(at, last), first = at, last = last }
    end
    at = last + 1
  end
  while true do
    at = text:find("%S", at)
    if not at then return tokens end
    local _, word_end = text:find("^[%a_\128-\255][%w_\128-\255]*", at)
    local _, number_end = text:find("^%.?%d[%w.]*", at)
    if word_end then
      add(keywords[text:sub(at, word_end)] and "keyword" or "name", word_end)
    elseif number_end then
      while text:find("^[eEpP][+-]", number_end) do number_end = select(2, text:find("^[+-]%w*", number_end + 1)) end
      add("number", number_end)
    elseif text:find("^%-%-", at) then
      add("comment", long_end(text, at + 2) or (text:find("\n", at, true) or #text + 1) - 1)
    elseif text:find("^[\"']", at) then
      add("string", (quoted_end(text, at)))
    elseif long_end(text, at) then
      add("string", long_end(text, at))
    else
      local symbol = text:match("^%.%.%.", at) or text:match("^%.%.", at) or text:match("^[=~<>]=", at)
        or text:match("^::", at) or text:sub(at, at)
      add("symbol", at + #symbol - 1)
    end
  end
end

local opens_block = { ["function"] = true, ["do"] = true, ["if"] = true, ["repeat"] = true }
local closes_block = { ["end"] = true, ["until"] = true }
local closing_bracket = { ["("] = ")", ["{"] = "}", ["["] = "]" }
local unary = { ["not"] = true, ["-"] = true, ["#"] = true }
local binary = {}
for operator in ("+ - * / % ^ .. < <= > >= == ~= and or ,"):gmatch("%S+") do binary[operator] = true end

-- The index of the word that closes the block or bracket which the word at `index` opens.
local function closing(tokens, index)
  local first = tokens[index].text
  local is_block = opens_block[first]
  local depth = 0
  for at = index, #tokens do
    local token = tokens[at]
    if token.kind == "keyword" and is_block then
      if opens_block[token.text] then depth = depth + 1 end
      if closes_block[token.text] then depth = depth - 1 end
    elseif token.kind == "symbol" and not is_block then
      if token.text == first then depth = depth + 1 end
      if token.text == closing_bracket[first] then depth = depth - 1 end
    end
    if depth == 0 then return at end
  end
  return #tokens
end

-- The index of the last word of a list of expressions that begins at `index`.
local function expressions_end(tokens, index)
  local needs_operand = true
  while tokens[index] do
    local token = tokens[index]
    local text = token.kind ~= "string" and token.text
    if needs_operand then
      if text == "function" or closing_bracket[text] then index = closing(tokens, index) end
      needs_operand = unary[text] or false
    elseif binary[text] then
      needs_operand = true
    elseif text == "." or text == ":" then
      index = index + 1
    elseif closing_bracket[text] then
      index = closing(tokens, index)
    elseif token.kind ~= "string" then
      return index - 1
    end
    index = index + 1
  end
  return #tokens
end

-- The index of the last word of the local statement that begins at `index`, and the names it declares.
local function local_statement(tokens, index)
  if tokens[index + 1].text == "function" then
    return closing(tokens, index + 1), { tokens[index + 2].text }
  end
  local names = { tokens[index + 1].text }
  index = index + 1
  while tokens[index + 1] and tokens[index + 1].text == "," do
    names[#names + 1] = tokens[index + 2].text
    index = index + 2
  end
  if tokens[index + 1] and tokens[index + 1].text == "=" then index = expressions_end(tokens, index + 2) end
  return index, names
end

--- The statements of the outermost block of a valid text that declare locals.
---@param text string
---@return {last: integer, names: string[]}[] with where each ends, a semicolon included
---@return table<string, boolean> names every name in the text
function syntax.locals(text)
  local tokens, statements, names = syntax.tokens(text), {}, {}
  for _, token in ipairs(tokens) do
    if token.kind == "name" then names[token.text] = true end
  end
  local depth, index = 0, 1
  while tokens[index] do
    local token = tokens[index]
    if token.kind == "keyword" then
      if token.text == "local" and depth == 0 then
        local declared
        index, declared = local_statement(tokens, index)
        if tokens[index + 1] and tokens[index + 1].text == ";" then index = index + 1 end
        statements[#statements + 1] = { last = tokens[index].last, names = declared }
      elseif opens_block[token.text] then
        depth = depth + 1
      elseif closes_block[token.text] then
        depth = depth - 1
      end
    end
    index = index + 1
  end
  return statements, names
end

-- Whether the parser met the end of a text where it wanted more. A quoted string goes on in a further line only after
-- a backslash.
local function ends_early(text)
  local _, problem = loadstring(text, "=")
  if not problem or not problem:find("near '<eof>'", 1, true) then return false end
  return not problem:find("unfinished string", 1, true) or text:sub(-1) == "\\"
end

--- Whether a text is the beginning of an expression or a chunk, but not yet one.
---@param text string
---@return boolean
function syntax.is_incomplete(text)
  text = text:gsub("^%s*=", "return ")
  if loadstring(text, "=") or loadstring("return " .. text, "=") then return false end
  return ends_early(text) or ends_early("return " .. text)
end

return syntax
