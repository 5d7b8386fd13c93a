-- http: an HTTP/1.1 client. `http.ClientSession{…}` is a connection pool with settings; `http.get(url)` and its like
-- use one shared session. Requests are awaitable and context managers. The wire is libcurl's, not written here.

local errors = require "lacuna.http.errors"
local Session = require "lacuna.http.session"

local http = {
  ClientSession = Session.new,
}

for name, class in pairs(errors) do
  if type(class) == "table" then http[name] = class end
end

local shared -- of this Lua state; its idle connections keep no loop alive

--- Makes a request on the shared session; options as for session:request.
--- Source: aiohttp.request, which has a session for each call.
---@param method string
---@param url string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.http.Request
function http.request(method, url, opts)
  if not shared or shared.closed then shared = Session.new() end
  return shared:request(method, url, opts)
end

--- Makes a request with this method on the shared session; it starts when it is awaited or entered.
--- Source: aiohttp's `async with session.get(url)`.
---@param url string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.http.Request
for _, method in ipairs { "get", "post", "put", "patch", "delete", "head", "options" } do
  http[method] = function(url, opts)
    return http.request(method, url, opts)
  end
end

--- What `async.fetch` is: a GET on the shared session that waits for the body, too.
---@param url string
---@param opts? lacuna.http.RequestOptions
---@return lacuna.http.Request
function http.fetch(url, opts)
  local request = http.request("GET", url, opts)
  request.is_whole = true
  return request
end

--- Closes the connections of the shared session; the next request opens a new one.
function http.close()
  if shared then shared:close() end
end

return http
