-- client: what the sessions that wait (http/session.lua) and those that block (requests.lua) have in common: their
-- settings, and how a request becomes exchanges and a Response. One request may take several exchanges, because
-- redirects are followed here: each keeps its Response for `.history`. How an exchange gets over the wire is its
-- connector's.

local errors = require "lacuna.kernel.errors"
local authorization = require "lacuna.http.authorization"
local cookies = require "lacuna.http.cookies"
local failures = require "lacuna.http.errors"
local headers = require "lacuna.http.headers"
local options = require "lacuna.kernel.options"
local timeouts = require "lacuna.http.timeouts"
local url = require "lacuna.http.url"

local find = string.find

local DEFAULT_MAX_REDIRECTS = 10 -- aiohttp's

local is_redirect = { [301] = true, [302] = true, [303] = true, [307] = true, [308] = true }

-- What must not reach another host than the one it was given for.
local credentials = { ["authorization"] = true, ["cookie"] = true, ["proxy-authorization"] = true }
local describes_body = { ["content-type"] = true, ["content-length"] = true, ["expect"] = true }

local client = {}

---@class lacuna.http.RequestOptions
---@field params? table|string added to the URL's query
---@field data? string|table the body; a table is sent as a form
---@field json? any the body, encoded as JSON; instead of data
---@field headers? table<string, string|number|string[]>
---@field auth? {[1]: string, [2]: string} user and password, sent as Basic authorization; the session's if nil
---@field cookies? table<string, string|number> beside the session's
---@field timeout? number|lacuna.http.Timeout|false seconds for all of it; false: none; the session's if nil
---@field allow_redirects? boolean true, but for HEAD
---@field max_redirects? integer 10; 0: any number
---@field proxy? string URL of an HTTP proxy; the session's if nil
---@field verify? boolean|string the session's if nil; false: any certificate; or a CA's PEM file
---@field raise_for_status? boolean the session's if nil

---@class lacuna.http.Timeout seconds; nil or 0: none
---@field total? number for all of it, redirects and waiting for a connection included
---@field connect? number for waiting and connecting
---@field sock_read? number between two portions of a response

local function raise_invalid_url(method, text, reason)
  local err = failures.InvalidURL(("%s %s: not a valid URL: %s"):format(method, tostring(text), reason))
  err.method, err.url = method, text
  error(err, 0)
end

-- Where a request goes, and the user and password that its address had in it.
local function address_of(session, method, text, params)
  if type(text) ~= "string" then raise_invalid_url(method, text, "string expected, got " .. type(text)) end
  if text ~= session.last_address then
    local base = session.base_url
    local normalized, reason = url.normalize(base and url.join(base, text) or text)
    if not normalized then raise_invalid_url(method, text, reason) end
    local bare, auth = url.without_credentials(normalized)
    session.last_address, session.last_url, session.last_auth = text, bare, auth or false
  end
  if not params then return session.last_url, session.last_auth end
  local query = params
  if type(params) == "table" then
    local encoded, reason = url.encode_query(params)
    if not encoded then error(errors.TypeError("params: " .. reason), 0) end
    query = encoded
  end
  return url.normalize(url.with_query(session.last_url, query)), session.last_auth
end

-- The body of a request, and its content type; nil for none.
local function body_of(method, opts)
  local data = opts.data
  if opts.json ~= nil then
    if data ~= nil then
      error(errors.ValueError("data and json parameters can not be used at the same time"), 0)
    end
    return require("lacuna.json").encode(opts.json), "application/json"
  end
  if type(data) == "table" then
    local form, reason = url.encode_form(data)
    if not form then error(errors.TypeError("data: " .. reason), 0) end
    return form, "application/x-www-form-urlencoded"
  end
  if not data and (method == "POST" or method == "PUT" or method == "PATCH") then return "" end
  return data, data and data ~= "" and "text/plain; charset=utf-8" or nil
end

