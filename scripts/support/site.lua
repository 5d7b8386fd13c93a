-- site: a small web site on 127.0.0.1 for scripts that need one to fetch from. It lives in a thread of its own, so that
-- scripts which block can fetch from it as well. Besides the pages that it is given, it has
--   /delay/SECONDS/PATH  the path as JSON, after a while     /bytes/COUNT  so many bytes
--   /status/CODE         an answer with that status          /busiest      the most requests answered at the same time
-- It speaks just enough HTTP/1.1: a stand-in for lacuna.web.

local async = require "lacuna"

local REASONS = {[200] = "OK", [404] = "Not Found", [500] = "Internal Server Error"}
local MAX_HEAD_BYTES = 16 * 1024

-- The worker's function: sends the port, then serves until it is terminated.
local function serve(channel, pages)
  local loop, uv = async.get_running_loop(), require "luv"
  local server = uv.new_tcp()
  local clients = {} -- connection → the timer of its next answer, or false
  local in_flight, busiest = 0, 0

  local function drop(client)
    if clients[client] then
      clients[client]:cancel()
      in_flight = in_flight - 1
    end
    clients[client] = nil
    client:close()
  end

  local function page_of(path)
    if pages[path] then return pages[path] end
    if path == "/busiest" then
      return {body = ('{"busiest": %d}'):format(busiest), type = "application/json", seconds = 0}
    end
    local kind, value, rest = path:match("^/(%l+)/([%d.]+)(.*)$")
    value = tonumber(value)
    if kind == "bytes" then return {body = ("x"):rep(value), type = "application/octet-stream", seconds = 0} end
    if kind == "status" then return {body = "", type = "text/plain", seconds = 0, status = value} end
    if kind == "delay" then
      return {body = ('{"path": "%s"}'):format(rest), type = "application/json", seconds = value}
    end
    return pages.missing or {body = "", type = "text/plain", seconds = 0, status = 404}
  end

  local function answer(client, target)
    local path = target:match("^[^?]*"):gsub("%%(%x%x)", function(digits) return string.char(tonumber(digits, 16)) end)
    local page = page_of(path)
    local status = page.status or 200
    if path ~= "/busiest" then in_flight = in_flight + 1 end
    busiest = math.max(busiest, in_flight)
    clients[client] = loop:call_later(page.seconds, function()
      clients[client] = false
      if path ~= "/busiest" then in_flight = in_flight - 1 end
      client:write(("HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s"):format(
        status, REASONS[status] or "", page.type, #page.body, page.body))
    end)
  end

  local function on_connection(problem)
    assert(not problem, problem)
    local client, received = uv.new_tcp(), ""
    clients[client] = false
    assert(server:accept(client))
    client:read_start(function(_, data)
      if not data or clients[client] or #received > MAX_HEAD_BYTES then return drop(client) end
      received = received .. data
      local head, rest = received:match("^(.-)\r\n\r\n(.*)$")
      if not head then return end
      received = rest
      answer(client, head:match("^GET (%S+) HTTP/1%.1") or "/")
    end)
  end

  assert(server:bind("127.0.0.1", 0))
  assert(server:listen(128, on_connection))
  async.await(channel:send(server:getsockname().port))
  async.await(channel:receive()) -- nothing comes
end

--- A context manager whose value is the address of a site: the one given, or one that is served while the body runs.
---@param given? string|table "http://example.org", or pages: path → {body=, type=, seconds=, status=}
return async.contextmanager(function(yield, given)
  if type(given) == "string" then return yield(given) end
  async.with(async.spawn_worker(serve, given or {}), function(worker)
    yield(("http://127.0.0.1:%d"):format(async.await(worker:receive())))
  end)
end)
