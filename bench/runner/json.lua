-- json: what the runner measured, as JSON text: keys in sorted order, one level of a table a line deep enough to diff.
local json = {}

local function key_order(a, b) return tostring(a) < tostring(b) end

--- Writes numbers, strings, booleans and tables of them.
---@param value any
---@param indent? string of the line it starts on
---@return string
function json.encode(value, indent)
  indent = indent or ""
  if type(value) == "string" then return '"' .. value:gsub('[%c"\\]', function(c)
    return ("\\u%04x"):format(c:byte())
  end) .. '"' end
  if type(value) ~= "table" then return tostring(value) end
  local inner, parts = indent .. "  ", {}
  if #value > 0 then
    for i, item in ipairs(value) do parts[i] = json.encode(item, inner) end
  else
    local keys = {}
    for key in pairs(value) do keys[#keys + 1] = key end
    table.sort(keys, key_order)
    for i, key in ipairs(keys) do parts[i] = ('"%s": %s'):format(key, json.encode(value[key], inner)) end
  end
  local opened, closed = "{", "}"
  if #value > 0 then opened, closed = "[", "]" end
  if #parts == 0 then return opened .. closed end
  return ("%s\n%s%s\n%s%s"):format(opened, inner, table.concat(parts, ",\n" .. inner), indent, closed)
end

return json
