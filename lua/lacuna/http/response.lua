-- response: what a server answered, with its body.
-- Head and body are strings as they came; what is derived from the head is derived when it is first asked for.

local coroutines = require "lacuna.kernel.coroutine"
local failures = require "lacuna.http.errors"
local headers = require "lacuna.http.headers"

---@class lacuna.http.Response
---@field status integer
---@field reason string "OK"; "" if the server sent none
---@field headers lacuna.http.Headers looked up whatever the case
---@field url string after redirects
---@field method string after redirects
---@field history lacuna.http.Response[] the redirects on the way, oldest first
---@field ok boolean whether status is below 400
---@field content_type string without parameters, in lower case; "application/octet-stream" if the server sent none
---@field charset string? of the content type, in lower case
local Response = {}

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

function Response.__index(self, key)
  local method = Response[key]
  if method ~= nil then return method end
  local derive = derived[key]
  if not derive then return nil end
  local value = derive(self)
  rawset(self, key, value)
  return value
end

function Response.__tostring(self)
  return ("<Response(%s) [%d %s]>"):format(self.url, self.status, self.reason)
end

--- Makes one of what a transfer brought.
---@param method string
---@param url string
---@param status integer
---@param head string
---@param body string
---@param history? lacuna.http.Response[]
---@return lacuna.http.Response
function Response.new(method, url, status, head, body, history)
  local self = { method = false, url = false, status = false, head = false, body = false }
  self.method, self.url, self.status, self.head, self.body, self.history = method, url, status, head, body, history
  return setmetatable(self, Response)
end

--- The body, as bytes. Awaitable; does not suspend, since the body is there already.
--- Source: aiohttp ClientResponse.read.
---@return lacuna.Coroutine body a string when awaited
function Response:read()
  return Response.read_body(self)
end
Response.read_body = coroutines.async(function(self) return self.body end)

--- The body as text: the bytes as they came, in the server's charset. Awaitable; does not suspend.
--- Source: aiohttp ClientResponse.text.
---@return lacuna.Coroutine text a string when awaited
function Response:text()
  return Response.read_body(self)
end

local function is_json(content_type)
  return content_type:find("^application/json$") or content_type:find("^application/[%w.+-]+%+json$")
end

local decode_body = coroutines.async(function(self, content_type)
  local expected = content_type == nil and is_json(self.content_type) or content_type == self.content_type
  if content_type ~= false and not expected then
    local err = failures.ContentTypeError(("%s %s: not JSON: the content type is %s"):format(
      self.method, self.url, self.content_type))
    err.status, err.method, err.url, err.headers = self.status, self.method, self.url, self.headers
    error(err, 0)
  end
  if not self.body:find("%S") then return nil end
  return require("lacuna.json").decode(self.body)
end)

--- The body decoded from JSON; null is `json.null`, an empty body nil. Awaitable; does not suspend.
--- Errors, when awaited: http.ContentTypeError unless the content type is application/json or …+json, ValueError if the
--- body is no JSON.
--- Source: aiohttp ClientResponse.json.
---@param options? {content_type: string|false} another content type to expect; false: any
---@return lacuna.Coroutine value any value when awaited
function Response:json(options)
  return decode_body(self, options and options.content_type)
end

--- Raises if the status is 400 or above.
--- Errors: http.ClientResponseError with .status, .reason, .headers, .method and .url.
--- Source: aiohttp ClientResponse.raise_for_status.
function Response:raise_for_status()
  if self.status < 400 then return end
  local err = failures.ClientResponseError(("%s %s: %d %s"):format(self.method, self.url, self.status, self.reason))
  err.status, err.reason, err.method, err.url, err.headers =
    self.status, self.reason, self.method, self.url, self.headers
  error(err, 2)
end

--- Lets the response go. Its connection went back to the session when the body was complete, so nothing is left to do.
--- Source: aiohttp ClientResponse.close.
function Response:close() end

return Response
