-- lua_http.lua URL COUNT CONCURRENCY: GETs one URL COUNT times, lua-http on cqueues, a connection for each coroutine.
local client = require "http.client"
local cqueues = require "cqueues"
local headers = require "http.headers"

local url, count, concurrency = arg[1], tonumber(arg[2]), tonumber(arg[3])
local scheme, host, port, path = url:match("^(https?)://([^:/]+):(%d+)(.*)$")
local left, bytes = count, 0
local controller, tls = cqueues.new(), nil
if scheme == "https" then
  tls = require("http.tls").new_client_context()
  tls:setVerify(require("openssl.ssl.context").VERIFY_NONE)
end

local function fetch(connection)
  local stream, request = connection:new_stream(), headers.new()
  request:append(":method", "GET")
  request:append(":scheme", scheme)
  request:append(":authority", host .. ":" .. port)
  request:append(":path", path)
  assert(stream:write_headers(request, true))
  assert(stream:get_headers())
  local body = assert(stream:get_body_as_string())
  stream:shutdown()
  return body
end

local started, started_cpu = cqueues.monotime(), os.clock()
for _ = 1, concurrency do
  controller:wrap(function()
    local connection = assert(client.connect{host = host, port = tonumber(port), tls = tls ~= nil, ctx = tls})
    while left > 0 do
      left = left - 1
      local body = fetch(connection) -- not in the sum: `bytes` would be read before the coroutine is suspended
      bytes = bytes + #body
    end
    connection:close()
  end)
end
assert(controller:loop())
print(("wall_s %f\ncpu_s %f\nbytes %d"):format(cqueues.monotime() - started, os.clock() - started_cpu, bytes))
