-- lacuna.http's options as they arrive at a server that sends the request back: bodies, authorization, cookies, proxy.
local async = require "lacuna"
local http = require "lacuna.http"
local json = require "lacuna.json"
local rude_site = require "spec.support.rude_site"
local virtual = require "spec.support.virtual"
local await, raised = async.await, virtual.raised

describe("lacuna.http", function()
  local site, session, answers

  before_each(function()
    answers = {} -- path → head of the response, instead of "200 OK"
    site = rude_site.start(function(connection, request)
      connection:respond(request, answers[request:match("^%u+ (%S+)")])
    end)
    session = http.ClientSession()
  end)

  after_each(function()
    session:close()
    site.stop()
  end)

  -- What the server saw.
  local function ask(path, opts, method)
    return await(await(session:request(method or "GET", site.url .. path, opts)):text())
  end

  local function assert_has(text, seen)
    assert.is_truthy(seen:find(text, 1, true), seen)
  end

  describe("sends the option json", function()
    it("as the body, with its content type", function()
      local seen = ask("/", {json = {b = {1, 2}, a = "한"}}, "POST")
      assert_has("\r\nContent-Type: application/json\r\n", seen)
      assert.equal('{"a":"한","b":[1,2]}', seen:match("\r\n\r\n(.*)"))
    end)

    it("whatever it is", function()
      assert.equal("false", ask("/", {json = false}, "PUT"):match("\r\n\r\n(.*)"))
      assert.equal("null", ask("/", {json = json.null}, "PUT"):match("\r\n\r\n(.*)"))
    end)

    it("with the content type that the headers name", function()
      local seen = ask("/", {json = {}, headers = {["content-type"] = "application/ld+json"}}, "POST")
      assert_has("\r\ncontent-type: application/ld+json\r\n", seen)
      assert.is_nil(seen:find("application/json", 1, true))
    end)

    it("unless data is given, too, or it cannot be encoded", function()
      raised(async.ValueError, ask, "/", {json = {}, data = "x"}, "POST")
      assert_has("a: a function cannot", raised(async.TypeError, ask, "/", {json = {a = print}}, "POST").message)
    end)
  end)

  describe("sends the option data", function()
    it("as text, and a table as a form", function()
      local seen = ask("/", {data = "plain 한"}, "POST")
      assert_has("\r\nContent-Type: text/plain; charset=utf-8\r\n", seen)
      assert.equal("plain 한", seen:match("\r\n\r\n(.*)"))
      seen = ask("/", {data = {b = "x y", a = {1, 2}}}, "PATCH")
      assert_has("\r\nContent-Type: application/x-www-form-urlencoded\r\n", seen)
      assert.equal("a=1&a=2&b=x+y", seen:match("\r\n\r\n(.*)"))
    end)
  end)

  describe("sends the option auth", function()
    it("as Basic authorization, of the request and of the session", function()
      assert_has("\r\nAuthorization: Basic dXNlcjpwYXNz\r\n", ask("/", {auth = {"user", "pass"}}))
      assert_has("\r\nAuthorization: Basic dTrtlZw=\r\n", ask("/", {auth = {"u", "한"}}))
      assert_has("\r\nAuthorization: Basic dXNlcjo=\r\n", ask("/", {auth = {"user"}}))
      session:close()
      session = http.ClientSession {auth = {"me", "secret"}, headers = {["X-Test"] = "1"}}
      local seen = ask "/"
      assert_has("\r\nAuthorization: Basic bWU6c2VjcmV0\r\n", seen)
      assert_has("\r\nX-Test: 1\r\n", seen)
      assert_has("\r\nAuthorization: Basic dXNlcjpwYXNz\r\n", ask("/", {auth = {"user", "pass"}}))
    end)

    it("unless it is none", function()
      raised(async.ValueError, ask, "/", {auth = {"a:b", "c"}})
      raised(async.ValueError, ask, "/", {auth = {1}})
      raised(async.ValueError, http.ClientSession, {auth = {}})
      raised(async.ValueError, http.ClientSession, {limit = -1})
    end)

    it("and what the URL has of it, which no response and no error shows", function()
      local with_secret = site.url:gsub("//", "//user:p%%61ss@")
      local function get(path, opts) return await(session:get(with_secret .. path, opts)) end
      local response = get "/"
      assert.equal(site.url .. "/", response.url)
      assert_has("\r\nAuthorization: Basic dXNlcjpwYXNz\r\n", await(response:text()))
      raised(async.ValueError, get, "/", {auth = {"user", "pass"}})
      answers["/missing"] = "HTTP/1.1 404 Not Found\r\n"
      local err = raised(http.ClientResponseError, get, "/missing", {raise_for_status = true})
      assert.equal(("GET %s/missing: 404 Not Found"):format(site.url), err.message)
      answers["/in"] = ("HTTP/1.1 302 Found\r\nLocation: %s/\r\n"):format(with_secret)
      assert_has("\r\nAuthorization: Basic dXNlcjpwYXNz\r\n", ask("/in", {auth = {"other", "pass"}}))
    end)
  end)

  describe("keeps cookies", function()
    it("that a server sets, for the requests that follow, redirects among them", function()
      answers["/login"] = "HTTP/1.1 302 Found\r\nLocation: /in\r\nSet-Cookie: id=42; Path=/; HttpOnly\r\n"
        .. "set-cookie: theme=dark\r\n"
      local response = await(session:get(site.url .. "/login"))
      assert_has("\r\nCookie: id=42; theme=dark\r\n", await(response:text()))
      assert.same({id = "42", theme = "dark"}, response.history[1].cookies)
      assert.same({}, response.cookies)
      assert_has("\r\nCookie: id=42; theme=dark\r\n", ask "/later")
      assert.same({id = "42", theme = "dark"}, session.cookie_jar:filter_cookies(site.url))
    end)

    it("until the server takes them back, or the jar is cleared", function()
      answers["/in"] = "HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Path=/\r\nSet-Cookie: other=1; Path=/\r\n"
      answers["/out"] = "HTTP/1.1 200 OK\r\nSET-COOKIE: id=; Path=/; Max-Age=0\r\n"
      ask "/in"
      ask "/out"
      assert_has("\r\nCookie: other=1\r\n", ask "/later")
      session.cookie_jar:clear()
      assert.is_nil(ask("/later"):find("Cookie"))
    end)

    it("of a session apart from those of another", function()
      answers["/in"] = "HTTP/1.1 200 OK\r\nSet-Cookie: id=42; Path=/\r\n"
      ask "/in"
      session:close()
      session = http.ClientSession {cookies = {given = "yes", n = 1}}
      assert_has("\r\nCookie: given=yes; n=1\r\n", ask "/")
    end)

    it("and sends a request's own before them, once", function()
      answers["/in"] = "HTTP/1.1 200 OK\r\nSet-Cookie: a=jar; Path=/\r\nSet-Cookie: b=jar; Path=/\r\n"
      ask "/in"
      assert_has("\r\nCookie: a=own; c=own; b=jar\r\n", ask("/", {cookies = {c = "own", a = "own"}}))
      assert_has("\r\nCookie: a=jar; b=jar\r\n", ask "/")
      assert_has("\r\nCookie: x=1\r\n", ask("/", {headers = {Cookie = "x=1"}}))
      assert_has("cookie a;b", raised(async.ValueError, ask, "/", {cookies = {["a;b"] = "c"}}).message)
    end)

    it("but does not take a request's own to another host", function()
      local other = rude_site.start(function(connection, request) connection:respond(request) end)
      answers["/away"] = ("HTTP/1.1 302 Found\r\nLocation: %s/\r\n"):format(other.url)
      local seen = ask("/away", {cookies = {own = "1"}, auth = {"user", "pass"}, headers = {["X-Kept"] = "yes"}})
      other.stop()
      assert.is_nil(seen:find("Cookie", 1, true), seen)
      assert.is_nil(seen:find("Authorization", 1, true), seen)
      assert_has("X-Kept: yes", seen)
    end)
  end)

  describe("sends the option proxy", function()
    it("the whole URL, of the request and of the session", function()
      local function through(opts)
        return await(await(session:get("http://nosuch.invalid/path?q=1", opts)):text())
      end
      assert_has("GET http://nosuch.invalid/path?q=1 HTTP/1.1\r\n", through {proxy = site.url})
      raised(http.ClientConnectorError, through) -- the next one goes straight again
      session:close()
      session = http.ClientSession {proxy = site.url}
      assert_has("GET http://nosuch.invalid/path?q=1 HTTP/1.1\r\n", through())
    end)
  end)

  describe("iterates over a body", function()
    local function collect(iterator)
      local items = {}
      for item in iterator do items[#items + 1] = item end
      return items
    end

    it("by portions and by lines", function()
      local requests = rude_site.start(function(connection) connection:respond("ab\ncd\r\n\r\n한") end)
      local response = await(session:get(requests.url))
      await(response:read())
      assert.same({"ab\n", "cd\r", "\n\r\n", "한"}, collect(response:iter_chunked(3)))
      assert.same({"ab\ncd\r\n\r\n한"}, collect(response:iter_chunked()))
      assert.same({"ab", "cd", "", "한"}, collect(response:iter_lines()))
      raised(async.ValueError, response.iter_chunked, response, 0)
      raised(async.ValueError, response.iter_chunked, response, "x")
      requests.stop()
    end)
  end)

  describe("says in words", function()
    local function message_of(path, opts)
      return raised(async.Error, ask, path, opts).message:gsub("^GET " .. site.url:gsub("%p", "%%%0"), "")
    end

    it("how long it waited, and for what", function()
      local silent = rude_site.start(function() end)
      local address = site.url
      site.url = silent.url
      assert.equal("/x: timed out after 0.05 s", message_of("/x", {timeout = 0.05}))
      assert.equal("/x: timed out: the server has been silent for 0.05 s",
        message_of("/x", {timeout = {sock_read = 0.05}}))
      site.url = address
      silent.stop()
    end)

    it("which host it cannot find", function()
      local err = raised(http.ClientConnectorError, function() await(session:get("http://nosuch.invalid/")) end)
      assert.equal("GET http://nosuch.invalid/: cannot find the host nosuch.invalid", err.message)
    end)
  end)
end)
