-- inspect: any Lua value as one text for people to read.
-- Plain data comes out as Lua source that gives it back. What source cannot say stands in angle brackets: functions,
-- tasks, errors, and tables that were shown before (`<cycle .path>` inside themselves, `<shared .path>` elsewhere). The
-- same value gives the same text in every run, but for addresses that a `__tostring` prints. A value is first made a
-- tree whose nodes know their width, then laid out; tables are read raw, so that looking changes nothing.

local boundary = require "lacuna.kernel.boundary"
local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local options_module = require "lacuna.kernel.options"
local strings = require "lacuna.inspect.strings"

local STATE, RESULT, CANCEL_COUNT = layout.STATE, layout.RESULT, layout.CANCEL_COUNT
local PENDING, FAILED, CANCELLED = layout.PENDING, layout.FAILED, layout.CANCELLED

local INDENT = "  "
local UNBREAKABLE = math.huge -- the width of a text of several lines

-- Nesting that is shown unless `depth` says otherwise: deeper is a list linked by fields, which nobody reads.
local DEEPEST = 50

local colours = {
  string = "\27[32m",
  number = "\27[33m",
  boolean = "\27[33m",
  ["nil"] = "\27[90m",
  other = "\27[36m", -- what stands in angle brackets, or has a __tostring
}

-- ---- values that are one piece ----

local function describe_number(number)
  if number ~= number then return "nan" end
  local text = ("%.14g"):format(number)
  if tonumber(text) == number then return text end
  for digits = 15, 17 do
    text = ("%." .. digits .. "g"):format(number)
    if tonumber(text) == number then break end
  end
  return text
end

local function describe_function(fn)
  local info = debug.getinfo(fn, "S")
  local is_ours = info.short_src:find("^%[lacuna") ~= nil and not coroutines.iscoroutinefunction(fn)
  local kind = coroutines.iscoroutinefunction(fn) and "async function" or "function"
  if info.what == "C" or is_ours then
    local name = boundary.name_of(fn)
    return name and ("<%s %s>"):format(kind, name) or info.what == "C" and "<C function>" or "<lacuna function>"
  end
  local name, place = coroutines.name_of(fn)
  return name == place and ("<%s %s>"):format(kind, place) or ("<%s %s %s>"):format(kind, name, place)
end

-- A future's result in few words; looking at an error does not count as having seen to it.
local function describe_result(result)
  local kind = type(result)
  if kind == "string" then return strings.quote(result) end
  if kind == "number" then return describe_number(result) end
  if kind == "table" and not errors.isinstance(result, errors.BaseError) then return "{…}" end
  return kind == "function" and describe_function(result) or tostring(result)
end

