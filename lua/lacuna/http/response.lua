-- response: what a server answered, to who awaits it. It is here as soon as its head is; its body comes while it is
-- read.

local answer = require "lacuna.http.answer"
local coroutines = require "lacuna.kernel.coroutine"
local failures = require "lacuna.http.errors"
local options_module = require "lacuna.kernel.options"

---@class lacuna.http.Response: lacuna.http.Answer
---@field body string|false what has been read whole
---@field source lacuna.http.Source? once some of it has been iterated over
---@field exchange lacuna.http.Exchange? where the body comes from while it is not whole
local Response = {}

--- What `await(response:read())` gives, at once in the running task: the body, or what is left of it if some has been
--- iterated over.
---@return string
function Response:read_whole()
  if self.body then return self.body end
  local portions, exchange = { self.source and answer.take(self.source) }, self.exchange
  repeat
    local portion = exchange.connector:read(exchange)
    portions[#portions + 1] = portion
  until not portion
  self.body = table.concat(portions)
  return self.body
end

local body_of = coroutines.async(Response.read_whole)
coroutines.names[Response.read_whole] = "Response.read"

local function source_of(self)
  if self.body then return answer.whole(self.body) end
  if not self.source then
    local exchange = self.exchange
    self.source = answer.source(function() return exchange.connector:read(exchange) end)
  end
  return self.source
end

--- The body, as bytes. Awaitable; suspends until all of it has come.
--- Errors, when awaited: ClientPayloadError, TimeoutError or ClientConnectionError if it does not come.
--- Source: aiohttp ClientResponse.read.
---@return lacuna.Coroutine body a string when awaited
function Response:read()
  return body_of(self)
end

local text_of = coroutines.async(function(self, encoding)
  return self:decode(self:read_whole(), encoding)
end)

--- The body as text, in UTF-8 whatever charset the server names. Awaitable, as read is.
--- Errors, when awaited: ValueError for bytes that the charset does not have.
--- Source: aiohttp ClientResponse.text.
---@param options? {encoding: string} the charset of the body instead of the one that the server names
---@return lacuna.Coroutine text a string when awaited
function Response:text(options)
  return text_of(self, options_module.check("text", options, { encoding = "string" }).encoding)
end

local function is_json(content_type)
  return content_type:find("^application/json$") or content_type:find("^application/[%w.+-]+%+json$")
end

local function decode(self, content_type)
  local expected = content_type == nil and is_json(self.content_type) or content_type == self.content_type
  if content_type ~= false and not expected then
    local err = failures.ContentTypeError(("%s %s: not JSON: the content type is %s"):format(
      self.method, self.url, self.content_type))
    err.status, err.method, err.url, err.headers = self.status, self.method, self.url, self.headers
    error(err, 0)
  end
  local body = self:decode(self:read_whole())
  if not body:find("%S") then return nil end
  return require("lacuna.json").decode(body)
end
local decode_body = coroutines.async(decode)
coroutines.names[decode] = "Response.json"

--- The body decoded from JSON; null is `json.null`, an empty body nil. Awaitable, as read is.
--- Errors, when awaited: http.ContentTypeError unless the content type is application/json or …+json, ValueError if the
--- body is no JSON, or not in its charset.
--- Source: aiohttp ClientResponse.json.
---@param options? {content_type: string|false} another content type to expect; false: any
---@return lacuna.Coroutine value any value when awaited
function Response:json(options)
  return decode_body(self, options_module.check("json", options, { content_type = "string boolean" }).content_type)
end

--- Iterates over the body as it comes, in portions of at most n bytes. May suspend, and raise what read raises.
--- Source: aiohttp StreamReader.iter_chunked.
---@param n? integer 65536
---@return fun(): string?
function Response:iter_chunked(n)
  return answer.chunks(source_of(self), n)
end

--- Iterates over the lines of the body, without their ends ("\n" or "\r\n"). May suspend, and raise what read raises.
--- Source: aiohttp iterating over ClientResponse.content.
---@return fun(): string?
function Response:iter_lines()
  return answer.lines(source_of(self))
end

--- Lets the response go, as leaving async.with does: a body that has not been read cannot be read any more. If it has
--- not come, its connection is closed; otherwise that is back in the session already.
--- Source: aiohttp ClientResponse.close.
function Response:close()
  if not self.body then self.exchange.connector:release(self.exchange) end
end

--- Makes one of what a transfer brought: new(method, url, status, head, body, history?).
return { new = answer.class(Response, {}) }
