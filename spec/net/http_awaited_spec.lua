-- Responses of requests that are awaited: there as soon as their head is, and never in the way of the next request.
local async = require "lacuna"
local http = require "lacuna.http"
local rude_site = require "spec.support.rude_site"
local virtual = require "spec.support.virtual"
local await, raised = async.await, virtual.raised

local HEAD = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
local MIB = 1024 * 1024

local function chunk(text)
  return ("%x\r\n%s\r\n"):format(#text, text)
end

describe("a response that is awaited", function()
  local site, session, answer, connection

  before_each(function()
    site = rude_site.start(function(c, request)
      connection = c
      answer(c, request)
    end)
    session = http.ClientSession {timeout = 10, limit = 1}
  end)

  after_each(function()
    session:close()
    site.stop()
  end)

  local function get(opts)
    return await(session:get(site.url .. "/", opts))
  end

  it("is there before its body", function()
    function answer(c) c:write(HEAD) end
    local response = get()
    assert.equal(200, response.status)
    connection:write(chunk "the body" .. "0\r\n\r\n")
    assert.equal("the body", await(response:text()))
    assert.equal("the body", await(response:text()))
  end)

  it("gives what has come of its body, and then the rest", function()
    function answer(c) c:write(HEAD .. chunk "first") end
    local response = get()
    local portions = response:iter_chunked(1000)
    assert.equal("first", portions())
    connection:write(chunk "second\nthird")
    assert.equal("second", response:iter_lines()())
    connection:write("0\r\n\r\n")
    assert.equal("third", await(response:read()))
  end)

  it("is one also if its body fails, which is raised where that is read", function()
    function answer(c)
      c:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
      c:close()
    end
    for _ = 1, 20 do -- the end may come with the head, and after it
      local response = get()
      assert.equal(200, response.status)
      raised(http.ClientPayloadError, function() await(response:read()) end)
    end
  end)

  it("has its time-out while its body is read", function()
    function answer(c) c:write(HEAD) end
    local response = get {timeout = 0.05}
    raised(async.TimeoutError, function() await(response:read()) end)
  end)

  it("gives its connection back when nobody reads it, however large it is", function()
    function answer(c) c:respond(("x"):rep(4 * MIB)) end
    local first = get()
    assert.equal(4 * MIB, #await(get():read()))
    assert.equal(4 * MIB, #await(first:read()))
    assert.equal(1, #site.connections)
  end)

  it("makes the server wait for who reads it in portions", function()
    function answer(c) c:respond(("x"):rep(32 * MIB)) end
    local response = get()
    local size = #response:iter_chunked()()
    await(async.sleep(0.3))
    assert.is_true(connection.socket:get_write_queue_size() > 8 * MIB)
    for portion in response:iter_chunked() do size = size + #portion end
    assert.equal(32 * MIB, size)
  end)

  it("comes whole from fetch", function()
    local body = ("x"):rep(MIB)
    function answer(c) c:respond(body) end
    assert.equal(body, await(async.fetch(site.url)).body)
    function answer(c)
      c:write("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
      c:close()
    end
    raised(http.ClientPayloadError, function() await(async.fetch(site.url)) end)
    http.close()
  end)
end)