-- The request's own headers on top of the session's, and those that its body needs, as encoded lines; nil for none.
local function header_lines(session, opts, data, content_type, auth)
  local own = opts.headers
  if not own and not data and not auth then return session.header_lines end
  local of_auth
  if auth then
    local value, reason = authorization.basic(auth)
    if not value then error(errors.ValueError("auth: " .. reason), 0) end
    of_auth = { Authorization = value }
  end
  local lines, reason = headers.encode({ ["Content-Type"] = content_type }, session.headers, of_auth, own)
  if not lines then error(errors.ValueError(reason), 0) end
  if data then -- take back what libcurl adds to a body: its own type, and a wait for "100 Continue"
    lines[#lines + 1] = "Content-Type:"
    lines[#lines + 1] = "Expect:"
  end
  return lines
end

-- The headers of one exchange: the request's and the cookies that go to its address.
local function with_cookies(session, address, lines, own)
  local line, reason = cookies.header(session.cookie_jar, address, own)
  if reason then error(errors.ValueError(reason), 0) end
  if not line then return lines end
  local more = {}
  for i, each in ipairs(lines or {}) do
    if each:lower():find("^cookie:") then return lines end -- what a header says is not added to
    more[i] = each
  end
  more[#more + 1] = line
  return more
end

-- Runs one exchange; what is answered sets cookies.
local function transfer(session, exchange, lines, own_cookies, history)
  local jar = session.cookie_jar
  local has_cookies = own_cookies or jar.list[1]
  exchange.headers = has_cookies and with_cookies(session, exchange.url, lines, own_cookies) or lines
  exchange.connector:transfer(exchange)
  local head = exchange.head
  if not head then error(failures.of_exchange(exchange), 0) end
  local body = not exchange.is_streamed and exchange.body
  local response = session.new_response(exchange.method, exchange.url, exchange.status, head, body, history)
  if not body then response.exchange = exchange end
  if find(head, "ookie:", 1, true) or find(head, "OOKIE:", 1, true) then jar:store(response.headers, exchange.url) end
  return response
end

-- Reads what is left of a redirect's body, for its connection is wanted again.
local function read_whole(response)
  local ok, err = pcall(response.read_whole, response)
  if ok then return end
  response:close()
  error(err, 0)
end

-- The exchange that a redirect asks for, as aiohttp and browsers do, its headers, and whether it goes to another host.
local function redirected(exchange, lines, response, location)
  local target, reason = url.normalize(url.join(exchange.url, location))
  if not target then
    raise_invalid_url(exchange.method, location, ("%s (redirected from %s)"):format(reason, exchange.url))
  end
  local following = exchange.connector:new_exchange()
  local status, method, data = response.status, exchange.method, exchange.data
  if (status == 303 and method ~= "HEAD") or ((status == 301 or status == 302) and method == "POST") then
    method, data = "GET", nil
    lines = lines and headers.without(lines, describes_body)
  end
  local is_elsewhere = url.origin(target) ~= url.origin(exchange.url)
  if lines and is_elsewhere then lines = headers.without(lines, credentials) end
  local bare, auth = url.without_credentials(target)
  if auth then
    local value
    value, reason = authorization.basic(auth)
    if not value then raise_invalid_url(exchange.method, location, reason) end
    lines = lines and headers.without(lines, { authorization = true }) or {}
    lines[#lines + 1] = "Authorization: " .. value
  end
  following.url, following.method, following.data = bare, method, data
  following.verify, following.proxy, following.timeout = exchange.verify, exchange.proxy, exchange.timeout
  following.is_streamed, following.is_paced = exchange.is_streamed, exchange.is_paced
  return following, lines, is_elsewhere
end

local function too_many_redirects(history)
  local first = history[1]
  local err = failures.TooManyRedirects(("%s %s: more than %d redirects"):format(
    first.method, first.url, #history - 1))
  err.status, err.history, err.method, err.url = history[#history].status, history, first.method, first.url
  error(err, 0)
end

local function either(own, default)
  if own == nil then return default end
  return own
end

--- Runs a request to its end: in the current task, or blocking, as the session's connector does.
--- Errors: those of session:request.
---@param session table what client.new gave, with `pool()` → a connector
---@param method string
---@param address string
---@param opts lacuna.http.RequestOptions
---@param timeout lacuna.http.Timeout
---@param is_streamed? boolean the Response is there as soon as its head is
---@param is_paced? boolean the server has to wait for who reads the body
---@return lacuna.http.Response
function client.perform(session, method, address, opts, timeout, is_streamed, is_paced)
  if session.closed then error(errors.RuntimeError("Session is closed"), 0) end
  local connector = session:pool()
  local exchange = connector:new_exchange()
  exchange.method = method
  local url_auth
  exchange.url, url_auth = address_of(session, method, address, opts.params)
  if url_auth and opts.auth then
    error(errors.ValueError("auth and credentials in the URL can not be used at the same time"), 0)
  end
  local data, content_type = body_of(method, opts)
  local lines, own_cookies = header_lines(session, opts, data, content_type, opts.auth or url_auth), opts.cookies
  exchange.data = data
  exchange.verify = either(opts.verify, session.verify)
  exchange.proxy = opts.proxy or session.proxy
  exchange.total, exchange.timeout = timeout.total, timeout
  exchange.is_streamed, exchange.is_paced = is_streamed or false, is_paced or false
  local follows = either(opts.allow_redirects, method ~= "HEAD")
  local deadline = timeout.total and connector:time() + timeout.total
  local most = opts.max_redirects or DEFAULT_MAX_REDIRECTS
  local history, is_elsewhere -- nil until there is any
  local response = transfer(session, exchange, lines, own_cookies, nil)
  while follows and is_redirect[response.status] do
    local location = response.headers["Location"] or response.headers["URI"]
    if not location then break end
    if not response.body then read_whole(response) end
    history = history or {}
    history[#history + 1] = response
    response.history = {}
    if most > 0 and #history >= most then too_many_redirects(history) end
    exchange, lines, is_elsewhere = redirected(exchange, lines, response, location)
    if is_elsewhere then own_cookies = nil end
    exchange.total = deadline and math.max(deadline - connector:time(), 0.001)
    response = transfer(session, exchange, lines, own_cookies, history)
  end
  if either(opts.raise_for_status, session.raise_for_status) and not response.ok then
    response:close()
    response:raise_for_status()
  end
  return response
end

local request_options = {
  params = "table string",
  data = "string table",
  json = "any",
  headers = "table",
  auth = "table",
  cookies = "table",
  timeout = "number table boolean",
  allow_redirects = "boolean",
  max_redirects = "number",
  proxy = "string",
  verify = "boolean string",
  raise_for_status = "boolean",
}
local no_options = {}

--- Checks the options of a request.
--- Errors: TypeError for an unknown option, ValueError for a negative time.
---@param session table
---@param opts? lacuna.http.RequestOptions
---@return lacuna.http.RequestOptions
---@return lacuna.http.Timeout
function client.check(session, opts)
  if not opts then return no_options, session.timeout end
  options.check("request", opts, request_options)
  if opts.timeout == nil then return opts, session.timeout end
  return opts, timeouts.read("request", opts.timeout)
end

local session_options = {
  base_url = "string",
  headers = "table",
  cookies = "table",
  auth = "table",
  timeout = "number table boolean",
  limit = "number",
  limit_per_host = "number",
  proxy = "string",
  verify = "boolean string",
  raise_for_status = "boolean",
}

--- The settings of a session, checked. Opens nothing.
--- Errors: TypeError for an unknown option, InvalidURL for base_url, ValueError for headers or auth that cannot be
--- sent.
---@param what string whose options, for messages
---@param opts? lacuna.http.SessionOptions
---@param default_timeout number|false
---@param new_response fun(method: string, url: string, status: integer, head: string, body: string, history?: table)
---@return table
function client.new(what, opts, default_timeout, new_response)
  opts = options.check(what, opts, session_options)
  local timeout = opts.timeout
  if timeout == nil or timeout == true then timeout = default_timeout end
  local own = opts.headers
  if opts.auth then
    local value, reason = authorization.basic(opts.auth)
    if not value then error(errors.ValueError(what .. ": auth: " .. reason), 3) end
    own = { Authorization = value }
    for name, given in pairs(opts.headers or {}) do own[name] = given end
  end
  local lines, reason
  if own then
    lines, reason = headers.encode(own)
    if not lines then error(errors.ValueError(what .. ": " .. reason), 3) end
  end
  if opts.base_url then
    local normalized
    normalized, reason = url.normalize(opts.base_url)
    if not normalized then raise_invalid_url(what, opts.base_url, reason) end
  end
  local jar = cookies.jar()
  if opts.cookies then jar:update_cookies(opts.cookies) end
  return {
    base_url = opts.base_url,
    headers = own,
    header_lines = lines,
    cookie_jar = jar,
    timeout = timeouts.read(what, timeout),
    proxy = opts.proxy or false,
    verify = either(opts.verify, true),
    raise_for_status = opts.raise_for_status or false,
    new_response = new_response,
    last_address = false, -- one address is often asked for again and again
    last_url = false, -- what it is, normalized
    last_auth = false, -- user and password in it
    closed = false,
  }, opts
end

return client
