-- cookies: a jar as browsers and aiohttp keep one (RFC 6265): what servers set, and which of it goes back to whom.
-- No public suffix list: a Domain without a dot in it is refused, which keeps out "com" but not "co.uk".

local headers = require "lacuna.http.headers"
local time = require "lacuna.time"
local url = require "lacuna.http.url"

local MOST, LARGEST_BYTES = 3000, 4096 -- cookies in a jar, name and value of one: browsers' limits

local cookies = {}

local month_numbers = {
  jan = 1, feb = 2, mar = 3, apr = 4, may = 5, jun = 6, jul = 7, aug = 8, sep = 9, oct = 10, nov = 11, dec = 12,
}

-- Seconds since 1970 of "Wed, 21 Oct 2015 07:28:00 GMT" or "21-Oct-15 07:28:00"; nil for what is no date.
local function parse_date(text)
  local day, month, year, hour, minute, second = text:match("(%d%d?)[ -](%a%a%a)%a*[ -](%d+) (%d+):(%d+):(%d+)")
  month = month and month_numbers[month:lower()]
  if not month then return nil end
  year = tonumber(year)
  if year < 100 then year = year + (year < 70 and 2000 or 1900) end
  local shifted = month <= 2 and year - 1 or year -- years that begin in March: the leap day is then the last
  local days = 365 * shifted + math.floor(shifted / 4) - math.floor(shifted / 100) + math.floor(shifted / 400)
    + math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 719469
  return ((days * 24 + hour) * 60 + minute) * 60 + second
end

--- Parses the value of a Set-Cookie field.
---@param text string
---@return table? cookie {name, value, attributes: lower-case name → value, "" without one}; nil if it is none
function cookies.parse(text)
  local pair, rest = text:match("^([^;]*)(.*)$")
  local name, value = pair:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
  if not name or name == "" or #name + #value > LARGEST_BYTES then return nil end
  value = value:match('^"(.*)"$') or value
  local attributes = {}
  for attribute in rest:gmatch(";([^;]*)") do
    local key, given = attribute:match("^%s*([^=]-)%s*=%s*(.-)%s*$")
    attributes[(key or attribute:match("^%s*(.-)%s*$")):lower()] = given or ""
  end
  return { name = name, value = value, attributes = attributes }
end

local function is_address(host)
  return host:find("^%[") or host:find("^%d+%.%d+%.%d+%.%d+$")
end

