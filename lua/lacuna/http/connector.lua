-- connector: a session's transfers, at most `limit` at a time and `limit_per_host` to one host.
-- What may not start yet waits in order of arrival; a slot that comes free goes to the first that may use it. The
-- connections themselves, and keeping them alive, are libcurl's (host/mod/curl_client.c).

local errors = require "lacuna.kernel.errors"
local trap = require "lacuna.kernel.trap"
local op = require "lacuna.io.op"
local url = require "lacuna.http.url"
local curl = require "lacuna.native.curl"

local await, running_loop = trap.await, trap.running_loop

---@class lacuna.http.Exchange one request and its response; no redirects
---@field url string normalized
---@field method string
---@field headers? string[] encoded lines
---@field data? string
---@field verify? boolean|string
---@field total? number seconds for all of it, waiting for a slot included
---@field connect? number seconds for waiting and connecting
---@field sock_read? number seconds between two portions of the response
---@field status integer|false false if it failed
---@field head string the raw response head
---@field body string
---@field failure? {kind: string, detail: string, code?: string, text?: string} as http/errors.lua takes it

--- An exchange to be filled in. The constructor names every field with a constant: LuaJIT's bytecode, which is what the
--- binary holds, keeps a table's size only for those (measured: 0.13 against 0.36 µs for nine fields). The fields of an
--- exchange that has to wait (host, is_admitted, timer, loop, asked_at) come when needed.
---@return lacuna.http.Exchange
local function new_exchange()
  return {
    url = false, method = false, headers = false, data = false, verify = false,
    total = false, connect = false, sock_read = false,
    status = false, head = false, body = false, failure = false,
    complete = false, id = false, is_over = false,
  }
end

---@class lacuna.http.Connector
local Connector = {}
Connector.__index = Connector

-- A queue of exchanges; those that ended while they waited are dropped when their turn comes.
local function push(queue, exchange)
  queue.last = queue.last + 1
  queue[queue.last] = exchange
end

local function pop(queue)
  while queue.first <= queue.last do
    local exchange = queue[queue.first]
    queue[queue.first] = nil
    queue.first = queue.first + 1
    if not exchange.is_over then return exchange end
  end
  return nil
end

local function new_queue()
  return { first = 1, last = 0 }
end

-- Frees what an admitted exchange held and lets the next of its host queue up.
local function leave_host(self, exchange)
  local host = exchange.host
  if not host then return end
  local following = pop(host.waiting)
  if following then
    push(self.waiting, following)
    following.is_admitted = true
    return
  end
  host.admitted = host.admitted - 1
  if host.admitted == 0 then self.hosts[host.origin] = nil end
end

local start, start_waiting

local function finish(exchange)
  exchange.is_over = true
  if exchange.timer then exchange.timer:cancel() end
  exchange.complete(nil, exchange)
end

local function fail(exchange, kind, detail, code, text)
  exchange.failure = { kind = kind, detail = detail, code = code, text = text }
  finish(exchange)
end

-- Ends an exchange without completing it.
local function abort(self, exchange)
  if exchange.is_over then return end
  exchange.is_over = true
  if exchange.timer then exchange.timer:cancel() end
  if exchange.id then
    self.running[exchange.id] = nil
    self.active = self.active - 1
    self.client:abort(exchange.id)
  end
  if exchange.is_admitted then leave_host(self, exchange) end
  start_waiting(self)
end

function start_waiting(self)
  while self.limit == 0 or self.active < self.limit do
    local exchange = pop(self.waiting)
    if not exchange then return end
    start(self, exchange)
  end
end

local function left_of(seconds, waited)
  return seconds and math.max(seconds - waited, 0.001)
end

function start(self, exchange)
  local total, connect = exchange.total, exchange.connect
  if exchange.timer then
    exchange.timer:cancel()
    exchange.timer = false
    local waited = exchange.loop:time() - exchange.asked_at
    total, connect = left_of(total, waited), left_of(connect, waited)
  end
  local id, message = self.client:start(exchange.url, exchange.method, exchange.headers, exchange.data, exchange.verify,
    total, connect, exchange.sock_read)
  if id then
    exchange.id = id
    self.active = self.active + 1
    self.running[id] = exchange
  else
    leave_host(self, exchange)
    fail(exchange, "other", message)
  end
