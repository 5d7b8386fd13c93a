-- json: JSON text to Lua values and back. Objects and arrays become tables, null becomes `json.null`. A table is an
-- array if it is a list, or if json.array made it; every other one is an object, whose keys are written in sorted
-- order. Reading and writing are host/mod/json.c's; what cannot be written is named here by its path.

local errors = require "lacuna.kernel.errors"
local native = require "lacuna.native.json"
local options_module = require "lacuna.kernel.options"

local find, gsub, rep = string.find, string.gsub, string.rep

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

-- Integers of 64 bits, which only cdata hold.
local function integer_text(value)
  local text = tostring(value)
  return find(text, "^-?%d+U?LL$") and gsub(text, "U?LL$", "") or nil
end

local MOST_STEPS = 20 -- of a path that is told

-- The path to what cannot be written, for which the writer gives the keys, innermost first.
local function describe_path(keys)
  local steps = {}
  for i = #keys, math.max(#keys - MOST_STEPS + 1, 1), -1 do
    local key = keys[i]
    if type(key) == "number" then
      steps[#steps + 1] = ("[%s]"):format(tostring(key))
    elseif find(tostring(key), "^[%a_][%w_]*$") then
      steps[#steps + 1] = "." .. tostring(key)
    else
      steps[#steps + 1] = ("[%q]"):format(tostring(key))
    end
  end
  if #keys > MOST_STEPS then steps[#steps + 1] = "…" end
  if #steps == 0 then return "the value itself" end
  return (table.concat(steps):gsub("^%.", ""))
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
  local indent = options_module.check("json.encode", options, { indent = "number string" }).indent
  if type(indent) == "number" then indent = rep(" ", indent) end
  local text, kind, problem, keys = native.encode(value, indent, json.Array, integer_text)
  if text then return text end
  local class = kind == "type" and errors.TypeError or errors.ValueError
  error(class(("json.encode: %s: %s"):format(describe_path(keys), problem)), 2)
end

return json
