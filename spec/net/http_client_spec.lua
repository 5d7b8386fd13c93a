-- lacuna.http against a real server: requests, responses, redirects, connections, TLS.
local async = require "lacuna"
local http = require "lacuna.http"
local nginx_site = require "spec.support.nginx_site"
local rude_site = require "spec.support.rude_site"
local await = async.await

local function raised(fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  return err
end

describe("lacuna.http", function()
  local site, session

  setup(function() site = nginx_site.start() end)
  teardown(function() site.stop() end)
  before_each(function() session = http.ClientSession() end)
  after_each(function() session:close() end)

  local function get(path, opts) return await(session:get(site.http .. path, opts)) end

  local function body_of(path, opts) return await(get(path, opts):text()) end

  describe("a request", function()
    it("starts nothing until it is awaited", function()
      local request = session:get("http://127.0.0.1:" .. site.closed_port)
      assert.equal("<ClientSession closed=false>", tostring(session))
      assert.equal(("<Request GET http://127.0.0.1:%d>"):format(site.closed_port), tostring(request))
    end)

    it("gives a Response when it is awaited", function()
      local response = await(session:get(site.http .. "/hello"))
      assert.equal(200, response.status)
      assert.equal("Hello, World!", await(response:text()))
      assert.equal("Hello, World!", await(response:read()))
    end)

    it("gives a Response when it is entered", function()
      local text = async.with(session:get(site.http .. "/hello"), function(response)
        return await(response:text())
      end)
      assert.equal("Hello, World!", text)
    end)

    it("can be awaited once", function()
      local request = session:get(site.http .. "/hello")
      await(request)
      assert.is_true(async.isinstance(raised(await, request), async.RuntimeError))
    end)

    it("can be gathered with others", function()
      local responses = await(async.gather(session:get(site.http .. "/hello"), session:get(site.http .. "/none")))
      assert.equal(200, responses[1].status)
      assert.equal(204, responses[2].status)
    end)

    it("says who asks, and what it can decode", function()
      assert.equal("GET /echo agent=lacuna x= auth= accept=deflate, gzip, br, zstd", body_of "/echo")
    end)

    for _, method in ipairs {"get", "post", "put", "patch", "delete", "options"} do
      it("is sent with the method " .. method, function()
        local response = await(session[method](session, site.http .. "/echo"))
        assert.equal(method:upper(), response.method)
        assert.equal(method:upper(), await(response:text()):match("^%u+"))
      end)
    end

    it("is sent with the method head, which has no body", function()
      local response = await(session:head(site.http .. "/small"))
      assert.equal("1024", response.headers["Content-Length"])
      assert.equal("", await(response:read()))
    end)

    it("is sent with a method of any name", function()
      assert.equal("PURGE", await(await(session:request("purge", site.http .. "/echo")):text()):match("^%u+"))
      assert.is_true(async.isinstance(raised(session.request, session, "a b", site.http), async.ValueError))
    end)

    it("takes no proxy from the environment", function()
      local uv = require "luv"
      uv.os_setenv("http_proxy", "http://127.0.0.1:" .. site.closed_port)
      local ok, response = pcall(get, "/hello")
      uv.os_unsetenv("http_proxy")
      assert.is_true(ok, tostring(response))
      assert.equal(200, response.status)
    end)

    it("sends params, headers and UTF-8 paths", function()
      local text = body_of("/echo", {params = {q = "한", n = 1}, headers = {["X-Test"] = "값"}})
      assert.is_truthy(text:find("/echo?n=1&q=%ED%95%9C", 1, true), text)
      assert.is_truthy(text:find("x=값", 1, true), text)
      assert.equal(404, get("/없다").status)
    end)

    it("refuses an option that it does not know, by name", function()
      local err = raised(session.get, session, site.http, {time_out = 1})
      assert.is_true(async.isinstance(err, async.TypeError))
      assert.is_truthy(err.message:find("time_out", 1, true))
      assert.is_true(async.isinstance(raised(http.ClientSession, {limits = 1}), async.TypeError))
      assert.is_true(async.isinstance(raised(session.get, session, site.http, {headers = 1}), async.TypeError))
      assert.is_true(async.isinstance(raised(session.get, session, site.http, {timeout = {all = 1}}), async.TypeError))
      assert.is_true(async.isinstance(raised(session.get, session, site.http, {timeout = -1}), async.ValueError))
    end)

    it("refuses what is no URL, by name", function()
      for _, url in ipairs {"", "nowhere", "ftp://127.0.0.1/", "http://", "http://a b/", "http://127.0.0.1:99999/"} do
        local err = raised(await, session:get(url))
        assert.is_true(async.isinstance(err, http.InvalidURL), tostring(err))
        assert.is_truthy(err.message:find(url, 1, true))
        assert.equal(url, err.url)
      end
      assert.is_true(async.isinstance(raised(await, session:get(nil)), http.InvalidURL))
    end)

    it("refuses a header that would end its line", function()
      local request = session:get(site.http, {headers = {A = "1\r\nB: 2"}})
      assert.is_true(async.isinstance(raised(await, request), async.ValueError))
    end)
  end)

  describe("a response", function()
    it("tells what the server said", function()
      local response = get "/teapot"
      assert.equal(418, response.status)
      assert.is_false(response.ok)
      assert.equal(site.http .. "/teapot", response.url)
      assert.equal("text/plain", response.content_type)
      assert.is_nil(response.charset)
      assert.same({}, response.history)
      assert.equal("OK", get("/hello").reason)
      assert.is_true(get("/hello").ok)
      assert.equal(("<Response(%s/hello) [200 OK]>"):format(site.http), tostring(get("/hello")))
    end)

    it("knows content type and charset in lower case", function()
      local response = get "/latin"
      assert.equal("text/html", response.content_type)
      assert.equal("euc-kr", response.charset)
      assert.equal("application/octet-stream", get("/none").content_type)
    end)

    for _, encoding in ipairs {"gzip", "br", "zstd"} do
      it("is decoded from " .. encoding, function()
        local response = get("/" .. encoding .. "/text.html")
        assert.equal(encoding, response.headers["Content-Encoding"])
        assert.equal(("<p>한국어</p>"):rep(500), await(response:text()))
      end)
    end

    it("may have a body of 10 MiB, and many at once", function()
      local bodies = {}
      for i = 1, 4 do bodies[i] = function() return await(get("/big"):read()) end end
      for _, body in ipairs(await(async.gather(bodies))) do
        assert.is_true(body == ("0123456789abcdef"):rep(640 * 1024))
      end
    end)

    it("decodes JSON", function()
      local json = require "lacuna.json"
      local value = await(get("/json"):json())
      assert.equal("한국", value.name)
      assert.same({1, 2}, value.list)
      assert.equal(json.null, value.none)
      assert.is_nil(await(get("/empty.json"):json()))
    end)

    it("refuses to decode what is no JSON", function()
      local err = raised(function() return await(get("/hello"):json()) end)
      assert.is_true(async.isinstance(err, http.ContentTypeError))
      assert.is_true(async.isinstance(err, http.ClientResponseError))
      err = raised(function() return await(get("/broken.json"):json()) end)
      assert.is_true(async.isinstance(err, async.ValueError))
      assert.is_truthy(err.message:find("character 9", 1, true), err.message)
      err = raised(function() return await(get("/hello"):json {content_type = false}) end)
      assert.is_true(async.isinstance(err, async.ValueError))
    end)

    it("raises for its status when asked", function()
      get("/hello"):raise_for_status()
      local response = get "/teapot"
      local err = raised(response.raise_for_status, response)
      assert.is_true(async.isinstance(err, http.ClientResponseError))
      assert.equal(418, err.status)
      assert.is_truthy(err.message:find(site.http .. "/teapot: 418", 1, true), err.message)
      assert.equal(418, raised(await, session:get(site.http .. "/teapot", {raise_for_status = true})).status)
      response:close()
    end)
  end)

  describe("a redirect", function()
    it("is followed, and kept in the history", function()
      local response = get "/redirect/twice"
      assert.equal("Hello, World!", await(response:text()))
      assert.equal(site.http .. "/hello", response.url)
      assert.equal(2, #response.history)
      assert.equal(302, response.history[1].status)
      assert.equal(site.http .. "/redirect/twice", response.history[1].url)
      assert.equal(site.http .. "/redirect", response.history[2].url)
      assert.same({}, response.history[1].history)
    end)

    it("may be relative", function()
      assert.equal(site.http .. "/hello?from=here", get("/redirect/relative").url)
    end)

    it("is not followed when not wanted, nor for HEAD", function()
      assert.equal(302, get("/redirect", {allow_redirects = false}).status)
      assert.equal(302, await(session:head(site.http .. "/redirect")).status)
      assert.equal(200, await(session:head(site.http .. "/redirect", {allow_redirects = true})).status)
    end)

    it("turns a POST into a GET, but for 307 and 308", function()
      local function method_after(path)
        local response = await(session:post(site.http .. path, {data = "x"}))
        return await(response:text()):match("^%u+")
      end
      assert.equal("GET", method_after "/redirect/303")
      assert.equal("POST", method_after "/redirect/308")
    end)

    it("without an end raises TooManyRedirects with the history", function()
      local err = raised(await, session:get(site.http .. "/redirect/loop"))
      assert.is_true(async.isinstance(err, http.TooManyRedirects))
      assert.is_truthy(err.message:find(site.http .. "/redirect/loop", 1, true))
      assert.equal(10, #err.history)
      err = raised(await, session:get(site.http .. "/redirect/loop", {max_redirects = 2}))
      assert.equal(2, #err.history)
    end)

    it("to a file is refused", function()
      local err = raised(await, session:get(site.http .. "/redirect/file"))
      assert.is_true(async.isinstance(err, http.InvalidURL))
      assert.is_truthy(err.message:find("file:///etc/passwd", 1, true), err.message)
    end)

    it("to another host does not carry the credentials, but the other headers", function()
      local headers = {Authorization = "Bearer secret", Cookie = "a=1", ["X-Test"] = "kept"}
      assert.equal("elsewhere auth= cookie= x=kept", body_of("/redirect/away", {headers = headers}))
    end)

    it("to a host that refuses is an error that names that host", function()
      local err = raised(await, session:get(site.http .. "/redirect/nowhere"))
      assert.is_true(async.isinstance(err, http.ClientConnectorError))
      assert.is_truthy(err.message:find("http://127.0.0.1:" .. site.closed_port, 1, true))
    end)

    it("without a place to go is the response", function()
      assert.equal(304, get("/redirect/none").status)
    end)
  end)

  describe("a session", function()
    it("keeps a connection for the next request", function()
      local first = body_of "/connection"
      for _ = 1, 5 do assert.equal(first, body_of "/connection") end
    end)

    it("keeps as many connections as requests ran at once, up to its limit", function()
      local narrow = http.ClientSession {limit = 3}
      local seen, count = {}, 0
      local requests = {}
      for i = 1, 30 do
        requests[i] = function()
          local number = await(await(narrow:get(site.http .. "/connection")):text())
          if not seen[number] then count = count + 1 end
          seen[number] = true
        end
      end
      await(async.gather(requests))
      narrow:close()
      assert.is_true(count <= 3, count .. " connections")
    end)

    it("adds base_url, headers and raise_for_status to its requests", function()
      local based = http.ClientSession {
        base_url = site.http .. "/redirect/", headers = {["X-Test"] = "mine"}, raise_for_status = true,
      }
      assert.is_truthy(await(await(based:get("/echo")):text()):find("x=mine", 1, true))
      local text = await(await(based:get("../echo", {headers = {["x-test"] = "yours"}})):text())
      assert.is_truthy(text:find("x=yours", 1, true))
      assert.equal(418, raised(await, based:get("/teapot")).status)
      based:close()
    end)

    it("is a context manager that closes it", function()
      local inner = async.with(http.ClientSession(), function(s)
        await(s:get(site.http .. "/hello"))
        return s
      end)
      assert.is_true(inner.closed)
      assert.is_true(async.isinstance(raised(await, inner:get(site.http)), async.RuntimeError))
    end)

    it("may be closed twice, and closing may be awaited", function()
      local other = http.ClientSession()
      await(other:get(site.http .. "/hello"))
      await(other:close())
      other:close()
    end)

    it("fails what runs and what waits when it is closed", function()
      local silent = rude_site.start(function() end)
      local one = http.ClientSession {limit = 1}
      local tasks = {}
      for i = 1, 3 do tasks[i] = async.create_task(one:get(silent.url .. "/")) end
      await(async.sleep(0))
      one:close()
      for _, task in ipairs(tasks) do
        local err = raised(await, task)
        assert.is_true(async.isinstance(err, http.ClientConnectionError), tostring(err))
      end
      silent.stop()
    end)

    it("can be dropped without closing it", function()
      await(http.ClientSession():get(site.http .. "/hello"))
    end)

    it("is shared by the module's functions", function()
      local first = await(await(http.get(site.http .. "/connection")):text())
      assert.equal(first, await(await(http.fetch(site.http .. "/connection")):text()))
      assert.equal("POST", await(await(http.post(site.http .. "/echo")):text()):match("^%u+"))
      assert.equal(200, await(http.request("GET", site.http .. "/hello")).status)
      assert.equal("Hello, World!", await(await(async.fetch(site.http .. "/hello")):text()))
      http.close()
      assert.equal(200, await(http.get(site.http .. "/hello")).status)
      http.close()
    end)

    it("tries the next address of a host when one refuses", function()
      local url = site.other:gsub("127%.0%.0%.1", "localhost") -- ::1 comes first, nginx listens on 127.0.0.1 only
      for _ = 1, 5 do
        local fresh = http.ClientSession()
        assert.equal(200, await(fresh:get(url .. "/echo", {timeout = 5})).status)
        fresh:close()
      end
    end)

    it("reaches an IPv6 address", function()
      if not site.http6 then return pending("no IPv6 here") end
      assert.equal("Hello, World!", await(await(session:get(site.http6 .. "/hello")):text()))
    end)
  end)

  describe("TLS", function()
    it("accepts a certificate of the CA that verify names, and keeps the connection", function()
      local opts = {verify = site.ca}
      local first = await(await(session:get(site.tls.good .. "/connection", opts)):text())
      assert.equal(first, await(await(session:get(site.tls.good .. "/connection", opts)):text()))
    end)

    for name, reason in pairs {
      otherhost = "target host name", selfsigned = "self-signed certificate", expired = "certificate has expired",
    } do
      it("refuses a certificate that is " .. name, function()
        local err = raised(await, session:get(site.tls[name], {verify = site.ca}))
        assert.is_true(async.isinstance(err, http.ClientConnectorError))
        assert.is_truthy(err.message:find(reason, 1, true), err.message)
        assert.is_truthy(err.message:find(site.tls[name], 1, true))
      end)

      it("accepts it when told not to verify, for that request only: " .. name, function()
        assert.equal("secure", await(await(session:get(site.tls[name], {verify = false})):text()))
        assert.is_true(async.isinstance(raised(await, session:get(site.tls[name])), http.ClientConnectorError))
      end)
    end

    it("trusts only the system's certificates by default, also after another CA was trusted", function()
      await(session:get(site.tls.good, {verify = site.ca}))
      local err = raised(await, session:get(site.tls.good))
      assert.is_true(async.isinstance(err, http.ClientConnectorError))
    end)

    it("verifies as the session says", function()
      local trusting = http.ClientSession {verify = site.ca}
      assert.equal(200, await(trusting:get(site.tls.good)).status)
      trusting:close()
    end)

    it("says which CA file cannot be read", function()
      local err = raised(await, session:get(site.tls.good, {verify = "/nowhere/ca.pem"}))
      assert.is_true(async.isinstance(err, http.ClientConnectorError))
      assert.is_truthy(err.message:find("/nowhere/ca.pem", 1, true), err.message)
    end)

    it("to a server that speaks none is an error in words", function()
      local err = raised(await, session:get((site.http:gsub("^http:", "https:"))))
      assert.is_true(async.isinstance(err, http.ClientConnectorError))
      assert.is_truthy(err.message:find("cannot make a secure connection", 1, true), err.message)
    end)
  end)
end)
