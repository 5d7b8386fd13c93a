-- response: what a server answered, to who awaits it. The body is there already; what reads it is awaitable, as in
-- aiohttp, and does not suspend.

local answer = require "lacuna.http.answer"
local coroutines = require "lacuna.kernel.coroutine"
local failures = require "lacuna.http.errors"

---@class lacuna.http.Response: lacuna.http.Answer
local Response = {}

local body_of = coroutines.async(function(self) return self.body end)

--- The body, as bytes. Awaitable; does not suspend, since the body is there already.
--- Source: aiohttp ClientResponse.read.
---@return lacuna.Coroutine body a string when awaited
function Response:read()
  return body_of(self)
end

--- The body as text: the bytes as they came, in the server's charset. Awaitable; does not suspend.
--- Source: aiohttp ClientResponse.text.
---@return lacuna.Coroutine text a string when awaited
function Response:text()
  return body_of(self)
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

--- Iterates over the body in portions of n bytes, the last one shorter.
--- Source: aiohttp StreamReader.iter_chunked.
---@param n? integer 65536
---@return fun(): string?
function Response:iter_chunked(n)
  return answer.chunks(self.body, n)
end

--- Iterates over the lines of the body, without their ends ("\n" or "\r\n").
--- Source: aiohttp iterating over ClientResponse.content.
---@return fun(): string?
function Response:iter_lines()
  return answer.lines(self.body)
end

--- Makes one of what a transfer brought: new(method, url, status, head, body, history?).
return { new = answer.class(Response, {}) }
