-- http_cancellation: a real transfer, over a redirect, cancelled at every step of its way on the wire. Who was
-- cancelled ends cancelled, a transfer that breaks off closes its connection, and the session has its places back.
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
      if path == "/answered" then return connection:respond("") end
      on_step()
      if path == "/start" then
        connection:write(REDIRECT)
        return on_step()
      end
      local timer, sent_count = uv.new_timer(), 0
      timer:start(1, 1, function()
        sent_count = sent_count + 1
        connection:write(PORTIONS[sent_count])
        if sent_count == #PORTIONS or connection.socket:is_closing() then timer:close() end
        on_step()
      end)
    end)
  end)

  after_each(function() site.stop() end)

  -- Cancels when the server is at a step, some turns later. Returns whether that came before the end.
  local function cancel_at(session, step, turn_count, open)
    local count, reached = 0, async.Future()
    function on_step()
      count = count + 1
      if count == step then reached:set_result() end
    end
    local first_connection = #site.connections + 1
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
    local pool = session:pool()
    assert.equal(0, pool.active)
    assert.equal(0, pool.waiting_count)
    assert.is_nil(next(pool.running))
    assert.is_nil(next(pool.hosts))
    assert.equal(200, await(session:get(site.url .. "/answered", {timeout = 5})).status)
    return is_asked, site.connections[first_connection]
  end

  local function fetch(session, url)
    return async(function() return await(await(session:get(url)):text()) end)()
  end

  local function fetch_with(session, url)
    return async(function()
      return async.with(session:get(url), function(response) return await(response:text()) end)
    end)()
  end

  local function fetch_in_time(session, url)
    return async.wait_for(fetch(session, url), 5)
  end

  for name, open in pairs {awaited = fetch, ["entered by async.with"] = fetch_with, ["in wait_for"] = fetch_in_time} do
    it("ends at once, and the session goes on, " .. name, function()
      for step = 1, STEP_COUNT do
        for turn_count = 0, 4 do
          local session = http.ClientSession {limit = 1, limit_per_host = 1}
          local is_asked, connection = cancel_at(session, step, turn_count, open)
          if step < STEP_COUNT then
            assert.is_true(is_asked)
            await(async.wait_for(connection.closed, 5)) -- what has not been read cannot be used again
          end
          session:close()
        end
      end
    end)
  end
end)
