-- rude_site: an HTTP server that does exactly what a spec tells it to, also what no real server does: a callback gets
-- each connection and the head of each request on it, and writes what it likes.
local uv = require "luv"
local async = require "lacuna"

-- The loop's first stream makes libuv open /dev/null for good: now, before a spec counts descriptors.
uv.new_tcp():close()

local rude_site = {}

---@class RudeConnection
---@field number integer from 1, in order of arrival
---@field closed lacuna.Future done when the other side has closed it
local Connection = {}
Connection.__index = Connection

---Sends bytes.
---@param bytes string
function Connection:write(bytes)
  if not self.socket:is_closing() then self.socket:write(bytes) end
end

---Sends a whole response with a Content-Length.
---@param body string
---@param head? string status line and fields; "HTTP/1.1 200 OK\r\n" unless given
function Connection:respond(body, head)
  self:write(("%sContent-Length: %d\r\n\r\n%s"):format(head or "HTTP/1.1 200 OK\r\n", #body, body))
end

---Closes it after what was written has gone; `is_reset` throws it away with a TCP reset.
---@param is_reset? boolean
function Connection:close(is_reset)
  local socket = self.socket
  if socket:is_closing() then return end
  if is_reset then return socket:close_reset() end
  socket:shutdown(function() if not socket:is_closing() then socket:close() end end)
end

---Starts one on a free port of 127.0.0.1.
---@param on_request fun(connection: RudeConnection, request: string) `request` is the head, and what came with it
---@return table site .url without a path, .connections, :stop()
function rude_site.start(on_request)
  local server = uv.new_tcp()
  assert(server:bind("127.0.0.1", 0))
  local site = {url = "http://127.0.0.1:" .. server:getsockname().port, connections = {}}
  assert(server:listen(512, function()
    local connection = setmetatable({socket = uv.new_tcp(), closed = async.Future()}, Connection)
    server:accept(connection.socket)
    table.insert(site.connections, connection)
    connection.number = #site.connections
    local pending = ""
    connection.socket:read_start(function(err, chunk)
      if err or not chunk then
        if not connection.closed:done() then connection.closed:set_result(err or "closed") end
        if not connection.socket:is_closing() then connection.socket:close() end
        return
      end
      pending = pending .. chunk
      while true do
        local _, last = pending:find("\r\n\r\n", 1, true)
        if not last then return end
        local length = tonumber(pending:sub(1, last):match("[Cc]ontent%-[Ll]ength: (%d+)")) or 0
        if #pending < last + length then return end
        local request = pending:sub(1, last + length)
        pending = pending:sub(last + length + 1)
        on_request(connection, request)
      end
    end)
  end))

  function site.stop()
    server:close()
    for _, connection in ipairs(site.connections) do
      if not connection.socket:is_closing() then connection.socket:close() end
    end
    async.await(async.sleep(0))
  end
  return site
end

return rude_site