local function matches_domain(host, domain)
  return host == domain or (not is_address(host) and host:sub(-#domain - 1) == "." .. domain)
end

local function matches_path(path, prefix)
  return path == prefix
    or path:sub(1, #prefix) == prefix and (prefix:sub(-1) == "/" or path:sub(#prefix + 1, #prefix + 1) == "/")
end

---@class lacuna.http.CookieJar
local Jar = {}
Jar.__index = Jar

--- An empty jar.
---@return lacuna.http.CookieJar
function cookies.jar()
  return setmetatable({ list = {} }, Jar) -- in order of creation
end

local function is_same(a, b)
  return a.name == b.name and a.domain == b.domain and a.path == b.path and a.is_host_only == b.is_host_only
end

local function put(self, cookie, is_deleted)
  local list = self.list
  for i, other in ipairs(list) do
    if is_same(cookie, other) then
      if is_deleted then table.remove(list, i) else list[i] = cookie end
      return
    end
  end
  if is_deleted then return end
  if #list >= MOST then table.remove(list, 1) end
  list[#list + 1] = cookie
end

--- Adds cookies that go to every host.
--- Source: aiohttp CookieJar.update_cookies.
---@param values table<string, string|number>
function Jar:update_cookies(values)
  local names = {}
  for name in pairs(values) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do put(self, { name = name, value = tostring(values[name]), path = "/" }) end
end

--- Stores what a response sets; what its server may not set is left out.
---@param fields lacuna.http.Headers
---@param address string the URL of the request, normalized
function Jar:store(fields, address)
  local _, host, path = url.parts(address)
  for _, text in ipairs(fields:get_all("Set-Cookie")) do
    local parsed = cookies.parse(text)
    if parsed then
      local attributes = parsed.attributes
      local domain = (attributes.domain or ""):lower():gsub("^%.", "")
      local cookie = { name = parsed.name, value = parsed.value, is_host_only = domain == "" or domain == host }
      cookie.domain = domain == "" and host or domain
      cookie.path = (attributes.path or ""):sub(1, 1) == "/" and attributes.path or path:match("^(/.*)/") or "/"
      cookie.is_secure = attributes.secure ~= nil
      local seconds = tonumber(attributes["max-age"])
      if seconds then
        cookie.expires_at = time.time() + seconds
      elseif attributes.expires then
        cookie.expires_at = parse_date(attributes.expires)
      end
      if cookie.is_host_only or (matches_domain(host, domain) and domain:find(".", 1, true)) then
        put(self, cookie, cookie.expires_at and cookie.expires_at <= time.time())
      end
    end
  end
end

local function goes_before(a, b)
  if (a.cookie.domain ~= nil) ~= (b.cookie.domain ~= nil) then return a.cookie.domain ~= nil end
  if #a.cookie.path ~= #b.cookie.path then return #a.cookie.path > #b.cookie.path end
  return a.position < b.position
end

-- Calls fn with each cookie that goes to an address, one of a name: what a server has set before what goes to every
-- host, longer paths first, then in order of creation.
local function each_for(self, address, fn)
  local scheme, host, path = url.parts(address)
  local now, sent, seen = time.time(), {}, {}
  for position, cookie in ipairs(self.list) do
    local is_sent = (not cookie.domain or matches_domain(host, cookie.domain))
      and (not cookie.is_host_only or host == cookie.domain)
      and matches_path(path, cookie.path)
      and (not cookie.is_secure or scheme == "https")
      and (not cookie.expires_at or cookie.expires_at > now)
    if is_sent then sent[#sent + 1] = { cookie = cookie, position = position } end
  end
  table.sort(sent, goes_before)
  for _, each in ipairs(sent) do
    local cookie = each.cookie
    if not seen[cookie.name] then fn(cookie.name, cookie.value) end
    seen[cookie.name] = true
  end
end

--- The cookies that would go to a URL.
--- Source: aiohttp CookieJar.filter_cookies.
---@param address string
---@return table<string, string> by name
function Jar:filter_cookies(address)
  local values = {}
  each_for(self, url.normalize(address) or address, function(name, value) values[name] = value end)
  return values
end

--- Forgets all cookies.
--- Source: aiohttp CookieJar.clear.
function Jar:clear()
  self.list = {}
end

--- The Cookie header for a request: what the request brings itself, then what the jar has for that address.
---@param jar? lacuna.http.CookieJar
---@param address string normalized
---@param own? table<string, string|number>
---@return string? line encoded; nil for none
---@return string? reason why what the request brings cannot be sent
function cookies.header(jar, address, own)
  local pairs_text, own_names = {}, {}
  if own then
    for name in pairs(own) do own_names[#own_names + 1] = name end
    table.sort(own_names)
    for _, name in ipairs(own_names) do
      local value = tostring(own[name])
      if name == "" or name:find("[%c%s;=]") or value:find("[%c;]") then
        return nil, ("cookie %s: its name or value cannot be sent"):format(name)
      end
      pairs_text[#pairs_text + 1] = name .. "=" .. value
    end
  end
  if jar then
    each_for(jar, address, function(name, value)
      if not own or own[name] == nil then pairs_text[#pairs_text + 1] = name .. "=" .. value end
    end)
  end
  if #pairs_text == 0 then return nil end
  return (headers.encode { Cookie = table.concat(pairs_text, "; ") })[1]
end

return cookies
