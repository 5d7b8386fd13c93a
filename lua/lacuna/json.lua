-- json: JSON text to Lua values and back. Objects and arrays become tables, null becomes `json.null`. A table is an
-- array if it is a list, or if json.array made it; every other one is an object, whose keys are written in sorted
-- order. Decoding is host/mod/json.c's.

local buffer = require "string.buffer"
local errors = require "lacuna.kernel.errors"
local native = require "lacuna.native.json"

local byte, find, format, gsub, rep = string.byte, string.find, string.format, string.gsub, string.rep
local floor, huge, sort = math.floor, math.huge, table.sort
local getmetatable, ipairs, next, tonumber, tostring, type = getmetatable, ipairs, next, tonumber, tostring, type

local DEEPEST = 1000 -- levels, as in decoding
local EXACT = 2 ^ 53 -- integers below are written as such

local json = {}

--- What stands for null: it is neither nil nor false.
json.null = native.null

--- The metatable of tables that are arrays also when they are empty.
json.Array = {}

--- Makes a table an array for json.encode, whatever is in it: items 1 … n are written, where n is `t.n` if that is a
--- number, else #t; nil as null.
--- Errors: TypeError for what is no table, or has a metatable already.
---@generic T: table
---@param t? T a new table if nil
---@return T t itself
function json.array(t)
  if t == nil then t = {} end
  if type(t) ~= "table" then error(errors.TypeError("json.array: table expected, got " .. type(t)), 2) end
  local metatable = getmetatable(t)
  if metatable ~= nil and metatable ~= json.Array then
    error(errors.TypeError("json.array: the table has a metatable already"), 2)
  end
  return setmetatable(t, json.Array)
end

--- Decodes a JSON text. Numbers are Lua's, exact to 2^53; of a key that comes twice the last value counts; an array
--- without items is a json.array.
--- Errors: ValueError that says what is wrong, and where; TypeError for what is no string.
--- Source: Python's json.loads.
---@param text string
---@return any
function json.decode(text)
  if type(text) ~= "string" then error(errors.TypeError("json.decode: string expected, got " .. type(text)), 2) end
  local value, reason = native.decode(text, json.Array)
  if reason then error(errors.ValueError("json.decode: " .. reason), 2) end
  return value
end

-- ---- encoding ----

local escapes = { ['"'] = '\\"', ["\\"] = "\\\\", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r",
  ["\t"] = "\\t" }

local function escape(character)
  return escapes[character] or format("\\u%04x", byte(character))
end

local function write_string(out, text)
  if find(text, '[%z\1-\31"\\]') then text = gsub(text, '[%z\1-\31"\\]', escape) end
  out:put('"', text, '"')
end

---@class lacuna.json.Writer
---@field out string.buffer
---@field indent string|false
---@field keys any[] those that lead to the value that is being written
---@field open table<table, true> the tables around it
---@field depth integer

local function describe_path(writer)
  local steps = {}
  for i = 1, math.min(writer.depth, 20) do
    local key = writer.keys[i]
    if key == nil then break end -- the innermost table's own keys are at fault
    if type(key) == "number" then
      steps[i] = ("[%s]"):format(tostring(key))
    elseif find(tostring(key), "^[%a_][%w_]*$") then
      steps[i] = "." .. tostring(key)
    else
      steps[i] = ("[%q]"):format(tostring(key))
    end
  end
  if writer.depth > 20 then steps[21] = "…" end
  if #steps == 0 then return "the value itself" end
  return (table.concat(steps):gsub("^%.", ""))
end

local function refuse(writer, class, what)
  error(class(("json.encode: %s: %s"):format(describe_path(writer), what)), 0)
end

local function number_text(writer, value)
  if value == floor(value) and value > -EXACT and value < EXACT then return format("%d", value) end
  if value ~= value or value == huge or value == -huge then
    refuse(writer, errors.ValueError, ("JSON has no %s"):format(value ~= value and "nan" or "infinity"))
  end
  local text = format("%.15g", value)
  if tonumber(text) ~= value then text = format("%.16g", value) end
  if tonumber(text) ~= value then text = format("%.17g", value) end
  return text
end

-- How many items a table has as an array; nil if it is an object.
local function array_length(writer, value)
  local n = rawget(value, "n")
  if getmetatable(value) == json.Array then return type(n) == "number" and n or #value end
  local count, names = 0, 0
  for key in next, value do
    if type(key) == "number" and key >= 1 and key == floor(key) then count = count + 1 else names = names + 1 end
  end
  if count == 0 then return nil end
  if type(n) == "number" and names == 1 and n >= count then return n end -- a list of results, nils among them
  if names == 0 and count == #value and rawget(value, count) ~= nil then return count end
  if rawget(value, 1) == nil then return nil end
  refuse(writer, errors.TypeError, names > 0 and "a table with both items and named fields is neither array nor object"
    or "a list with holes; json.null stands for null, and json.array(t) takes holes as such")
