-- connector: a session's transfers, at most `limit` at a time and `limit_per_host` to one host.
-- What may not start yet waits in order of arrival; a slot that comes free goes to the first that may use it. The
-- connections themselves, and keeping them alive, are libcurl's (host/mod/curl_client.c).

local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local trap = require "lacuna.kernel.trap"
local failures = require "lacuna.http.errors"
local url = require "lacuna.http.url"
local curl = require "lacuna.native.curl"

local STATE, LOOP, PENDING = layout.STATE, layout.LOOP, layout.PENDING
local complete = future.complete
local await, running_loop = trap.await, trap.running_loop
local setmetatable = setmetatable

---@class lacuna.http.Exchange: lacuna.Future one request and its response, no redirects; done when it has ended
---@field connector lacuna.http.Connector
---@field url string normalized
---@field method string
---@field headers string[]|false encoded lines
---@field data string|false
---@field verify boolean|string
---@field total number|false seconds for all of it, waiting for a slot included
---@field timeout lacuna.http.Timeout as the request has it: `total` is less after a redirect
---@field proxy string|false
---@field status integer|false false if it failed
---@field head string|false the raw response head
---@field body string|false
---@field failure {kind: string, detail: string, code?: string, text?: string}|false as http/errors.lua takes it
---@field id integer|false of the transfer while it runs
---@field is_streamed boolean done once there is a head; Connector:read has the body
---@field is_paced boolean the server has to wait for the reader from the start, not only once the body is being read
---@field reader lacuna.Future? what waits for more of the body
---@field asked_at number|false on the loop's clock, while it waits for a slot
local Exchange = future.subclass("Exchange")

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
    if exchange[STATE] == PENDING then return exchange end
  end
  return nil
end

local function new_queue()
  return { first = 1, last = 0 }
end

-- Frees what an admitted exchange held and lets the next of its host queue up.
local function leave_host(self, exchange)
  if self.limit_per_host == 0 then return end
  local host = exchange.host
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

-- Wakes who waits for an exchange, or for more of its body.
local function wake(exchange)
  if exchange[STATE] == PENDING then return complete(exchange) end
  local reader = exchange.reader
  if reader and reader[STATE] == PENDING then complete(reader) end
end

local function fail(exchange, kind, detail, code, text)
  exchange.failure = { kind = kind, detail = detail, code = code, text = text }
  wake(exchange)
end

local function stop_waiting(self, exchange)
  exchange.asked_at = false
  self.waiting_count = self.waiting_count - 1
  if self.waiting_count == 0 and self.timer then
    self.timer:cancel()
    self.timer = false
  end
end

-- Gives back what an exchange held that ended before its transfer did.
local function abort(self, exchange)
  if exchange.asked_at then stop_waiting(self, exchange) end
  if exchange.id then
    self.running[exchange.id] = nil
    self.active = self.active - 1
    self.client:abort(exchange.id)
    exchange.id = false
  end
  if exchange.is_admitted then leave_host(self, exchange) end
  start_waiting(self)
end

--- Ends it at once; the connection of a transfer that has begun is closed.
---@param message? string of the CancelledError
---@return boolean cancelled false if it was done already
function Exchange:cancel(message)
  if not future.Future.cancel(self, message) then return false end
  abort(self.connector, self)
  return true
end

--- What a task that waits for it is said to wait for.
---@return string
function Exchange:description()
  return self.method .. " " .. self.url
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
  local timeout = exchange.timeout
  local total, connect = exchange.total, timeout.connect
  if exchange.asked_at then
    local waited = self.loop:time() - exchange.asked_at
    total, connect = left_of(total, waited), left_of(connect, waited)
    stop_waiting(self, exchange)
  end
  local id, message = self.client:start(exchange.url, exchange.method, exchange.headers, exchange.data, exchange.verify,
    total, connect, timeout.sock_read, exchange.proxy, exchange.is_streamed, exchange.is_paced)
  if id then
    exchange.id = id
    self.active = self.active + 1
    self.running[id] = exchange
  else
    leave_host(self, exchange)
    fail(exchange, "other", message)
  end
end

local function deadline_of(exchange)
  return exchange.asked_at + math.min(exchange.total or math.huge, exchange.timeout.connect or math.huge)
end

-- Calls fn with every exchange that waits.
local function each_waiting(self, fn)
  local function visit(queue)
    for i = queue.first, queue.last do
      if queue[i][STATE] == PENDING then fn(queue[i]) end
    end
  end
  visit(self.waiting)
  for _, host in pairs(self.hosts) do visit(host.waiting) end
end

local watch

