-- lacuna.requests: HTTP that blocks, against a real server.
local async = require "lacuna"
local http = require "lacuna.http"
local requests = require "lacuna.requests"
local nginx_site = require "spec.support.nginx_site"
local rude_site = require "spec.support.rude_site"
local shell = require "spec.support.shell"
local time = require "lacuna.time"
local virtual = require "spec.support.virtual"
local await, raised = async.await, virtual.raised

describe("lacuna.requests", function()
  local site, session

  setup(function() site = nginx_site.start() end)
  teardown(function() site.stop() end)
  before_each(function() session = requests.Session() end)
  after_each(function() session:close() end)

  it("gives the response of a get", function()
    local response = session:get(site.http .. "/hello")
    assert.equal(200, response.status_code)
    assert.equal(200, response.status)
    assert.equal("OK", response.reason)
    assert.is_true(response.ok)
    assert.equal("Hello, World!", response.text)
    assert.equal("Hello, World!", response.content)
    assert.equal(site.http .. "/hello", response.url)
    assert.equal("13", response.headers["content-length"])
    assert.same({}, response.history)
    assert.equal(("<Response(%s/hello) [200 OK]>"):format(site.http), tostring(response))
  end)

  for _, method in ipairs {"get", "post", "put", "patch", "delete", "options", "head"} do
    it("sends the method " .. method, function()
      local response = session[method](session, site.http .. "/echo")
      assert.equal(method:upper(), response.method)
      if method ~= "head" then assert.equal(method:upper(), response.text:match("^%u+")) end
    end)
  end

  it("comes back from a thread whole", function()
    local response = await(async.to_thread(requests.get, site.http .. "/json"))
    assert.equal("한국", response:json().name)
    assert.equal(200, response.status_code)
    assert.equal("application/json", response.content_type)
  end)

  it("decodes JSON", function()
    assert.equal("한국", session:get(site.http .. "/json"):json().name)
    raised(async.ValueError, function() session:get(site.http .. "/hello"):json() end)
  end)

  it("takes the options that lacuna.http takes", function()
    local text = session:get(site.http .. "/echo", {
      params = {q = "한 글"}, headers = {["X-Test"] = "yes"}, auth = {"user", "pass"}, timeout = 5,
    }).text
    assert.equal("GET /echo?q=%ED%95%9C+%EA%B8%80 agent=lacuna x=yes auth=Basic dXNlcjpwYXNz "
      .. "accept=deflate, gzip, br, zstd", text)
    raised(async.TypeError, session.get, session, site.http, {tiemout = 5})
    raised(async.ValueError, session.request, session, "a b", site.http)
  end)

  it("follows redirects and keeps them", function()
    local response = session:get(site.http .. "/redirect/twice")
    assert.equal("Hello, World!", response.text)
    assert.equal(2, #response.history)
    assert.equal(302, response.history[1].status_code)
    assert.equal(302, session:get(site.http .. "/redirect", {allow_redirects = false}).status_code)
    raised(http.TooManyRedirects, session.get, session, site.http .. "/redirect/loop")
  end)

  it("keeps its connection", function()
    local first = session:get(site.http .. "/connection").text
    assert.equal(first, session:get(site.http .. "/connection").text)
  end)

  it("iterates over bodies, up to large ones", function()
    local response, size = session:get(site.http .. "/big"), 0
    for chunk in response:iter_content(1000000) do size = size + #chunk end
    assert.equal(10 * 1024 * 1024, size)
    for line in session:get(site.http .. "/hello"):iter_lines() do assert.equal("Hello, World!", line) end
  end)

  it("raises for a status when asked", function()
    local response = session:get(site.http .. "/teapot")
    assert.is_false(response.ok)
    assert.equal(418, raised(http.ClientResponseError, response.raise_for_status, response).status)
  end)

  it("raises the errors of lacuna.http, which it has, too", function()
    assert.equal(http.ClientError, requests.ClientError)
    local err = raised(requests.ClientConnectorError, session.get, session, "http://127.0.0.1:" .. site.closed_port)
    assert.is_true(async.isinstance(err.cause, async.ConnectionRefusedError))
    raised(requests.InvalidURL, session.get, session, "ftp://example.org/")
    raised(requests.ClientConnectorError, session.get, session, "http://nosuch.invalid/")
  end)

  it("gives up at its time-out", function()
    local socket = require("luv").new_tcp() -- connects and never answers
    assert(socket:bind("127.0.0.1", 0))
    assert(socket:listen(8, function() end))
    local url = ("http://127.0.0.1:%d/"):format(socket:getsockname().port)
    assert.equal(("GET %s: timed out after 0.05 s"):format(url),
      raised(async.TimeoutError, session.get, session, url, {timeout = 0.05}).message)
    assert.equal(200, session:get(site.http .. "/hello").status_code)
    socket:close()
  end)

  it("checks certificates", function()
    raised(http.ClientConnectorError, session.get, session, site.tls.selfsigned)
    assert.equal("secure", session:get(site.tls.good, {verify = site.ca}).text)
  end)

  it("blocks: nothing else runs until the answer is there", function()
    local turns = 0
    local ticker = async.create_task(function()
      while true do
        turns = turns + 1
        await(async.sleep(0))
      end
    end)
    await(async.sleep(0))
    local before = turns
    session:get(site.http .. "/hello")
    assert.equal(before, turns)
    ticker:cancel()
  end)

  it("is broken off in a worker thread whose call is cancelled", function()
    local silent = rude_site.start(function() end)
    local fetch = async.to_thread(requests.get, silent.url)
    local start = time.monotonic()
    raised(async.TimeoutError, function() await(async.wait_for(fetch, 0.1)) end)
    await(async.wait_for(silent.connections[1].closed, 5))
    assert.is_true(time.monotonic() - start < 3)
    silent.stop()
  end)

  it("works in a worker thread", function()
    local url = site.http .. "/hello"
    local fetch = function() return requests.get(url).text end
    assert.same({"Hello, World!", "Hello, World!"}, {await(async.to_thread(fetch)), await(async.to_thread(fetch))})
  end)

  it("works outside tasks, and leaves nothing that keeps the program alive", function()
    local result = shell.run(("%s -e 'print(require([[lacuna.requests]]).get([[%s/hello]]).text)'"):format(
      os.getenv("LACUNA"), site.http))
    assert.equal("Hello, World!\n", result.stdout)
    assert.equal(0, result.status)
  end)

  it("keeps cookies in a session, and none between calls of the module", function()
    session.cookie_jar:update_cookies {id = 42}
    assert.equal("elsewhere auth= cookie=id=42 x=", session:get(site.other .. "/echo").text)
    assert.equal("elsewhere auth= cookie= x=", requests.get(site.other .. "/echo", {cookies = {}}).text)
    requests.close()
    assert.equal("elsewhere auth= cookie= x=", requests.get(site.other .. "/echo").text)
    requests.close()
  end)

  it("answers nothing once the session is closed", function()
    session:close()
    session:close()
    raised(async.RuntimeError, session.get, session, site.http)
  end)

  it("has sessions that async.with closes", function()
    local kept
    async.with(requests.Session {base_url = site.http, raise_for_status = true}, function(opened)
      kept = opened
      assert.equal("Hello, World!", opened:get("/hello").text)
      raised(http.ClientResponseError, opened.get, opened, "/teapot")
    end)
    raised(async.RuntimeError, kept.get, kept, "/hello")
  end)
end)
