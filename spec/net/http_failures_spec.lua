-- lacuna.http against servers and networks that fail: every failure is an error of its class that names the URL, no
-- connection is left behind, and a cancelled request reaches the wire.
local async = require "lacuna"
local http = require "lacuna.http"
local closed_port = require "spec.support.closed_port"
local rude_site = require "spec.support.rude_site"
local await = async.await

describe("lacuna.http", function()
  local session, site

  before_each(function() session = http.ClientSession() end)
  after_each(function()
    session:close()
    if site then site.stop() end
    site = nil
  end)

  local function serve(on_request) site = rude_site.start(on_request) end

  local function failure(opts, path)
    local url = site.url .. (path or "/x")
    local ok, err = pcall(function() return await(await(session:get(url, opts)):read()) end)
    assert.is_false(ok, "no error was raised")
    assert.is_truthy(err.message:find("GET " .. url, 1, true), err.message)
    return err
  end

  local function assert_is(class, err)
    assert.is_true(async.isinstance(err, class), tostring(err))
  end

  local function silence() end

  describe("raises TimeoutError", function()
    it("when the whole request takes too long", function()
      serve(silence)
      assert_is(async.TimeoutError, failure {timeout = 0.05})
      assert_is(async.TimeoutError, failure {timeout = {total = 0.05}})
    end)

    it("when the server goes silent in the middle of a body, although it has time", function()
      serve(function(connection)
        connection:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
      end)
      local err = failure {timeout = {sock_read = 0.05}}
      assert_is(async.TimeoutError, err)
      assert.is_truthy(err.message:find("silent", 1, true), err.message)
    end)

    it("when the server never begins to answer", function()
      serve(silence)
      assert_is(async.TimeoutError, failure {timeout = {sock_read = 0.05}})
    end)

    it("for the session's time-out, unless the request has its own", function()
      serve(function(connection, request)
        if request:find("/answered", 1, true) then connection:respond("") end
      end)
      session:close()
      session = http.ClientSession {timeout = 0.05}
      assert_is(async.TimeoutError, failure())
      assert.equal(200, await(session:get(site.url .. "/answered", {timeout = false})).status)
    end)

    it("when no connection comes free in time", function()
      serve(silence)
      session:close()
      session = http.ClientSession {limit = 1}
      local first = async.create_task(session:get(site.url .. "/first"))
      await(async.sleep(0))
      local err = failure {timeout = 0.05}
      assert_is(async.TimeoutError, err)
      assert.is_truthy(err.message:find("no connection came free", 1, true), err.message)
      first:cancel()
    end)

    it("for each that waits for a connection at its own time", function()
      serve(silence)
      session:close()
      session = http.ClientSession {limit_per_host = 1}
      local first = async.create_task(session:get(site.url .. "/first"))
      await(async.sleep(0))
      local order = {}
      local function waits(seconds)
        return function()
          assert_is(async.TimeoutError, failure {timeout = seconds})
          order[#order + 1] = seconds
        end
      end
      await(async.gather(waits(0.09), waits(0.03), waits(0.06), waits {connect = 0.01, total = 5}))
      table.remove(order, 1)
      assert.same({0.03, 0.06, 0.09}, order)
      first:cancel()
    end)

    it("when the redirects together take too long", function()
      serve(function(connection, request)
        local step = tonumber(request:match("^GET /(%d+)"))
        local timer = require("luv").new_timer()
        timer:start(20, 0, function()
          timer:close()
          connection:respond("", ("HTTP/1.1 302 Found\r\nLocation: /%d\r\n"):format(step + 1))
        end)
      end)
      local ok, err = pcall(await, session:get(site.url .. "/1", {timeout = 0.1, max_redirects = 1000}))
      assert.is_false(ok)
      assert_is(async.TimeoutError, err)
    end)

    it("when the server does not accept the connection in time", function()
      local uv = require "luv"
      local server, fillers, connected = uv.new_tcp(), {}, 0
      server:bind("127.0.0.1", 0)
      server:listen(0, silence) -- never accepts: the kernel's queue is full after two connections
      local port = server:getsockname().port
      site = {url = "http://127.0.0.1:" .. port, stop = function()
        for _, filler in ipairs(fillers) do filler:close() end
        server:close()
      end}
      for i = 1, 4 do
        fillers[i] = uv.new_tcp()
        fillers[i]:connect("127.0.0.1", port, function(err) if not err then connected = connected + 1 end end)
      end
      while connected < 2 do await(async.sleep(0.001)) end
      assert_is(async.TimeoutError, failure {timeout = {connect = 0.1}})
    end)

    it("and not while the response keeps coming", function()
      serve(function(connection)
        connection:write("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n")
        local timer, sent = require("luv").new_timer(), 0
        timer:start(30, 30, function()
          sent = sent + 1
          connection:write("x")
          if sent == 5 then timer:close() end
        end)
      end)
      local response = await(session:get(site.url .. "/x", {timeout = {sock_read = 0.1}}))
      assert.equal("xxxxx", await(response:text()))
    end)
  end)

  describe("raises ClientConnectorError", function()
    it("when the port is closed, with the system's error as cause", function()
      local closed = closed_port.take()
      finally(closed.release)
      local url = closed.url .. "/"
      local ok, err = pcall(await, session:get(url))
      assert.is_false(ok)
      assert_is(http.ClientConnectorError, err)
      assert_is(http.ClientError, err)
      assert.equal(("GET %s: cannot connect: connection refused"):format(url), err.message)
      assert_is(async.ConnectionRefusedError, err.cause)
      assert.equal("ECONNREFUSED", err.cause.code)
      assert.equal("GET", err.method)
      assert.equal(url, err.url)
    end)

    it("when the host has no address", function()
      local ok, err = pcall(await, session:get("http://nosuch.invalid/"))
      assert.is_false(ok)
      assert_is(http.ClientConnectorError, err)
      assert.is_truthy(err.message:find("cannot find the host", 1, true), err.message)
      assert.is_truthy(err.message:find("nosuch.invalid", 1, true))
    end)
  end)

  describe("raises ClientPayloadError", function()
    it("when the body breaks off", function()
      serve(function(connection)
        connection:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        connection:close()
      end)
      assert_is(http.ClientPayloadError, failure())
    end)

    it("when a chunked body breaks off", function()
      serve(function(connection)
        connection:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n12345\r\n")
        connection:close()
      end)
      assert_is(http.ClientPayloadError, failure())
    end)

    it("when a chunk has no size", function()
      serve(function(connection)
        connection:write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nnonsense\r\n")
      end)
      assert_is(http.ClientPayloadError, failure())
    end)

    it("when the connection is reset in the middle", function()
      serve(function(connection)
        connection:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
        local timer = require("luv").new_timer()
        timer:start(20, 0, function()
          timer:close()
          connection:close(true)
        end)
      end)
      local err = failure()
      assert_is(http.ClientPayloadError, err)
      assert_is(async.ConnectionResetError, err.cause)
    end)

    it("when the encoding is not what it says", function()
      serve(function(connection)
        connection:respond("this is no gzip", "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n")
      end)
      assert_is(http.ClientPayloadError, failure())
    end)
  end)

  it("raises ServerDisconnectedError when the server closes without an answer", function()
    serve(function(connection) connection:close() end)
    local err = failure()
    assert_is(http.ServerDisconnectedError, err)
    assert_is(http.ClientConnectionError, err)
  end)

  for name, answer in pairs {
    ["no status line"] = "hello\r\n\r\n",
    ["another protocol"] = "SSH-2.0-OpenSSH_9.2\r\n",
    ["a status that is no number"] = "HTTP/1.1 abc OK\r\n\r\n",
  } do
    it("raises ClientResponseError when the answer has " .. name, function()
      serve(function(connection)
        connection:write(answer)
        connection:close()
      end)
      assert_is(http.ClientResponseError, failure())
    end)
  end

  describe("reads", function()
    local cases = {
      ["a chunked body with trailers"] = {
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" ..
          "5\r\nhello\r\n6;x=y\r\n world\r\n0\r\nX-Trailer: HTTP/\r\n\r\n",
        "hello world",
      },
      ["a response after an interim one"] = {
        "HTTP/1.1 100 Continue\r\nX-Interim: 1\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", "ok",
      },
      ["a body that ends with the connection"] = {"HTTP/1.0 200 OK\r\n\r\nuntil the end", "until the end", true},
      ["an empty body"] = {"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", ""},
      ["bytes of every value"] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n\0\r\n\255", "\0\r\n\255",
      },
    }
    for name, case in pairs(cases) do
      it(name, function()
        serve(function(connection)
          connection:write(case[1])
          if case[3] then connection:close() end
        end)
        local response = await(session:get(site.url .. "/"))
        assert.equal(200, response.status)
        assert.equal(case[2], await(response:text()))
        assert.is_nil(response.headers["X-Interim"])
        assert.is_nil(response.headers["X-Trailer"])
      end)

      it(name .. ", one byte at a time", function()
        serve(function(connection)
          local timer, sent = require("luv").new_timer(), 0
          timer:start(0, 1, function()
            sent = sent + 1
            connection:write(case[1]:sub(sent, sent))
            if sent < #case[1] then return end
            timer:close()
            if case[3] then connection:close() end
          end)
        end)
        assert.equal(case[2], await(await(session:get(site.url .. "/")):text()))
      end)
    end

    it("what was sent, byte for byte", function()
      local received
      serve(function(connection, request)
        received = request
        connection:respond("")
      end)
      local function head_and_body()
        return received:match("^(.-)\r\n\r\n(.*)$")
      end
      await(session:post(site.url .. "/p", {data = "a\0b한"}))
      local head, body = head_and_body()
      assert.equal("a\0b한", body)
      assert.is_truthy(head:find("\r\nContent-Type: text/plain; charset=utf-8", 1, true), head)
      assert.is_falsy(head:find("Expect", 1, true))

      await(session:put(site.url .. "/p", {data = {q = "한 어", n = 1}}))
      head, body = head_and_body()
      assert.equal("n=1&q=%ED%95%9C+%EC%96%B4", body)
      assert.is_truthy(head:find("\r\nContent-Type: application/x-www-form-urlencoded", 1, true), head)

      await(session:patch(site.url .. "/p", {data = "{}", headers = {["content-type"] = "application/json"}}))
      head = head_and_body()
      local _, count = head:lower():gsub("content%-type", "")
      assert.equal(1, count)
      assert.is_truthy(head:find("\r\ncontent-type: application/json", 1, true), head)

      await(session:post(site.url .. "/p"))
      head, body = head_and_body()
      assert.equal("", body)
      assert.is_truthy(head:find("\r\nContent-Length: 0", 1, true), head)
      assert.is_falsy(head:find("Content-Type", 1, true))

      await(session:get(site.url .. "/p", {headers = {["X-Empty"] = "", ["X-Many"] = {"1", "2"}}}))
      head, body = head_and_body()
      assert.equal("", body)
      assert.is_truthy(head:find("^GET /p HTTP/1%.1\r\n"))
      assert.is_truthy(head:find("\r\nX-Empty:", 1, true), head)
      assert.is_truthy(head:find("\r\nX-Many: 1\r\nX-Many: 2", 1, true), head)

      await(session:post(site.url .. "/big", {data = ("x"):rep(2 * 1024 * 1024)}))
      head, body = head_and_body()
      assert.equal(2 * 1024 * 1024, #body)
      assert.is_falsy(head:find("Expect", 1, true))
    end)
  end)

  describe("a cancelled request", function()
    it("closes its connection at once", function()
      local asked = async.Future()
      serve(function() asked:set_result() end)
      local task = async.create_task(session:get(site.url .. "/"))
      await(asked)
      task:cancel()
      assert_is(async.CancelledError, select(2, pcall(await, task)))
      await(async.wait_for(site.connections[1].closed, 5))
    end)

    it("that waits for a connection gives its place to the next", function()
      serve(function(connection, request)
        if request:find("/answered", 1, true) then connection:respond("") end
      end)
      session:close()
      session = http.ClientSession {limit = 1}
      local first = async.create_task(session:get(site.url .. "/first"))
      local second = async.create_task(session:get(site.url .. "/second"))
      local third = async.create_task(session:get(site.url .. "/answered"))
      await(async.sleep(0))
      second:cancel()
      first:cancel()
      assert.equal(200, await(async.wait_for(third, 5)).status)
    end)

    it("that never started is forgotten", function()
      serve(silence)
      local task = async.create_task(session:get(site.url .. "/"))
      task:cancel()
      assert_is(async.CancelledError, select(2, pcall(await, task)))
      assert.equal(0, #site.connections)
    end)

    for _, scheme in ipairs {"http", "https"} do
      it("leaves nothing behind at whatever moment it comes, " .. scheme, function()
        serve(function(connection, request)
          if request:find("/answered", 1, true) then connection:respond("") end
        end)
        local url = site.url:gsub("^http", scheme) .. "/"
        for turns = 0, 12 do
          local tasks = {}
          for i = 1, 3 do tasks[i] = async.create_task(session:get(url)) end
          for _ = 1, turns do await(async.sleep(turns % 2 == 0 and 0 or 0.0002)) end
          for i = 1, 3 do tasks[i]:cancel() end
          for i = 1, 3 do assert_is(async.CancelledError, select(2, pcall(await, tasks[i]))) end
          assert.equal(200, await(session:get(site.url .. "/answered", {timeout = 5})).status)
        end
      end)
    end

    it("under async.timeout raises TimeoutError", function()
      serve(silence)
      local ok, err = pcall(async.with, async.timeout(0.05), function() await(session:get(site.url .. "/")) end)
      assert.is_false(ok)
      assert_is(async.TimeoutError, err)
      await(async.wait_for(site.connections[1].closed, 5))
    end)

    it("leaves the others alone", function()
      local held = {}
      serve(function(connection) held[#held + 1] = connection end)
      local tasks = {}
      for i = 1, 10 do tasks[i] = async.create_task(session:get(site.url .. "/" .. i)) end
      while #held < 10 do await(async.sleep(0.001)) end
      for i = 1, 10, 2 do tasks[i]:cancel() end
      await(async.sleep(0))
      for _, connection in ipairs(held) do connection:respond("") end
      for i = 1, 10 do
        local ok = pcall(await, tasks[i])
        assert.equal(i % 2 == 0, ok)
      end
    end)
  end)

  describe("the limit", function()
    -- 60 requests to three hosts; returns the most that each, and that all, had at once
    local function load(limits)
      local running, most, total, most_total = {}, {}, 0, 0
      local sites = {}
      for n = 1, 3 do
        running[n], most[n] = 0, 0
        sites[n] = rude_site.start(function(connection)
          running[n], total = running[n] + 1, total + 1
          most[n], most_total = math.max(most[n], running[n]), math.max(most_total, total)
          local timer = require("luv").new_timer()
          timer:start(2, 0, function()
            timer:close()
            running[n], total = running[n] - 1, total - 1
            connection:respond("")
          end)
        end)
      end
      session:close()
      session = http.ClientSession(limits)
      local requests = {}
      for i = 1, 60 do requests[i] = session:get(sites[i % 3 + 1].url .. "/" .. i) end
      local responses = await(async.gather(requests))
      assert.equal(60, #responses)
      session:close()
      for _, each in ipairs(sites) do each.stop() end
      return most, most_total
    end

    it("holds for all hosts together", function()
      local _, total = load {limit = 5}
      assert.equal(5, total)
    end)

    it("holds for each host", function()
      local most, total = load {limit_per_host = 2}
      assert.same({2, 2, 2}, most)
      assert.equal(6, total)
    end)

    it("holds for both", function()
      local most, total = load {limit = 4, limit_per_host = 3}
      assert.equal(4, total)
      for _, n in ipairs(most) do assert.is_true(n <= 3) end
    end)

    it("of 0 is none", function()
      local held = {}
      local holding = rude_site.start(function(connection)
        table.insert(held, connection)
        if #held < 60 then return end
        for _, each in ipairs(held) do each:respond("") end
      end)
      session:close()
      session = http.ClientSession {limit = 0, timeout = 10}
      local requests = {}
      for i = 1, 60 do requests[i] = session:get(holding.url .. "/" .. i) end
      assert.equal(60, #await(async.gather(requests)))
      session:close()
      holding.stop()
    end)
  end)

  it("keeps its accounts under random cancellation", function()
    serve(function(connection) connection:respond("x") end)
    local other = rude_site.start(function(connection) connection:respond("y") end)
    math.randomseed(7)
    for _, limits in ipairs {{limit = 3}, {limit_per_host = 2}, {limit = 5, limit_per_host = 4}} do
      session:close()
      session = http.ClientSession(limits)
      local tasks, answered = {}, 0
      for i = 1, 200 do
        tasks[i] = async.create_task(session:get((i % 2 == 0 and site or other).url .. "/" .. i))
      end
      for _ = 1, 40 do
        await(async.sleep(0.0005))
        tasks[math.random(200)]:cancel()
      end
      for i = 1, 200 do
        local ok, result = pcall(await, tasks[i])
        if ok then answered = answered + 1 else assert_is(async.CancelledError, result) end
      end
      assert.is_true(answered >= 160)
      local pool = session:pool()
      assert.equal(0, pool.active)
      assert.equal(0, pool.waiting_count)
      assert.is_nil(next(pool.running))
      assert.is_nil(next(pool.hosts))
      assert.is_false(pool.timer)
    end
    other.stop()
  end)

  it("asks again on a new connection when the server has closed the kept one", function()
    serve(function(connection)
      connection:respond("once")
      connection:close()
    end)
    for _ = 1, 5 do assert.equal("once", await(await(session:get(site.url .. "/")):text())) end
    assert.is_true(#site.connections >= 5)
  end)
end)
