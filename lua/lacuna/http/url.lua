-- url: URLs as text: checked, percent-encoded, joined, given parameters.
-- A codec: no I/O, nothing raised; what is wrong comes back as nil and a reason.

local find, match, gsub, sub, byte, format, lower =
  string.find, string.match, string.gsub, string.sub, string.byte, string.format, string.lower

local url = {}

local default_ports = { http = "80", https = "443" }

local function escape(char)
  return format("%%%02X", byte(char))
end

-- Everything that RFC 3986 does not allow in a path or query, and every "%" that starts no escape.
local function quote(text)
  text = gsub(text, "[^%w%-%._~/?%%:@!$&'()*+,;=%[%]]", escape)
  return (gsub(text, "%%(%x?%x?)", function(digits) return #digits < 2 and "%25" .. digits or nil end))
end

-- What a field of a form may hold as it is, and, as aiohttp sends it, one of a query; a space becomes "+".
local FORM_ESCAPED, QUERY_ESCAPED = "[^%w%-%._~ ]", "[^%w%-%._~ !$'()*,?/:@]"

local function encode_field(text, escaped)
  return (gsub(gsub(text, escaped, escape), " ", "+"))
end

--- Checks an absolute http or https URL and writes it as it is sent: path and query percent-encoded (UTF-8 stays
--- UTF-8), no fragment, a path of at least "/".
---@param text string
---@return string? normalized
---@return string? reason why it is none
function url.normalize(text)
  if find(text, "^https?://[%w.-]+:?%d*/[%w-._~/?:@!$&'()*+,;=]*$") then return text end -- nothing to change
  if find(text, "%c") then return nil, "it has a control character in it" end
  local scheme, rest = match(text, "^(%a[%w+.-]*):(.*)$")
  if not scheme then return nil, "it has no scheme: http:// or https:// is needed" end
  scheme = lower(scheme)
  if not default_ports[scheme] then return nil, "the scheme " .. scheme .. " is not http or https" end
  local authority, tail = match(rest, "^//([^/?#\\]*)(.*)$")
  if not authority then return nil, "'//' is missing after " .. scheme .. ":" end
  if find(authority, "%s") then return nil, "it has a space in its host" end
  local place = match(authority, "([^@]*)$")
  local port = match(place, "^%[[%w:.%%]+%]:?(%d*)$") or match(place, "^[^:%[%]]+:?(%d*)$")
  if not port then return nil, place == "" and "it has no host" or "its host or port is not valid" end
  tail = quote(match(tail, "^[^#]*"))
  if sub(tail, 1, 1) ~= "/" then tail = "/" .. tail end
  return scheme .. "://" .. authority .. tail
end

local function unescape(text)
  return (gsub(text, "%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end))
end

--- Takes user and password out of a normalized URL.
---@param text string
---@return string url without them
---@return string[]? auth user and password; nil if there were none
function url.without_credentials(text)
  local scheme, credentials, rest = match(text, "^(%a+://)([^/]*)@(.*)$")
  if not scheme then return text, nil end
  local user, password = match(credentials, "^([^:]*):?(.*)$")
  return scheme .. rest, { unescape(user), unescape(password) }
end

--- Scheme, host and port of a normalized URL, in lower case, the port always given: what a connection is made to.
---@param text string
---@return string such as "https://example.org:443"
function url.origin(text)
  local scheme, authority = match(text, "^(%a+)://([^/]*)")
  local host, port = match(match(authority, "([^@]*)$"), "^(.-):?(%d*)$")
  return scheme .. "://" .. lower(host) .. ":" .. (port ~= "" and port or default_ports[scheme])
end

--- Scheme, host in lower case, and path of a normalized URL.
---@param text string
---@return string scheme
---@return string host without port
---@return string path without query
function url.parts(text)
  local scheme, authority, path = match(text, "^(%a+)://([^/]*)([^?#]*)")
  return scheme, lower(match(match(authority, "([^@]*)$"), "^(.-):?%d*$")), path
end

-- "/a/./b/../c" → "/a/c" (RFC 3986, 5.2.4)
local function without_dots(path)
  if not find(path, "/.", 1, true) then return path end
  local kept, is_folder = {}, false
  for segment in path:gmatch("/([^/]*)") do
    is_folder = segment == "." or segment == ".."
    if segment == ".." then
      kept[#kept] = nil
    elseif segment ~= "." then
      kept[#kept + 1] = segment
    end
  end
  return "/" .. table.concat(kept, "/") .. (is_folder and #kept > 0 and "/" or "")
end

--- Resolves a reference, such as a Location header, against an absolute URL (RFC 3986, 5.2).
---@param base string
---@param reference string
---@return string
function url.join(base, reference)
  if find(reference, "^%a[%w+.-]*:") then return reference end
  local scheme, authority, path, query = match(base, "^(%a[%w+.-]*:)(//[^/?#]*)([^?#]*)(%??[^#]*)")
  if not scheme then return reference end
  if sub(reference, 1, 2) == "//" then return scheme .. reference end
  local reference_path, suffix = match(reference, "^([^?#]*)(.*)$")
  if reference_path == "" then
    if sub(suffix, 1, 1) ~= "?" then suffix = query .. suffix end
    return scheme .. authority .. path .. suffix
  end
  if sub(reference_path, 1, 1) ~= "/" then
    reference_path = (match(path, "^.*/") or "/") .. reference_path
  end
  return scheme .. authority .. without_dots(reference_path) .. suffix
end

local function append_pair(pairs_text, escaped, name, value)
  local kind = type(value)
  if kind == "table" then
    for _, item in ipairs(value) do
      local reason = append_pair(pairs_text, escaped, name, item)
      if reason then return reason end
    end
    return nil
  end
  if kind ~= "string" and kind ~= "number" then
    return ("%s: string or number expected, got %s"):format(tostring(name), kind)
  end
  pairs_text[#pairs_text + 1] = encode_field(tostring(name), escaped) .. "=" .. encode_field(tostring(value), escaped)
  return nil
end

local function encode(parameters, escaped)
  local text, reason = {}, nil
  if type(parameters[1]) == "table" then
    for _, pair in ipairs(parameters) do
      reason = reason or append_pair(text, escaped, pair[1], pair[2])
    end
  else
    local names = {}
    for name in pairs(parameters) do names[#names + 1] = name end
    table.sort(names, function(a, b) return tostring(a) < tostring(b) end)
    for _, name in ipairs(names) do reason = reason or append_pair(text, escaped, name, parameters[name]) end
  end
  if reason then return nil, reason end
  return table.concat(text, "&")
end

--- Encodes names and values as a form: a=1&b=2, in the order of a list of {name, value} pairs, else sorted by name. A
--- list as value repeats the name.
---@param parameters table<string, string|number|table>|{[1]: string, [2]: any}[]
---@return string? encoded
---@return string? reason
function url.encode_form(parameters)
  return encode(parameters, FORM_ESCAPED)
end

--- The same as a query, in which less has to be escaped.
---@param parameters table<string, string|number|table>|{[1]: string, [2]: any}[]
---@return string? encoded
---@return string? reason
function url.encode_query(parameters)
  return encode(parameters, QUERY_ESCAPED)
end

--- Adds an encoded query to a normalized URL.
---@param text string
---@param query string without "?"
---@return string
function url.with_query(text, query)
  if query == "" then return text end
  return text .. (find(text, "?", 1, true) and "&" or "?") .. query
end

return url
