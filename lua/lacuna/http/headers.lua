-- headers: header fields: parsed from the bytes of a response, looked up whatever their case, encoded for a request.
-- A codec: no I/O, nothing raised; what is wrong comes back as nil and a reason.

local match, lower, find = string.match, string.lower, string.find

local headers = {}

--- The status line of a raw response head.
---@param raw string
---@return string version such as "1.1"
---@return integer? status nil if the line is none
---@return string reason "" if the server sends none
function headers.parse_status(raw)
  local version, status, reason = match(raw, "^HTTP/(%S+) +(%d%d%d) ?([^\r\n]*)")
  return version or "", tonumber(status), reason or ""
end

--- The fields of a raw response head, after its status line, in the order in which they came. Continued lines are
--- joined with a space; lines that are no field are left out.
---@param raw string
---@return {[1]: string, [2]: string}[] fields name and value
function headers.parse(raw)
  local fields = {}
  local first_end = find(raw, "\n", 1, true)
  for line in raw:sub((first_end or #raw) + 1):gmatch("[^\n]+") do
    local name, value = match(line, "^([^%s:]+)[ \t]*:[ \t]*(.-)%s*$")
    if name then
      fields[#fields + 1] = { name, value }
    elseif #fields > 0 and find(line, "^[ \t]+%S") then
      local last = fields[#fields]
      last[2] = last[2] .. " " .. match(line, "^%s*(.-)%s*$")
    end
  end
  return fields
end

---@class lacuna.http.Headers: table<string, string>
---@field get fun(self: lacuna.http.Headers, name: string, default?: string): string? the first value of a name
---@field get_all fun(self: lacuna.http.Headers, name: string): string[] every value of a name, in order
---@field items fun(self: lacuna.http.Headers): fun(): string?, string? iterates over all fields in order

--- An object with the fields: headers["content-type"] in any case gives the first value, pairs() goes over the names as
--- they came, :items() over all fields in order; :get(name, default?) is the first value, too, :get_all(name) all.
---@param fields {[1]: string, [2]: string}[]
---@return lacuna.http.Headers
function headers.object(fields)
  local object, by_lower_name = {}, {}
  for _, field in ipairs(fields) do
    local key = lower(field[1])
    if by_lower_name[key] == nil then
      by_lower_name[key] = field[2]
      object[field[1]] = field[2]
    end
  end
  local methods = {}
  function methods.get(_, name, default)
    local value = by_lower_name[lower(name)]
    if value == nil then return default end
    return value
  end
  function methods.get_all(_, name)
    local values = {}
    for _, field in ipairs(fields) do
      if lower(field[1]) == lower(name) then values[#values + 1] = field[2] end
    end
    return values
  end
  function methods.items()
    local index = 0
    return function()
      index = index + 1
      local field = fields[index]
      if field then return field[1], field[2] end
    end
  end
  return setmetatable(object, {
    __index = function(_, name)
      if type(name) ~= "string" then return nil end
      return by_lower_name[lower(name)] or methods[name]
    end,
  })
end

local function line_of(name, value)
  if type(name) ~= "string" or not find(name, "^[%w!#$%%&'*+%-.^_`|~]+$") then
    return nil, ("%q is not a header name"):format(tostring(name))
  end
  if type(value) == "number" then value = tostring(value) end
  if type(value) ~= "string" then return nil, ("header %s: string expected, got %s"):format(name, type(value)) end
  if find(value, "[%z\r\n]") then return nil, ("header %s: its value has a line break in it"):format(name) end
  return value == "" and name .. ";" or name .. ": " .. value
end

--- Encodes fields as libcurl takes them: "Name: value", and "Name;" for an empty value. Later tables override earlier
--- ones whatever the case; a list as value repeats the field; lines are sorted by name.
---@param ... table<string, string|number|string[]>|nil
---@return string[]? lines
---@return string? reason
function headers.encode(...)
  local names, values = {}, {}
  for i = 1, select("#", ...) do
    for name, value in pairs((select(i, ...)) or {}) do
      local key = lower(tostring(name))
      names[key], values[key] = name, value
    end
  end
  local keys = {}
  for key in pairs(names) do keys[#keys + 1] = key end
  table.sort(keys)
  local lines = {}
  for _, key in ipairs(keys) do
    local value = values[key]
    for _, item in ipairs(type(value) == "table" and value or { value }) do
      local line, reason = line_of(names[key], item)
      if not line then return nil, reason end
      lines[#lines + 1] = line
    end
  end
  return lines
end

--- Encoded lines without those of some names.
---@param lines string[]
---@param names table<string, true> in lower case
---@return string[]
function headers.without(lines, names)
  local kept = {}
  for _, line in ipairs(lines) do
    if not names[lower(match(line, "^[^:;]+"))] then kept[#kept + 1] = line end
  end
  return kept
end

return headers
