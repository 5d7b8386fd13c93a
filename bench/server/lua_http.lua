-- lua_http.lua PORT: answers GET /users/N with a small JSON document, lua-http on cqueues.
local headers = require "http.headers"
local http_server = require "http.server"

local function reply(_, stream)
  local request = assert(stream:get_headers())
  local id = request:get(":path"):match("^/users/(%d+)$")
  local response = headers.new()
  response:append(":status", id and "200" or "404")
  response:append("content-type", id and "application/json" or "text/plain")
  local body = id and ('{"user_id":%d,"name":"user %d"}'):format(id, id) or "Not Found"
  response:append("content-length", tostring(#body))
  assert(stream:write_headers(response, false))
  assert(stream:write_chunk(body, true))
end

-- A client that leaves while it is answered is no failure.
local server = assert(http_server.listen{
  host = "127.0.0.1", port = tonumber(arg[1]), onstream = reply, onerror = function() end,
})
assert(server:loop())