local function expire(self)
  self.timer = false
  local now, earliest, expired = self.loop:time(), math.huge, {}
  each_waiting(self, function(exchange)
    local deadline = deadline_of(exchange)
    if deadline <= now then expired[#expired + 1] = exchange else earliest = math.min(earliest, deadline) end
  end)
  for _, exchange in ipairs(expired) do
    fail(exchange, "slot timeout")
    abort(self, exchange)
  end
  watch(self, earliest)
end

-- Limits the time that exchanges wait for a slot: one timer, at the earliest deadline, however many wait.
function watch(self, deadline)
  if self.waiting_count == 0 or deadline == math.huge then return end
  if self.timer then
    if self.timer:when() <= deadline and self.loop:is_running() then return end
    self.timer:cancel()
  end
  self.loop = running_loop()
  self.timer = self.loop:call_at(deadline, expire, self)
end

local function wait_for_slot(self, exchange)
  if not self.loop or not self.loop:is_running() then self.loop = running_loop() end
  exchange.asked_at = self.loop:time()
  self.waiting_count = self.waiting_count + 1
  watch(self, deadline_of(exchange))
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
  if self.limit_per_host > 0 then
    exchange.is_admitted = enter_host(self, exchange)
    if not exchange.is_admitted then return wait_for_slot(self, exchange) end
  end
  if self.limit == 0 or self.active < self.limit then
    start(self, exchange)
    if exchange[STATE] ~= PENDING then start_waiting(self) end
    return
  end
  push(self.waiting, exchange)
  wait_for_slot(self, exchange)
end

-- libcurl has ended a transfer, or has a head, or more of a body, of one that is streamed.
local function on_done(self, id)
  local exchange = self.running[id]
  local ok, status, head, body, code, text = pcall(self.client.result, self.client, id)
  if ok and status and not body then
    exchange.status, exchange.head = status, head
    return wake(exchange)
  end
  self.running[id] = nil
  self.active = self.active - 1
  exchange.id = false
  leave_host(self, exchange)
  start_waiting(self)
  if not ok then return fail(exchange, "memory", status) end
  if not status then return fail(exchange, head, body, code, text) end
  exchange.status, exchange.head, exchange.body = status, head, body
  wake(exchange)
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
    waiting_count = 0, -- there and at the hosts
    timer = false, -- of those that wait
    loop = false, -- the timer's
    hosts = {}, -- origin → {admitted: running or in `waiting`, waiting: for one of `limit_per_host`}
  }, Connector)
  local client, message = curl.open(function(id) on_done(self, id) end, limit)
  if not client then error(errors.OSError(message), 0) end
  self.client = client
  return self
end

--- The clock of the running loop.
---@return number seconds
function Connector.time()
  return running_loop():time()
end

--- Makes an exchange, to be filled in, then transferred once. The constructor names every field with a constant:
--- LuaJIT's bytecode, which is what the binary holds, keeps a table's size only for those. With a limit for each host
--- there are `host` and `is_admitted`, too.
---@return lacuna.http.Exchange
function Connector:new_exchange()
  local exchange = {
    PENDING, nil, false, false, false,
    connector = false, url = false, method = false, headers = false, data = false, verify = false,
    total = false, timeout = false, proxy = false,
    status = false, head = false, body = false, failure = false,
    id = false, asked_at = false, is_streamed = false, is_paced = false,
  }
  exchange[LOOP] = running_loop()
  exchange.connector = self
  return setmetatable(exchange, Exchange)
end

--- Transfers an exchange: fills in its status, head and body, or its failure. Suspends until it has ended; cancellation
--- aborts it and closes its connection.
---@param exchange lacuna.http.Exchange
function Connector:transfer(exchange)
  admit(self, exchange)
  await(exchange)
end

--- The next portion of a streamed exchange's body, as it comes: suspends until there is one.
--- Errors: what ends the transfer, and RuntimeError if another task waits for the body.
---@param exchange lacuna.http.Exchange
---@return string? portion nil at the end
function Connector:read(exchange)
  while exchange.id do
    local portion = self.client:take(exchange.id)
    if portion ~= "" then return portion end
    if exchange.reader and not exchange.reader:done() then
      error(errors.RuntimeError("read: another task waits for the body of this response already"), 0)
    end
    exchange.reader = future.new()
    exchange.reader.description = "the body of " .. exchange:description()
    await(exchange.reader)
  end
  if exchange.failure then error(failures.of_exchange(exchange), 0) end
  local rest = exchange.body
  exchange.body = ""
  return rest ~= "" and rest or nil
end

--- Lets go of a streamed exchange: what has not been read of its body cannot be read any more, and if it has not come,
--- its connection is closed.
---@param exchange lacuna.http.Exchange
function Connector:release(exchange)
  if exchange.id then abort(self, exchange) end
  if not exchange.failure then fail(exchange, "released") end
end

--- Closes every connection. What still runs or waits fails with the kind "closed".
function Connector:close()
  local left = {}
  local function take(exchange) left[#left + 1] = exchange end
  each_waiting(self, take)
  for _, exchange in pairs(self.running) do take(exchange) end
  if self.timer then self.timer:cancel() end
  self.running, self.hosts = {}, {}
  self.client:close()
  for _, exchange in ipairs(left) do
    exchange.id = false
    fail(exchange, "closed")
  end
end

return { open = open }
