-- http_cancellation: a real transfer, over a redirect, cancelled at every step of its way on the wire. Who was
-- cancelled ends cancelled, and the session has its places back. What breaks off in the middle closes its connection;
-- between two requests, the redirect read and the next request not yet written, nothing does, and it stays in use.
local async = require "lacuna"
local http = require "lacuna.http"
local uv = require "luv"
local rude_site = require "spec.support.rude_site"
local await = async.await

local REDIRECT = "HTTP/1.1 302 Found\r\nLocation: /body\r\nContent-Length: 0\r\n\r\n"
local PORTIONS = {"HTTP/1.1 200 OK\r\nContent-", "Length: 9\r\n\r\n", "abc", "def", "ghi"}
local STEP_COUNT = 3 + #PORTIONS -- asked, redirected, asked again, and each portion

describe("a transfer that is cancelled", function()
  local site, on_step

  before_each(function()
    site = rude_site.start(function(connection, request)
      local path = request:match("^GET (%S+)")
      connection.paths = connection.paths or {}
      connection.paths[path] = true
      if path == "/answered" then return connection:respond("the answer") end
      on_step(connection)
      if path == "/start" then
        connection:write(REDIRECT)
        return on_step(connection)
      end
      local timer, sent_count = uv.new_timer(), 0
      timer:start(1, 1, function()
        if connection.socket:is_closing() then return timer:close() end
        sent_count = sent_count + 1
        connection:write(PORTIONS[sent_count])
        if sent_count == #PORTIONS then timer:close() end
        on_step(connection)
      end)
    end)
  end)

  after_each(function() site.stop() end)

  -- The session has its places back, and what it asks next gets its own answer.
  local function assert_goes_on(session)
    local pool = session:pool()
    assert.equal(0, pool.active)
    assert.equal(0, pool.waiting_count)
    assert.is_nil(next(pool.running))
    assert.is_nil(next(pool.hosts))
    local response = await(session:get(site.url .. "/answered", {timeout = 5}))
    assert.equal("the answer", await(response:text()))
  end

  -- Cancels when the server is at a step, some turns later. Returns whether that came before the end.
  local function cancel_at(session, step, turn_count, open)
    local first_number, count, reached = #site.connections + 1, 0, async.Future()
    function on_step(connection)
      if connection.number < first_number then return end -- of the round before
      count = count + 1
      if count == step then reached:set_result() end
    end
    local task = async.create_task(open(session, site.url .. "/start"))
    await(async.wait_for(reached, 5))
    for _ = 1, turn_count do await(async.sleep(0)) end
    local is_asked = task:cancel()
    local ok, result = pcall(await, async.wait_for(task, 5))
    if is_asked then
      assert.is_true(not ok and async.isinstance(result, async.CancelledError), tostring(result))
    else
      assert.equal("abcdefghi", result)
    end
    return is_asked, site.connections[first_number]
  end

  local function fetch(session, url)
    return async(function() return await(await(session:get(url)):text()) end)()
  end

  local function fetch_with(session, url)
    return async(function()
      return async.with(session:get(url), function(response) return await(response:text()) end)
    end)()
  end

  local function fetch_by_portions(session, url)
    return async(function()
      return async.with(session:get(url), function(response)
        local text = ""
        for portion in response:iter_chunked(1) do text = text .. portion end
        return text
      end)
    end)()
  end

  local function fetch_in_time(session, url)
    return async.wait_for(fetch(session, url), 5)
  end

  for name, open in pairs {
    awaited = fetch, ["entered by async.with"] = fetch_with, ["read by portions"] = fetch_by_portions,
    ["in wait_for"] = fetch_in_time,
  } do
    it("ends at once, and the session goes on, " .. name, function()
      local asked_count = 0
      for step = 1, STEP_COUNT do
        for turn_count = 0, 4 do
          local session = http.ClientSession {limit = 1, limit_per_host = 1}
          local is_asked, connection = cancel_at(session, step, turn_count, open)
          assert_goes_on(session)
          if is_asked then
            asked_count = asked_count + 1
            if connection.paths["/body"] or not connection.paths["/answered"] then
              await(async.wait_for(connection.closed, 5)) -- what has not been read cannot be used again
            end
          end
          session:close()
        end
      end
      assert.is_true(asked_count >= STEP_COUNT)
    end)
  end

  it("leaves the connection to the next one, between two requests, when nothing is under way on it", function()
    function on_step() end
    local session = http.ClientSession()
    local pool = session:pool()
    local transfer = pool.transfer
    function pool.transfer(self, exchange)
      if exchange.url:find("/body$") then async.current_task():cancel() end
      return transfer(self, exchange)
    end
    local task = async.create_task(fetch(session, site.url .. "/start"))
    local ok, result = pcall(await, async.wait_for(task, 5))
    assert.is_true(not ok and async.isinstance(result, async.CancelledError), tostring(result))
    assert_goes_on(session)
    assert.same({["/start"] = true, ["/answered"] = true}, site.connections[1].paths)
    session:close()
  end)
end)
