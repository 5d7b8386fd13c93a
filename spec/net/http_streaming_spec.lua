-- Responses that are entered with async.with: the head first, then the body at the reader's pace.
local async = require "lacuna"
local http = require "lacuna.http"
local rude_site = require "spec.support.rude_site"
local virtual = require "spec.support.virtual"
local await, raised = async.await, virtual.raised

local HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"

local function chunk(text)
  return ("%x\r\n%s\r\n"):format(#text, text)
end

describe("a response that is entered", function()
  local site, session, answer

  before_each(function()
    site = rude_site.start(function(connection, request)
      if request:find("^GET /hello ") then return connection:respond("hello") end
      answer(connection, request)
    end)
    session = http.ClientSession {timeout = 10}
  end)

  after_each(function()
    session:close()
    site.stop()
  end)

  local function enter(body, opts)
    return async.with(session:get(site.url .. "/", opts), body)
  end

  -- The session goes on as if nothing had happened.
  local function assert_goes_on()
    assert.equal(0, session:pool().active)
    assert.equal("hello", await(await(session:get(site.url .. "/hello")):text()))
  end

  it("is there before its body", function()
    local connection
    function answer(c)
      connection = c
      c:write(HEAD)
    end
    enter(function(response)
      assert.equal(200, response.status)
      assert.equal("chunked", response.headers["Transfer-Encoding"])
      connection:write(chunk "first\nsec")
      local lines = response:iter_lines()
      assert.equal("first", lines())
      connection:write(chunk "ond\nlast" .. "0\r\n\r\n")
      assert.equal("second", lines())
      assert.equal("last", lines())
      assert.is_nil(lines())
    end)
    assert_goes_on()
    assert.equal(1, #site.connections)
  end)

  it("gives its body as a whole, too", function()
    function answer(connection) connection:write(HEAD .. chunk '{"a":1}' .. "0\r\n\r\n") end
    assert.equal('{"a":1}', enter(function(response) return await(response:text()) end))
    enter(function(response)
      assert.equal('{"a":1}', await(response:read()))
      assert.equal('{"a":1}', await(response:read()))
      assert.equal(1, await(response:json {content_type = false}).a)
    end)
  end)

  it("gives in one piece what is left of a body that was begun", function()
    function answer(connection) connection:respond("0123456789") end
    enter(function(response)
      assert.equal("012", response:iter_chunked(3)())
      assert.equal("3", response:iter_chunked(1)())
      assert.equal("456789", await(response:read()))
    end)
  end)

  it("takes a large body in portions of at most the size asked for", function()
    function answer(connection) connection:respond(("0123456789"):rep(300000)) end
    enter(function(response)
      local size, count = 0, 0
      for portion in response:iter_chunked(100000) do
        size, count = size + #portion, count + 1
        assert.is_true(#portion > 0 and #portion <= 100000)
      end
      assert.equal(3000000, size)
      assert.is_true(count >= 30)
    end)
  end)

  it("makes the server wait while nobody reads, without a time-out", function()
    local connection
    local body = ("x"):rep(32 * 1024 * 1024)
    function answer(c)
      connection = c
      c:respond(body)
    end
    enter(function(response)
      await(async.sleep(1.2))
      assert.is_true(connection.socket:get_write_queue_size() > 16 * 1024 * 1024)
      local size = 0
      for portion in response:iter_chunked() do size = size + #portion end
      assert.equal(32 * 1024 * 1024, size)
    end, {timeout = {sock_read = 0.5}})
  end)

  it("closes its connection when it is left with its body unread", function()
    function answer(connection) connection:write(HEAD .. chunk "part") end
    session:close()
    session = http.ClientSession {limit = 1, timeout = 5}
    local left
    enter(function(response)
      left = response
      assert.equal("part", response:iter_chunked(4)())
    end)
    await(async.wait_for(site.connections[1].closed, 5))
    raised(http.ClientConnectionError, function() await(left:read()) end)
    assert_goes_on()
  end)

  it("cannot be read any more once it is left, however little it was", function()
    function answer(connection) connection:respond("small") end
    local left
    enter(function(response) left = response end)
    local err = raised(http.ClientConnectionError, function() await(left:text()) end)
    assert.equal(("GET %s/: the response was closed"):format(site.url), err.message)
    enter(function(response)
      left = response
      await(response:text())
    end)
    assert.equal("small", await(left:text()))
    assert.equal(1, #site.connections)
  end)

  it("raises in the middle of its body what ends the transfer", function()
    function answer(connection)
      connection:write(HEAD .. chunk "part")
      connection:close()
    end
    raised(http.ClientPayloadError, enter, function(response)
      for _ in response:iter_chunked() do end -- luacheck: ignore 542
    end)
    function answer(connection) connection:write(HEAD .. chunk "part") end
    raised(async.TimeoutError, enter, function(response) await(response:read()) end, {timeout = {sock_read = 0.05}})
    raised(async.TimeoutError, enter, function(response) await(response:read()) end, {timeout = 0.05})
    assert_goes_on()
  end)

  it("is aborted when its reader is cancelled", function()
    function answer(connection) connection:write(HEAD .. chunk "part") end
    local is_reading = async.Future()
    local task = async.create_task(function()
      enter(function(response)
        local portions = response:iter_chunked(4)
        portions()
        is_reading:set_result()
        portions()
      end)
    end)
    await(is_reading)
    task:cancel()
    raised(async.CancelledError, await, task)
    await(async.wait_for(site.connections[1].closed, 5))
    assert_goes_on()
  end)

  it("has one reader at a time", function()
    function answer(connection) connection:write(HEAD) end
    enter(function(response)
      local first = async.create_task(response:read())
      await(async.sleep(0))
      raised(async.RuntimeError, function() await(response:read()) end)
      first:cancel()
      raised(async.CancelledError, await, first)
    end)
  end)

  it("fails its reader when the session is closed", function()
    function answer(connection) connection:write(HEAD) end
    raised(http.ClientConnectionError, enter, function(response)
      local reader = async.create_task(response:read())
      await(async.sleep(0))
      session:close()
      await(reader)
    end)
  end)

  it("follows redirects that have a body", function()
    function answer(connection, request)
      if request:find("^GET /end") then return connection:respond("the end") end
      connection:write("HTTP/1.1 302 Found\r\nLocation: /end\r\nTransfer-Encoding: chunked\r\n\r\n" .. chunk "moved")
      connection:write("0\r\n\r\n")
    end
    enter(function(response)
      assert.equal("the end", await(response:text()))
      assert.equal("moved", await(response.history[1]:text()))
    end)
    assert.equal(1, #site.connections)
  end)

  it("is let go of when its status raises", function()
    function answer(connection)
      connection:write("HTTP/1.1 500 Oh\r\nTransfer-Encoding: chunked\r\n\r\n" .. chunk "part")
    end
    local err = raised(http.ClientResponseError, enter, error, {raise_for_status = true})
    assert.equal(500, err.status)
    await(async.wait_for(site.connections[1].closed, 5))
    assert_goes_on()
  end)

  it("waits for the final head after an interim one", function()
    local connection
    function answer(c)
      connection = c
      c:write("HTTP/1.1 100 Continue\r\n\r\n")
      require("luv").new_timer():start(20, 0, function() connection:write(HEAD .. chunk "body" .. "0\r\n\r\n") end)
    end
    enter(function(response)
      assert.equal(200, response.status)
      assert.equal("body", await(response:text()))
    end)
  end)
end)
