-- session: requests that share connections, headers, cookies and time-outs.
-- Calling session:get and its like starts nothing: it makes a Request, which runs when it is awaited or entered.
-- Either gives a Response as soon as its head is there. An entered one's body comes at the reader's pace, for leaving
-- lets it go; an awaited one's goes on coming until somebody reads it in portions, for nothing may ever let it go.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local client = require "lacuna.http.client"
local connector = require "lacuna.http.connector"
local check_object = require("lacuna.kernel.options").check_object
local response = require "lacuna.http.response"

local DEFAULT_LIMIT, DEFAULT_TOTAL_SECONDS = 100, 300 -- aiohttp's

local perform, check, setmetatable = client.perform, client.check, setmetatable

---@class lacuna.http.Session
---@field closed boolean
---@field cookie_jar lacuna.http.CookieJar what servers have set, and the cookies given
local Session = {}
Session.__index = Session

---@class lacuna.http.SessionOptions
---@field base_url? string what relative URLs are relative to
---@field headers? table<string, string|number|string[]> of every request
---@field cookies? table<string, string|number> of every request
---@field auth? {[1]: string, [2]: string} user and password of every request
---@field timeout? number|lacuna.http.Timeout|false 300 s for all of a request
---@field limit? integer connections at a time: 100; 0: any number
---@field limit_per_host? integer to one scheme, host and port: 0, any number
---@field proxy? string URL of an HTTP proxy
---@field verify? boolean|string
---@field raise_for_status? boolean false

---@class lacuna.http.Request awaitable (→ Response) and a context manager (entering → Response)
local Request = coroutines.guard {}

local function start(self, is_streamed, is_paced)
  if self.is_started then
    error(errors.RuntimeError("cannot reuse already awaited request: make another of " .. tostring(self)), 0)
  end
  self.is_started = true
  return perform(self.session, self.method, rawget(self, "url"), self.opts, self.timeout, is_streamed, is_paced)
end

function Request.__await(self)
  return start(self, not self.is_whole)
end

function Request.__aenter(self)
  self.response = start(self, true, true)
  return self.response
end

function Request.__aexit(self)
  self.response:close()
end

function Request.__tostring(self)
  return ("<Request %s %s>"):format(self.method, tostring(rawget(self, "url"))) -- it may be nil, and wrong
end

local function new_request(session, method, address, opts)
  check_object(session, Session, "session:get(…)")
  local request = -- constants first, as Connector:new_exchange says
    { session = false, method = false, url = false, opts = false, timeout = false, is_started = false,
      is_whole = false }
  request.session, request.method, request.url = session, method, address
  request.opts, request.timeout = check(session, opts)
  return setmetatable(request, Request)
end

--- Makes a request; await it, or enter it with async.with, to send it and get the Response, which is there before its
--- body. Redirects are followed (not for HEAD), up to `max_redirects` (10; 0: any number).
--- Errors here: TypeError for an unknown option, ValueError for a method that is none. Errors when awaited: InvalidURL,
--- ClientConnectorError, ServerDisconnectedError, ClientResponseError, TooManyRedirects, TimeoutError, and RuntimeError
--- if the session is closed; what breaks off a body is raised where that is read. Cancellation closes the connection.
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

function Session.__tostring(self)
  local base = self.base_url and " base_url=" .. self.base_url or ""
  return ("<ClientSession%s closed=%s>"):format(base, tostring(self.closed))
end

function Session.__aenter(self)
  return self
end

function Session.__aexit(self)
  self:close()
end

--- Makes a session. Opens nothing yet.
--- Errors: TypeError for an unknown option, InvalidURL for base_url, ValueError for headers or auth that cannot be
--- sent, and for a negative limit.
--- Source: aiohttp ClientSession and TCPConnector.
---@param opts? lacuna.http.SessionOptions
---@return lacuna.http.Session
function Session.new(opts)
  local session, given = client.new("ClientSession", opts, DEFAULT_TOTAL_SECONDS, response.new)
  session.limit, session.limit_per_host = given.limit or DEFAULT_LIMIT, given.limit_per_host or 0
  if session.limit < 0 or session.limit_per_host < 0 then
    error(errors.ValueError("ClientSession: a limit must not be negative"), 2)
  end
  return setmetatable(session, Session)
end

return Session
