-- session: requests that share connections, headers and time-outs.
-- Calling session:get and its like starts nothing: it makes a Request, which runs when it is awaited or entered. One
-- request may take several exchanges, because redirects are followed here: each keeps its Response for `.history`.

local errors = require "lacuna.kernel.errors"
local trap = require "lacuna.kernel.trap"
local connector = require "lacuna.http.connector"
local failures = require "lacuna.http.errors"
local headers = require "lacuna.http.headers"
local options = require "lacuna.http.options"
local Response = require "lacuna.http.response"
local url = require "lacuna.http.url"

local DEFAULT_LIMIT, DEFAULT_TOTAL_SECONDS, DEFAULT_MAX_REDIRECTS = 100, 300, 10 -- aiohttp's

local is_redirect = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- What must not reach another host than the one it was given for.
local credentials = { ["authorization"] = true, ["cookie"] = true, ["proxy-authorization"] = true }
local describes_body = { ["content-type"] = true, ["content-length"] = true, ["expect"] = true }

---@class lacuna.http.Session
---@field closed boolean
local Session = {}
Session.__index = Session

---@class lacuna.http.RequestOptions
---@field params? table|string added to the URL's query
---@field data? string|table the body; a table is sent as a form
---@field headers? table<string, string|number|string[]>
---@field timeout? number|lacuna.http.Timeout|false seconds for all of it; false: none; the session's if nil
---@field allow_redirects? boolean true, but for HEAD
---@field max_redirects? integer 10; 0: any number
---@field verify? boolean|string the session's if nil; false: any certificate; or a CA's PEM file
---@field raise_for_status? boolean the session's if nil

---@class lacuna.http.SessionOptions
---@field base_url? string what relative URLs are relative to
---@field headers? table<string, string|number|string[]> of every request
---@field timeout? number|lacuna.http.Timeout|false 300 s for all of a request
---@field limit? integer connections at a time: 100; 0: any number
---@field limit_per_host? integer to one scheme, host and port: 0, any number
---@field verify? boolean|string
---@field raise_for_status? boolean false

---@class lacuna.http.Timeout seconds; nil or 0: none
---@field total? number for all of it, redirects and waiting for a connection included
---@field connect? number for waiting and connecting
---@field sock_read? number between two portions of a response

---@class lacuna.http.Request awaitable (→ Response) and a context manager (entering → Response)
local Request = {}

local function raise_invalid_url(method, text, reason)
  local err = failures.InvalidURL(("%s %s: not a valid URL: %s"):format(method, tostring(text), reason))
  err.method, err.url = method, text
  error(err, 0)
end

local function address_of(session, method, text, params)
  if type(text) ~= "string" then raise_invalid_url(method, text, "string expected, got " .. type(text)) end
  if text ~= session.last_address then
    local base = session.base_url
    local normalized, reason = url.normalize(base and url.join(base, text) or text)
    if not normalized then raise_invalid_url(method, text, reason) end
    session.last_address, session.last_url = text, normalized
  end
  if not params then return session.last_url end
  local query = params
  if type(params) == "table" then
    local form, reason = url.encode_form(params)
    if not form then error(errors.TypeError("params: " .. reason), 0) end
    query = form
  end
  return url.normalize(url.with_query(session.last_url, query))
end