local function describe_future(fut)
  local parts = { fut.class_name }
  if fut.get_name then parts[2] = fut:get_name() end
  local state, result = fut[STATE], fut[RESULT]
  if state == PENDING then
    parts[#parts + 1] = (fut[CANCEL_COUNT] or 0) > 0 and "cancelling" or "pending"
  elseif state == CANCELLED then
    parts[#parts + 1] = "cancelled"
  else
    parts[#parts + 1] = "finished"
    parts[#parts + 1] = (state == FAILED and "error=" or "result=") .. describe_result(result)
  end
  return "<" .. table.concat(parts, " ") .. ">"
end

-- The text that a metatable gives, with what goes wrong there said instead.
local function describe_by_metatable(value, to_text)
  local ok, text = pcall(to_text, value)
  if not ok then return ("<error in __tostring: %s>"):format(tostring(text)) end
  if type(text) ~= "string" then return ("<__tostring returned a %s>"):format(type(text)) end
  return text
end

local function describe_table(value)
  if rawget(value, "subclass_of") ~= nil then return ("<class %s>"):format(tostring(value)) end
  if future.isfuture(value) then return describe_future(value) end
  if errors.isinstance(value, errors.BaseError) then return ("<%s>"):format(tostring(value)) end
  local class = debug.getmetatable(value)
  local to_text = type(class) == "table" and rawget(class, "__tostring")
  return to_text and describe_by_metatable(value, to_text) or nil
end

local function describe_userdata(value)
  local class = debug.getmetatable(value)
  local to_text = type(class) == "table" and rawget(class, "__tostring")
  if to_text then return describe_by_metatable(value, to_text) end
  local text = tostring(value)
  return text == "userdata: NULL" and "json.null" or "<userdata>"
end

-- The text of a value and the colour that it takes; nil for a table that is shown by its entries.
local function describe(value)
  local kind = type(value)
  if kind == "table" then return describe_table(value), "other" end
  if kind == "string" then return strings.quote(value), kind end
  if kind == "number" then return describe_number(value), kind end
  if kind == "function" then return describe_function(value), "other" end
  if kind == "userdata" then return describe_userdata(value), "other" end
  if kind == "thread" then return ("<thread %s>"):format(coroutine.status(value)), "other" end
  return tostring(value), colours[kind] and kind or "other" -- nil, booleans, cdata
end

-- ---- the tree ----

---@class lacuna.inspect.Node one value: a piece of text, or the nodes of a table's entries
---@field text string? painted
---@field width number columns that it takes on one line
---@field key string? painted, with " = "; nil in the array part
---@field key_width integer
---@field is_note boolean? no entry, but a word about those left out

local function paint(tree, text, colour)
  local code = tree.has_color and colours[colour]
  return code and code .. text .. "\27[0m" or text
end

local function piece(tree, text, colour)
  local width = text:find("\n", 1, true) and UNBREAKABLE or strings.width(text)
  return { text = paint(tree, text, colour), width = width, key_width = 0 }
end

local keywords = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch("%l+") do
  keywords[word] = true
end

local function is_name(key)
  return type(key) == "string" and key:find("^[%a_][%w_]*$") ~= nil and not keywords[key]
end

-- Where a table was shown first: ".list[2].name"; "" for the outermost.
local function path_of(tree, value)
  local steps = {}
  local place = tree.places[value]
  while place.parent do
    local key = place.key
    table.insert(steps, 1, is_name(key) and "." .. key or ("[%s]"):format(describe(key) or "{…}"))
    place = tree.places[place.parent]
  end
  return table.concat(steps)
end

local rank_of_type = { number = 1, string = 2, boolean = 3 }

-- A table's keys that are not in its array part: numbers, strings, then the others by their text.
local function sorted_keys(value, array_size)
  local keys, texts = {}, {}
  for key in next, value do
    local is_in_array = type(key) == "number" and key >= 1 and key <= array_size and key % 1 == 0
    if not is_in_array then keys[#keys + 1] = key end
  end
  for _, key in ipairs(keys) do
    if not rank_of_type[type(key)] or type(key) == "boolean" then texts[key] = describe(key) or "{…}" end
  end
  table.sort(keys, function(a, b)
    local rank_a, rank_b = rank_of_type[type(a)] or 4, rank_of_type[type(b)] or 4
    if rank_a ~= rank_b then return rank_a < rank_b end
    if rank_a <= 2 then return a < b end
    return texts[a] < texts[b]
  end)
  return keys
end

local function array_size_of(value)
  local size = 0
  while rawget(value, size + 1) ~= nil do size = size + 1 end
  return size
end

local node_of

local function add_entry(tree, node, parent, key, is_in_array, depth)
  local entry = node_of(tree, rawget(parent, key), parent, key, depth)
  if not is_in_array then
    local text, colour = key, nil
    if not is_name(key) then
      text, colour = describe(key)
      text = ("[%s]"):format(text or "{…}")
    end
    entry.key = paint(tree, text, colour) .. " = "
    entry.key_width = strings.width(text) + 3
  end
  node[#node + 1] = entry
  node.width = node.width + entry.key_width + entry.width + (#node > 1 and 2 or 0)
end

local function table_node(tree, value, depth)
  local node = { width = 2, key_width = 0 }
  local array_size = array_size_of(value)
  local keys = sorted_keys(value, array_size)
  local most = tree.items - array_size
  for i = 1, math.min(array_size, tree.items) do add_entry(tree, node, value, i, true, depth + 1) end
  for i = 1, math.min(#keys, most) do add_entry(tree, node, value, keys[i], false, depth + 1) end
  local left_out = array_size + #keys - #node
  if left_out > 0 then
    local entry = piece(tree, ("… %d more"):format(left_out), "other")
    entry.is_note = true
    node[#node + 1] = entry
    node.width = node.width + entry.width + (#node > 1 and 2 or 0)
  end
  return node
end

function node_of(tree, value, parent, key, depth)
  local text, colour = describe(value)
  if text then return piece(tree, text, colour) end
  if next(value) == nil then return piece(tree, "{}") end
  local place = tree.places[value]
  if place then
    local path = path_of(tree, value)
    local word = place.is_open and "cycle" or "shared"
    return piece(tree, path == "" and "<cycle>" or ("<%s %s>"):format(word, path), "other")
  end
  if depth >= tree.depth then return piece(tree, "{…}", "other") end
  place = { parent = parent, key = key, is_open = true }
  tree.places[value] = place
  local node = table_node(tree, value, depth)
  place.is_open = false
  return node
end

-- ---- the layout ----

local function write_flat(out, node)
  if node.text then
    out[#out + 1] = node.text
    return
  end
  out[#out + 1] = "{"
  for i = 1, #node do
    local entry = node[i]
    if i > 1 then out[#out + 1] = ", " end
    if entry.key then out[#out + 1] = entry.key end
    write_flat(out, entry)
  end
  out[#out + 1] = "}"
end

local write_broken

local function write(out, node, indent, room)
  if node.text or node.width <= room then write_flat(out, node) else write_broken(out, node, indent) end
end

-- One entry a line; the pieces of the array part share lines as far as they fit.
function write_broken(out, node, indent)
  local inner = indent .. INDENT
  local room = out.width - #inner - 1 -- for the comma
  out[#out + 1] = "{\n"
  local used = nil -- columns of the line that pieces are being put on
  for i = 1, #node do
    local entry = node[i]
    local is_piece = not entry.key and entry.text ~= nil
    if is_piece and used and used + entry.width + 1 <= room then
      out[#out + 1] = " "
      used = used + 1 + entry.width + 1
    else
      if i > 1 then out[#out + 1] = "\n" end
      out[#out + 1] = inner
      used = is_piece and entry.width + 1 or nil
    end
    if entry.key then out[#out + 1] = entry.key end
    write(out, entry, inner, room - entry.key_width)
    if not entry.is_note then out[#out + 1] = "," end
  end
  out[#out + 1] = "\n" .. indent .. "}"
end

local allowed_options = { depth = "number", width = "number", items = "number", color = "any" }

---@class lacuna.inspect.Options
---@field depth? number nested tables shown, 50 if nil; deeper ones are {…}
---@field width? number columns of a line, 80 if nil; wider tables take a line for each entry
---@field items? number entries of each table shown, all if nil; the rest are counted
---@field color? boolean whether values are coloured with terminal codes

--- A value as text: strings quoted, keys sorted (numbers, strings, others), tables broken over lines where they are
--- wider than a line, cycles and shared tables named by the path where they stand. A `__tostring` is honoured and may
--- await; nothing else of the value is called.
--- Errors: TypeError for unknown options, and for those that should be numbers.
--- Source: Python's repr and pprint.pformat.
---@param value any
---@param options? lacuna.inspect.Options
---@return string
local function inspect(value, options)
  options = options_module.check("inspect", options, allowed_options)
  local tree = {
    depth = options.depth or DEEPEST,
    items = options.items or math.huge,
    has_color = options.color,
    places = {},
  }
  local out = { width = options.width or 80 }
  write(out, node_of(tree, value, nil, nil, 0), "", out.width)
  return table.concat(out)
end

return inspect
