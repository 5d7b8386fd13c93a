-- requests: HTTP that blocks, as Python's requests does: nothing else of the thread runs until the answer is there. For
-- worker threads, for plain scripts, and for showing what lacuna.http is good for. What a request is, and what can go
-- wrong with it, is lacuna.http's; the connections are kept here from call to call.

local errors = require "lacuna.kernel.errors"
local answer = require "lacuna.http.answer"
local client = require "lacuna.http.client"
local curl = require "lacuna.native.curl"
local failures = require "lacuna.http.errors"
local time = require "lacuna.time"

---@class lacuna.requests.Response: lacuna.http.Answer
---@field status_code integer
---@field content string the body, as bytes
---@field text string the body in UTF-8, whatever charset the server named
local Response = {}

local fields = {}

function fields.status_code(self)
  return self.status
end

function fields.content(self)
  return self.body
end

-- Where aiohttp raises, Python's requests replaces: bytes that are none of the charset's leave the body as it came.
function fields.text(self)
  local ok, text = pcall(self.decode, self, self.body)
  return ok and text or self.body
end

--- The body decoded from JSON; null is `json.null`.
--- Errors: ValueError if the body is no JSON.
--- Source: requests.Response.json.
---@return any
function Response:json()
  return require("lacuna.json").decode(self.text)
end

--- Iterates over the body in portions of n bytes, the last one shorter.
--- Source: requests.Response.iter_content.
---@param n? integer 65536
---@return fun(): string?
function Response:iter_content(n)
  return answer.chunks(answer.whole(self.body), n)
end

--- Iterates over the lines of the body, without their ends ("\n" or "\r\n").
--- Source: requests.Response.iter_lines.
---@return fun(): string?
function Response:iter_lines()
  return answer.lines(answer.whole(self.body))
end

--- Lets the response go: nothing is left to do, for its body is there.
--- Source: requests.Response.close.
function Response:close() end

local new_response, response_class = answer.class(Response, fields)
response_class.can_travel = true -- between threads: it is data, of no loop

-- What http/connector.lua is to a session that waits.
local Connector = {}
Connector.__index = Connector

--- The clock of time-outs.
---@return number seconds
function Connector.time()
  return time.monotonic()
end

--- Makes an exchange, to be filled in, then transferred once.
---@return lacuna.http.Exchange a plain table here
function Connector:new_exchange()
  return { connector = self }
end

--- Transfers an exchange: fills in its status, head and body, or its failure. Blocks the thread until it has ended.
---@param exchange lacuna.http.Exchange
function Connector:transfer(exchange)
  io.stdout:flush()
  local timeout = exchange.timeout
  local status, head, body, code, text = self.native:perform(exchange.url, exchange.method, exchange.headers,
    exchange.data, exchange.verify, exchange.total, timeout.connect, timeout.sock_read, exchange.proxy)
  if status then
    exchange.status, exchange.head, exchange.body = status, head, body
  else
    exchange.failure = { kind = head, detail = body, code = code, text = text }
  end
end

---@class lacuna.requests.Session connections, headers, cookies and other settings that requests share
---@field cookie_jar lacuna.http.CookieJar
local Session = {}
Session.__index = Session

-- The session's connections, opened when first needed: that loads libcurl.
function Session:pool()
  if not self.connector then
    local native, message = curl.open_blocking()
    if not native then error(errors.OSError(message), 0) end
    self.connector = setmetatable({ native = native }, Connector)
  end
  return self.connector
end

--- Makes a request and blocks the thread until it has been answered; the loop stands still. Redirects are followed (not
--- for HEAD). There is no time-out unless one is given.
--- Errors: TypeError for an unknown option, ValueError, and those of lacuna.http: InvalidURL, ClientConnectorError,
--- ServerDisconnectedError, ClientPayloadError, ClientResponseError, TooManyRedirects, TimeoutError.
--- Source: requests.Session.request.
---@param method string
---@param url string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.requests.Response
function Session:request(method, url, opts)
  if type(method) ~= "string" or not method:find("^%a+$") then
    error(errors.ValueError(("request: %s is not an HTTP method"):format(tostring(method))), 2)
  end
  return client.perform(self, method:upper(), url, client.check(self, opts))
end

--- Closes the connections; what is asked afterwards fails. Closing twice is fine.
--- Source: requests.Session.close.
function Session:close()
  self.closed = true
  if self.connector then self.connector.native:close() end
  self.connector = nil
end

function Session.__aenter(self)
  return self
end

function Session.__aexit(self)
  self:close()
end

local requests = {}

for name, class in pairs(failures) do
  if type(class) == "table" then requests[name] = class end
end

--- Makes a session; its settings are those of http.ClientSession, but for limits.
--- Errors: TypeError for an unknown option, InvalidURL for base_url, ValueError for headers or auth that cannot be
--- sent.
--- Source: requests.Session.
---@param opts? lacuna.http.SessionOptions
---@return lacuna.requests.Session
function requests.Session(opts)
  return setmetatable((client.new("Session", opts, false, new_response)), Session)
end

local shared -- of this Lua state

--- Session:request on a session that all calls share: connections are kept, cookies are not.
--- Source: requests.request.
---@param method string
---@param url string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.requests.Response
function requests.request(method, url, opts)
  shared = shared or requests.Session()
  shared.cookie_jar:clear()
  return shared:request(method, url, opts)
end

requests.Response = response_class -- the name it travels by

--- Closes the connections that are kept from call to call; the next one opens new ones.
function requests.close()
  if shared then shared:close() end
  shared = nil
end

--- Makes a request with this method; waits, and blocks the loop, until the whole body is there. Options as for
--- requests.request.
--- Source: Python's requests.get and its like, and the methods of a Session.
---@param url string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.requests.Response
for _, method in ipairs { "get", "post", "put", "patch", "delete", "head", "options" } do
  Session[method] = function(self, url, opts) return self:request(method, url, opts) end
  requests[method] = function(url, opts) return requests.request(method, url, opts) end
end

return requests