end

local key_types = { number = true, boolean = true } -- beside strings

-- The keys of an object as text, sorted; and which key each is, if it is not always the text itself.
local function sorted_keys(writer, value)
  local names, count, key_of = {}, 0, nil
  for key in next, value do
    count = count + 1
    if type(key) == "string" then
      names[count] = key
    elseif key_types[type(key)] then
      local name = type(key) == "number" and number_text(writer, key) or tostring(key)
      names[count] = name
      key_of = key_of or {}
      key_of[name] = key
    else
      refuse(writer, errors.TypeError, ("a %s cannot be the key of an object"):format(type(key)))
    end
  end
  if count > 1 then sort(names) end
  return names, key_of
end

local write

local function write_item(writer, key, value)
  writer.keys[writer.depth] = key
  write(writer, value)
end

local function new_line(writer, depth)
  if writer.indent then writer.out:put("\n", rep(writer.indent, depth)) end
end

local function write_array(writer, value, count)
  local out, depth = writer.out, writer.depth
  out:put("[")
  for i = 1, count do
    if i > 1 then out:put(",") end
    new_line(writer, depth)
    write_item(writer, i, value[i])
  end
  if count > 0 then new_line(writer, depth - 1) end
  out:put("]")
end

local function write_object(writer, value)
  local out, depth = writer.out, writer.depth
  local names, key_of = sorted_keys(writer, value)
  local colon = writer.indent and ": " or ":"
  out:put("{")
  for i, name in ipairs(names) do
    if i > 1 then out:put(",") end
    new_line(writer, depth)
    write_string(out, name)
    out:put(colon)
    local key = key_of and key_of[name]
    if key == nil then key = name end
    write_item(writer, key, rawget(value, key))
  end
  if names[1] then new_line(writer, depth - 1) end
  out:put("}")
end

local function write_table(writer, value)
  if writer.open[value] then refuse(writer, errors.ValueError, "a table that is inside itself") end
  if writer.depth >= DEEPEST then refuse(writer, errors.ValueError, "nested more than 1000 levels deep") end
  local count = array_length(writer, value)
  writer.open[value] = true
  writer.depth = writer.depth + 1
  writer.keys[writer.depth] = nil
  if count then write_array(writer, value, count) else write_object(writer, value) end
  writer.depth = writer.depth - 1
  writer.open[value] = nil
end

function write(writer, value)
  local kind = type(value)
  if kind == "string" then
    write_string(writer.out, value)
  elseif kind == "number" then
    writer.out:put(number_text(writer, value))
  elseif kind == "table" then
    write_table(writer, value)
  elseif kind == "boolean" then
    writer.out:put(value and "true" or "false")
  elseif value == nil or value == json.null then
    writer.out:put("null")
  elseif kind == "cdata" and find(tostring(value), "^-?%d+U?LL$") then
    writer.out:put((gsub(tostring(value), "U?LL$", "")))
  else
    refuse(writer, errors.TypeError, ("a %s cannot be written as JSON"):format(kind))
  end
end

--- Encodes a value as JSON: the keys of objects sorted, text as it is but for what JSON escapes, integers without a
--- decimal point, other numbers with the 15 to 17 digits that give them back. nil is null. A table with the items 1 … n
--- is an array (also one with `n` beside them, as gather gives: its nils are null); an empty one is an object unless it
--- is a json.array; number and boolean keys become text, as in Python.
--- Errors, with the path to the culprit: TypeError for functions, userdata and the like, and for lists with holes or
--- with named fields; ValueError for nan, infinity, a table inside itself, or more than 1,000 levels.
--- Source: Python's json.dumps, with separators=(",", ":"), sort_keys=True, ensure_ascii=False, allow_nan=False.
---@param value any
---@param options? {indent: integer|string} spaces, or the text, to indent each level by: one item on a line
---@return string
function json.encode(value, options)
  local indent = options and options.indent
  if type(indent) == "number" then indent = rep(" ", indent) end
  if indent and type(indent) ~= "string" then
    error(errors.TypeError("json.encode: indent: number or string expected, got " .. type(indent)), 2)
  end
  local writer = { out = buffer.new(), indent = indent or false, keys = {}, open = {}, depth = 0 }
  write(writer, value)
  return writer.out:tostring()
end

return json
