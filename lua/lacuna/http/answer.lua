-- answer: what the Responses of lacuna.http and of lacuna.requests have in common.
-- Head and body are strings as they came; what is derived from the head is derived when it is first asked for.

local cookies = require "lacuna.http.cookies"
local failures = require "lacuna.http.errors"
local errors = require "lacuna.kernel.errors"
local headers = require "lacuna.http.headers"
local options = require "lacuna.kernel.options"
local charset_module = require "lacuna.native.charset"

local answer = {}

local is_utf8 = { ["utf-8"] = true, ["utf8"] = true, ["us-ascii"] = true, ["ascii"] = true }

---@class lacuna.http.Source see answer.source
---@field next_portion fun(): string?
---@field portion string
---@field position integer in the portion, where what has not been given begins

---@class lacuna.http.Answer
---@field status integer
---@field reason string "OK"; "" if the server sent none
---@field headers lacuna.http.Headers looked up whatever the case
---@field url string after redirects
---@field method string after redirects
---@field history lacuna.http.Answer[] the redirects on the way, oldest first
---@field ok boolean whether status is below 400
---@field cookies table<string, string> what it sets, by name
---@field content_type string without parameters, in lower case; "application/octet-stream" if the server sent none
---@field charset string? of the content type, in lower case
local Answer = {}

local derived = {}

function derived.headers(self)
  return headers.object(headers.parse(self.head))
end

function derived.history()
  return {}
end

function derived.reason(self)
  return select(3, headers.parse_status(self.head))
end

function derived.ok(self)
  return self.status < 400
end

function derived.cookies(self)
  local values = {}
  for _, text in ipairs(self.headers:get_all("Set-Cookie")) do
    local cookie = cookies.parse(text)
    if cookie then values[cookie.name] = cookie.value end
  end
  return values
end

function derived.content_type(self)
  local value = self.headers["content-type"] or ""
  local name = value:match("^%s*([^;%s]+)")
  return name and name:lower() or "application/octet-stream"
end

function derived.charset(self)
  local value = self.headers["content-type"] or ""
  local name = value:lower():match(";%s*charset%s*=%s*\"?([^%s;\"]+)")
  return name
end

--- What a body says, as UTF-8.
--- Errors: ValueError for bytes that its charset does not have.
---@param body string
---@param encoding? string instead of the charset that the server named; one that is not known counts for nothing
---@return string
function Answer:decode(body, encoding)
  local charset = encoding or self.charset
  if not charset or is_utf8[charset:lower()] or not charset:find("^[%w._:+-]+$") then return body end
  local text, position = charset_module.decode(body, charset)
  if position then
    local problem = ("%s %s: byte %d of the body is not valid %s"):format(self.method, self.url, position, charset)
    error(errors.ValueError(problem), 2)
  end
  return text or body
end

--- Raises if the status is 400 or above.
--- Errors: http.ClientResponseError with .status, .reason, .headers, .method and .url.
--- Source: aiohttp ClientResponse.raise_for_status.
function Answer:raise_for_status()
  if self.status < 400 then return end
  local err = failures.ClientResponseError(("%s %s: %d %s"):format(self.method, self.url, self.status, self.reason))
  err.status, err.reason, err.method, err.url, err.headers =
    self.status, self.reason, self.method, self.url, self.headers
  error(err, 2)
end

--- What a body is iterated over from: portions of any size, and what has not been given of the last one. Iterators that
--- share a source go on where another one ended.
---@param next_portion fun(): string? nil at the end
---@return lacuna.http.Source
function answer.source(next_portion)
  return { next_portion = next_portion, portion = "", position = 1 }
end

--- A body that is whole, as a source.
---@param body string
---@return lacuna.http.Source
function answer.whole(body)
  return { next_portion = function() end, portion = body, position = 1 }
end

--- Takes what has come and has not been given yet.
---@param source lacuna.http.Source
---@return string
function answer.take(source)
  local rest = source.portion:sub(source.position)
  source.portion, source.position = "", 1
  return rest
end

-- Puts the next portion behind what has not been given; false at the end.
local function extend(source)
  local more = source.next_portion()
  if not more then return false end
  source.portion, source.position = answer.take(source) .. more, 1
  return true
end

--- Portions of at most n bytes, as they come: what is there is not kept back until there is more.
---@param source lacuna.http.Source
---@param n? integer 65536
---@return fun(): string?
function answer.chunks(source, n)
  n = n or 65536
  if type(n) ~= "number" or n < 1 then
    error(errors.ValueError("a portion must have at least 1 byte, not " .. options.describe(n)), 3)
  end
  return function()
    while source.position > #source.portion do
      if not extend(source) then return nil end
    end
    local chunk = source.portion:sub(source.position, source.position + n - 1)
    source.position = source.position + #chunk
    return chunk
  end
end

--- The lines, without their ends ("\n" or "\r\n").
---@param source lacuna.http.Source
---@return fun(): string?
function answer.lines(source)
  return function()
    local line_end = source.portion:find("\n", source.position, true)
    while not line_end do
      local unsearched = #source.portion - source.position + 2
      if not extend(source) then break end
      line_end = source.portion:find("\n", unsearched, true)
    end
    local portion, position = source.portion, source.position
    if position > #portion then return nil end
    line_end = line_end or #portion + 1
    source.position = line_end + 1
    return (portion:sub(position, line_end - 1):gsub("\r$", ""))
  end
end

--- A class of Responses: what an answer is, and fields and methods of its own.
---@param methods table
---@param fields table<string, fun(self: table): any> derived when first asked for
---@return fun(method: string, url: string, status: integer, head: string, body: string|false, history: table?): table
---@return table class
function answer.class(methods, fields)
  local class = {}

  function class.__index(self, key)
    local method = methods[key] or Answer[key]
    if method then return method end
    local derive = fields[key] or derived[key]
    if not derive then return nil end
    local value = derive(self)
    rawset(self, key, value)
    return value
  end

  function class.__tostring(self)
    return ("<Response(%s) [%d %s]>"):format(self.url, self.status, self.reason)
  end

  local function new(method, url, status, head, body, history)
    local self = { method = false, url = false, status = false, head = false, body = false }
    self.method, self.url, self.status, self.head, self.body = method, url, status, head, body
    if history then self.history = history end
    return setmetatable(self, class)
  end
  return new, class
end

return answer
