-- notation: a generated program as text: for the two interpreters, for a case file, for a reader.
-- A table in a program is either a node, {name, arguments …}, or a list of nodes.

local notation = {}

---Whether a table of a program is a node: a step or an awaitable.
---@param value any
---@return boolean
function notation.is_node(value)
  return type(value) == "table" and type(value[1]) == "string"
end

local function sorted_keys(map)
  local keys = {}
  for key in pairs(map) do keys[#keys + 1] = key end
  table.sort(keys)
  return keys
end

-- `list` and `field` are the formats of a list and of a field.
local function write(value, list, field)
  if type(value) == "string" then return ("%q"):format(value) end
  if type(value) ~= "table" then return tostring(value) end
  local parts = {}
  if value.body then
    for i, key in ipairs(sorted_keys(value)) do parts[i] = field:format(key, write(value[key], list, field)) end
    return "{" .. table.concat(parts, ", ") .. "}"
  end
  for i, item in ipairs(value) do parts[i] = write(item, list, field) end
  return list:format(table.concat(parts, ", "))
end

---One line of JSON.
---@param program table
---@return string
function notation.json(program)
  return write(program, "[%s]", '"%s": %s')
end

---One line that is a Lua table.
---@param program table or a part of one
---@return string
function notation.lua(program)
  return write(program, "{%s}", "%s = %s")
end

local WIDTH = 110

local function broken(value, indent)
  local line = notation.lua(value)
  if type(value) ~= "table" or #indent + #line <= WIDTH then return line end
  local inner, parts = indent .. "  ", {}
  if value.body then
    for i, key in ipairs(sorted_keys(value)) do
      parts[i] = ("%s%s = %s"):format(inner, key, broken(value[key], inner))
    end
  else
    for i, item in ipairs(value) do parts[i] = inner .. broken(item, inner) end
  end
  return ("{\n%s,\n%s}"):format(table.concat(parts, ",\n"), indent)
end

---A Lua table in lines of a file's width.
---@param program table
---@return string
function notation.lines(program)
  return broken(program, "")
end

local inline

local function inline_all(list, separator)
  local parts = {}
  for i, value in ipairs(list) do parts[i] = inline(value) end
  return table.concat(parts, separator)
end

function inline(value)
  if not notation.is_node(value) then
    return type(value) == "table" and "[" .. inline_all(value, "; ") .. "]" or tostring(value)
  end
  if value[1] == "of" then return value[2] end
  return ("%s(%s)"):format(value[1], inline_all({ unpack(value, 2) }, ", "))
end

local function append_all(lines, steps, indent)
  for _, step in ipairs(steps) do
    local is_try, words = step[1] == "try", {}
    for _, value in ipairs(step) do
      if type(value) == "table" and not notation.is_node(value) and step[1] ~= "as_completed" then
        local head = #words > 0 and table.concat(words, " ") or is_try and "finally" or "then"
        lines[#lines + 1] = indent .. head .. ":"
        append_all(lines, value, indent .. "  ")
        words = {}
      else
        words[#words + 1] = (#words == 0 and is_try and value ~= "try" and "except " or "") .. inline(value)
      end
    end
    if #words > 0 then lines[#lines + 1] = indent .. table.concat(words, " ") end
  end
end

---A listing for a reader: a step a line, blocks indented.
---@param program table
---@return string
function notation.listing(program)
  local lines = {
    ("semaphore %d, bounded %d, parties %d, maxsize %d"):format(
      program.semaphore, program.bounded, program.parties, program.maxsize),
  }
  append_all(lines, program.body, "")
  return table.concat(lines, "\n")
end

return notation
