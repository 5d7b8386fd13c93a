-- closed_port: a port of 127.0.0.1 that refuses connections for as long as it is kept: it is bound, so that nobody else
-- gets it meanwhile, and never listens.
local uv = require "luv"

local closed_port = {}

---Takes one.
---@return table closed .port, .url without a path, :release()
function closed_port.take()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local port = socket:getsockname().port
  return {
    port = port,
    url = "http://127.0.0.1:" .. port,
    release = function() socket:close() end,
  }
end

return closed_port