end

-- Limits the time that an exchange may wait for a slot.
local function wait_for_slot(self, exchange)
  local total, connect = exchange.total, exchange.connect
  local seconds = total and connect and math.min(total, connect) or total or connect
  if not seconds then return end
  exchange.loop = running_loop()
  exchange.asked_at = exchange.loop:time()
  exchange.timer = exchange.loop:call_later(seconds, function()
    abort(self, exchange)
    fail(exchange, "timeout", "no connection came free")
  end)
end

local function enter_host(self, exchange)
  local origin = url.origin(exchange.url)
  local host = self.hosts[origin]
  if not host then
    host = { origin = origin, admitted = 0, waiting = new_queue() }
    self.hosts[origin] = host
  end
  exchange.host = host
  if host.admitted >= self.limit_per_host then
    push(host.waiting, exchange)
    return false
  end
  host.admitted = host.admitted + 1
  return true
end

local function admit(self, exchange)
  if self.limit_per_host > 0 then exchange.is_admitted = enter_host(self, exchange) end
  if exchange.is_admitted ~= false then
    if self.limit == 0 or self.active < self.limit then
      start(self, exchange)
      if exchange.is_over then start_waiting(self) end
      return
    end
    push(self.waiting, exchange)
  end
  wait_for_slot(self, exchange)
end

-- libcurl has ended a transfer.
local function on_done(self, id)
  local exchange = self.running[id]
  self.running[id] = nil
  self.active = self.active - 1
  local ok, status, head, body, code, text = pcall(self.client.result, self.client, id)
  leave_host(self, exchange)
  start_waiting(self)
  if not ok then return fail(exchange, "memory", status) end
  if not status then return fail(exchange, head, body, code, text) end
  exchange.status, exchange.head, exchange.body = status, head, body
  finish(exchange)
end

--- Opens a connection pool. Loads libcurl if this is the first of the program.
--- Errors: OSError if libcurl is not installed.
---@param limit integer connections, and transfers, at a time; 0: any number
---@param limit_per_host integer transfers at a time to one scheme, host and port; 0: any number
---@return lacuna.http.Connector
local function open(limit, limit_per_host)
  local self = setmetatable({
    limit = limit,
    limit_per_host = limit_per_host,
    active = 0,
    running = {}, -- id → exchange
    waiting = new_queue(), -- for one of `limit`
    hosts = {}, -- origin → {admitted: running or in `waiting`, waiting: for one of `limit_per_host`}
  }, Connector)
  local client, message = curl.open(function(id) on_done(self, id) end, limit)
  if not client then error(errors.OSError(message), 0) end
  self.client = client
  return self
end

--- Transfers one exchange: fills in its status, head and body, or its failure. Suspends until it has ended;
--- cancellation aborts it and closes its connection.
---@param exchange lacuna.http.Exchange
function Connector:transfer(exchange)
  exchange.id, exchange.is_over = false, false
  if exchange.host then exchange.host, exchange.is_admitted = nil, nil end -- of the exchange before a redirect
  await(op(exchange.method .. " " .. exchange.url, function(complete)
    exchange.complete = complete
    admit(self, exchange)
    return function() abort(self, exchange) end
  end))
end

--- Closes every connection. What still runs or waits fails with the kind "closed".
function Connector:close()
  local left = {}
  for _, exchange in pairs(self.running) do left[#left + 1] = exchange end
  local function take(queue)
    for exchange in pop, queue do left[#left + 1] = exchange end
  end
  take(self.waiting)
  for _, host in pairs(self.hosts) do take(host.waiting) end
  self.running, self.hosts = {}, {}
  self.client:close()
  for _, exchange in ipairs(left) do fail(exchange, "closed") end
end

return { open = open, new_exchange = new_exchange }