-- The request's own headers on top of the session's, and those that its body needs, as encoded lines; nil for none.
local function header_lines(session, own, data)
  if not own and not data then return session.header_lines end
  local of_body
  if data and #data ~= 0 or type(data) == "table" then
    of_body = { ["Content-Type"] = type(data) == "table" and "application/x-www-form-urlencoded"
      or "text/plain; charset=utf-8" }
  end
  local lines, reason = headers.encode(of_body, session.headers, own)
  if not lines then error(errors.ValueError(reason), 0) end
  if data then -- take back what libcurl adds to a body: its own type, and a wait for "100 Continue"
    lines[#lines + 1] = "Content-Type:"
    lines[#lines + 1] = "Expect:"
  end
  return lines
end

local function body_of(method, data)
  if type(data) == "table" then
    local form, reason = url.encode_form(data)
    if not form then error(errors.TypeError("data: " .. reason), 0) end
    return form
  end
  if not data and (method == "POST" or method == "PUT" or method == "PATCH") then return "" end
  return data
end

-- The exchange that a redirect asks for, as aiohttp and browsers do.
local function redirected(exchange, response, location)
  local target, reason = url.normalize(url.join(exchange.url, location))
  if not target then
    raise_invalid_url(exchange.method, location, ("%s (redirected from %s)"):format(reason, exchange.url))
  end
  local following = exchange.connector:new_exchange()
  local status, method, data, lines = response.status, exchange.method, exchange.data, exchange.headers
  if (status == 303 and method ~= "HEAD") or ((status == 301 or status == 302) and method == "POST") then
    method, data = "GET", nil
    lines = lines and headers.without(lines, describes_body)
  end
  if lines and url.origin(target) ~= url.origin(exchange.url) then
    lines = headers.without(lines, credentials)
  end
  following.url, following.method, following.data, following.headers = target, method, data, lines
  following.verify = exchange.verify
  following.connect, following.sock_read = exchange.connect, exchange.sock_read
  return following
end

local function too_many_redirects(history)
  local first = history[1]
  local err = failures.TooManyRedirects(("%s %s: more than %d redirects"):format(
    first.method, first.url, #history - 1))
  err.status, err.history, err.method, err.url = history[#history].status, history, first.method, first.url
  error(err, 0)
end

local function transfer(exchange, history)
  exchange.connector:transfer(exchange)
  if exchange.failure then error(failures.of_exchange(exchange), 0) end
  return Response.new(exchange.method, exchange.url, exchange.status, exchange.head, exchange.body, history)
end

-- Runs a request in the current task; returns the final Response.
local function perform(request)
  if request.is_started then
    error(errors.RuntimeError("cannot reuse already awaited request: " .. tostring(request)), 0)
  end
  request.is_started = true
  local session, method, opts = request.session, request.method, request.opts
  if session.closed then error(errors.RuntimeError("Session is closed"), 0) end
  local timeout = request.timeout
  local data = body_of(method, opts.data)
  local verify = opts.verify
  if verify == nil then verify = session.verify end
  local exchange = session:pool():new_exchange()
  exchange.method = method
  exchange.url = address_of(session, method, request.url, opts.params)
  exchange.headers = header_lines(session, opts.headers, opts.data or data)
  exchange.data = data
  exchange.verify = verify
  exchange.total, exchange.connect, exchange.sock_read = timeout.total, timeout.connect, timeout.sock_read
  local follows = opts.allow_redirects
  if follows == nil then follows = method ~= "HEAD" end
  local loop = trap.running_loop()
  local deadline = timeout.total and loop:time() + timeout.total
  local most = opts.max_redirects or DEFAULT_MAX_REDIRECTS
  local history -- nil until there is any
  local response = transfer(exchange, nil)
  while follows and is_redirect[response.status] do
    local location = response.headers["Location"] or response.headers["URI"]
    if not location then break end
    history = history or {}
    history[#history + 1] = response
    response.history = {}
    if most > 0 and #history >= most then too_many_redirects(history) end
    exchange = redirected(exchange, response, location)
    exchange.total = deadline and math.max(deadline - loop:time(), 0.001)
    response = transfer(exchange, history)
  end
  local raises = opts.raise_for_status
  if raises == nil then raises = session.raise_for_status end
  if raises then response:raise_for_status() end
  return response
end

Request.__await = perform
Request.__aenter = perform
Request.__index = Request

function Request.__aexit() end -- the body has been read: the connection is back in the session already

function Request.__tostring(self)
  return ("<Request %s %s>"):format(self.method, tostring(self.url))
end

local no_options = {}

local request_options = {
  params = "table string",
  data = "string table",
  headers = "table",
  timeout = "number table boolean",
  allow_redirects = "boolean",
  max_redirects = "number",
  verify = "boolean string",
  raise_for_status = "boolean",
}

local function new_request(session, method, address, opts)
  local timeout = session.timeout
  if opts then
    options.check("request", opts, request_options)
    if opts.timeout ~= nil then timeout = options.timeout("request", opts.timeout) end
  end
  local request = -- constants first, as Connector:new_exchange says
    { session = false, method = false, url = false, opts = false, timeout = false, is_started = false }
  request.session, request.method, request.url, request.opts, request.timeout =
    session, method, address, opts or no_options, timeout
  return setmetatable(request, Request)
end

--- Makes a request; await it, or enter it with async.with, to send it and get the Response. Redirects are followed (not
--- for HEAD), up to `max_redirects` (10; 0: any number).
--- Errors here: TypeError for an unknown option, ValueError for a method that is none. Errors when awaited: InvalidURL,
--- ClientConnectorError, ServerDisconnectedError, ClientPayloadError, ClientResponseError, TooManyRedirects,
--- TimeoutError, and RuntimeError if the session is closed. Cancellation closes the connection.
--- Source: aiohttp ClientSession.request.
---@param method string
---@param address string absolute, or relative to the session's base_url
---@param opts? lacuna.http.RequestOptions
---@return lacuna.http.Request
function Session:request(method, address, opts)
  if type(method) ~= "string" or not method:find("^%a+$") then
    error(errors.ValueError(("request: %s is not an HTTP method"):format(tostring(method))), 2)
  end
  return new_request(self, method:upper(), address, opts)
end

--- Makes a request with this method; it starts when it is awaited or entered.
--- Source: aiohttp ClientSession.get and its like.
---@param address string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.http.Request
for _, method in ipairs { "get", "post", "put", "patch", "delete", "head", "options" } do
  local name = method:upper()
  Session[method] = function(self, address, opts)
    return new_request(self, name, address, opts)
  end
end

--- The session's connections, opened when first needed: that loads libcurl.
---@return lacuna.http.Connector
function Session:pool()
  if not self.connector then self.connector = connector.open(self.limit, self.limit_per_host) end
  return self.connector
end

-- What close returns: there is nothing to wait for, and scripts that say await(session:close()) may.
local nothing = setmetatable({}, { __await = function() end })

--- Closes the session and its connections; what still runs fails with ClientConnectionError. Closing twice is fine.
--- It has closed when it returns; awaiting the result is allowed.
--- Source: aiohttp ClientSession.close.
---@return table awaitable
function Session:close()
  if not self.closed then
    self.closed = true
    if self.connector then self.connector:close() end
    self.connector = nil
  end
  return nothing
end

function Session.__aenter(self)
  return self
end

function Session.__aexit(self)
  self:close()
end

local session_options = {
  base_url = "string",
  headers = "table",
  timeout = "number table boolean",
  limit = "number",
  limit_per_host = "number",
  verify = "boolean string",
  raise_for_status = "boolean",
}

--- Makes a session. Opens nothing yet.
--- Errors: TypeError for an unknown option, InvalidURL for base_url, ValueError for headers that cannot be sent.
--- Source: aiohttp ClientSession and TCPConnector.
---@param opts? lacuna.http.SessionOptions
---@return lacuna.http.Session
function Session.new(opts)
  opts = options.check("ClientSession", opts, session_options)
  local timeout = opts.timeout
  if timeout == nil or timeout == true then timeout = DEFAULT_TOTAL_SECONDS end
  local lines, reason
  if opts.headers then
    lines, reason = headers.encode(opts.headers)
    if not lines then error(errors.ValueError("ClientSession: " .. reason), 2) end
  end
  if opts.base_url then
    local normalized
    normalized, reason = url.normalize(opts.base_url)
    if not normalized then raise_invalid_url("ClientSession", opts.base_url, reason) end
  end
  return setmetatable({
    base_url = opts.base_url,
    headers = opts.headers,
    header_lines = lines,
    timeout = options.timeout("ClientSession", timeout),
    limit = opts.limit or DEFAULT_LIMIT,
    limit_per_host = opts.limit_per_host or 0,
    verify = opts.verify,
    raise_for_status = opts.raise_for_status or false,
    last_address = false, -- one address is often asked for again and again
    last_url = false, -- what it is, normalized
    closed = false,
  }, Session)
end

return Session
