-- scripts/crawler.lua as its users run it: a program of its own, its report read line by line.
local async = require "lacuna"
local uv = require "luv"
local closed_port = require "spec.support.closed_port"
local nginx_site = require "spec.support.nginx_site"
local rude_site = require "spec.support.rude_site"
local shell = require "spec.support.shell"
local await = async.await

local LACUNA = os.getenv("LACUNA") or "build/lacuna"
local SCRIPT = "scripts/crawler.lua"

-- Starts the crawler without waiting for it. `output` fills while it runs; `ended` gives status and signal.
local function start(addresses, on_output)
  local child = {output = "", errors = "", ended = async.Future()}
  local out, err = uv.new_pipe(), uv.new_pipe()
  local open_ends, status, signal = 3, nil, nil
  local function close(handle)
    handle:close()
    open_ends = open_ends - 1
    if open_ends == 0 then child.ended:set_result(status, signal) end
  end
  child.handle = assert(uv.spawn(LACUNA, {args = {SCRIPT, unpack(addresses)}, stdio = {nil, out, err}},
    function(code, number)
      status, signal = code, number
      close(child.handle)
    end))
  out:read_start(function(_, data)
    if not data then return close(out) end
    child.output = child.output .. data
    if on_output then on_output(child) end
  end)
  err:read_start(function(_, data)
    if not data then return close(err) end
    child.errors = child.errors .. data
  end)
  return child
end

-- The report's page lines, taken apart; `reason` is nil where nothing went wrong.
local function pages_of(output)
  local pages = {}
  for line in output:match("^[^\n]*\n(.-)\n\n"):gmatch("[^\n]+") do
    local status, bytes, ms, rest = line:match("^ *(%S+) +(%S+) +(%d+)  (.*)$")
    assert(status, "not a page line: " .. line)
    local url, reason = rest:match("^(.-)  (.+)$")
    pages[#pages + 1] = {status = status, bytes = bytes, ms = tonumber(ms), url = url or rest, reason = reason}
  end
  return pages
end

-- Runs the crawler to its end, which must be a good one; returns its pages, by URL too, and all it printed.
local function crawl(...)
  local child = start {...}
  local status, signal = await(async.wait_for(child.ended, 60))
  assert.equal("", child.errors)
  assert.same({0, 0}, {status, signal})
  local pages = pages_of(child.output)
  for _, page in ipairs(pages) do pages[page.url] = page end
  return pages, child.output
end

describe("scripts/crawler.lua", function()
  local site
  after_each(function()
    if site then site.stop() end
    site = nil
  end)

  local function html(body)
    return function(connection) connection:respond(body, "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\n") end
  end

  -- Serves pages by path: bodies, or functions of the connection. Returns the paths asked for, which fill as it serves.
  local function serve(answers)
    local asked = {}
    site = rude_site.start(function(connection, request)
      local path = request:match("^GET (%S+)")
      asked[#asked + 1] = path
      local answer = answers[path]
      if not answer then return connection:respond("none", "HTTP/1.1 404 Not Found\r\nContent-Type: text/html\r\n") end
      if type(answer) == "string" then answer = html(answer) end
      answer(connection)
    end)
    return asked
  end

  describe("without arguments", function()
    local pages, output

    setup(function() pages, output = crawl() end)

    it("reports 30 pages and more of a site of its own, each once", function()
      assert.is_true(#pages >= 30, output)
      for _, page in ipairs(pages) do assert.equal(page, pages[page.url]) end
    end)

    it("reports answers, missing and broken pages, time-outs and refused connections", function()
      local counts = {}
      for _, page in ipairs(pages) do
        counts[page.status] = (counts[page.status] or 0) + 1
        assert.equal(tonumber(page.status) == nil, page.bytes == "-", page.url)
        assert.equal(tonumber(page.status) == nil, page.reason ~= nil, page.url)
      end
      assert.is_true(counts["200"] >= 30)
      assert.equal(1, counts["404"])
      assert.equal(1, counts["500"])
      assert.equal(2, counts.timeout)
      assert.equal(1, counts.failed)
      assert.is_truthy(output:find("/nobody-listens  cannot connect: connection refused\n", 1, true), output)
    end)

    it("takes at most a quarter of the sum of the single times", function()
      local elapsed, sum = output:match("elapsed ([%d.]+) s, sum of the single times ([%d.]+) s")
      assert.is_true(tonumber(elapsed) * 4 <= tonumber(sum), output)
      local total_ms = 0
      for _, page in ipairs(pages) do total_ms = total_ms + page.ms end
      assert.is_true(math.abs(total_ms / 1000 - sum) < 0.1, output)
    end)

    it("stays on its host", function()
      assert.is_nil(output:find("example.org", 1, true))
    end)

    it("shows Korean addresses as they are written", function()
      assert.is_truthy(output:find("/한국어/바다\n", 1, true), output)
    end)

    it("ends on Ctrl-C with status 130, after the summary", function()
      local is_interrupted
      local child = start({}, function(child)
        if is_interrupted or not child.output:find("http://", 1, true) then return end
        is_interrupted = true
        child.handle:kill("sigint")
      end)
      assert.same({130, 0}, {await(async.wait_for(child.ended, 60))})
      assert.equal("", child.errors)
      assert.is_truthy(child.output:find("\nelapsed %d"), child.output)
    end)
  end)

  describe("with the URL of a site", function()
    it("follows relative links, without fragments, each URL once", function()
      local asked = serve {
        ["/docs/"] = [[<a href="a">1</a> <A class=x HREF = './a#end'>2</A> <a href="/b?x=1&amp;y=2">3</a>
          <a href="../b">4</a> <a href="#top">5</a> <a href="mailto:x@example.org">6</a>
          <a href="http://example.org/">7</a>]],
        ["/docs/a"] = '<a href="../docs/">back</a>',
        ["/b?x=1&y=2"] = "x",
        ["/b"] = "xyz",
      }
      local pages = crawl(site.url .. "/docs/")
      table.sort(asked)
      assert.same({"/b", "/b?x=1&y=2", "/docs/", "/docs/a"}, asked)
      assert.equal(4, #pages)
      assert.same({"200", "3"}, {pages[site.url .. "/b"].status, pages[site.url .. "/b"].bytes})
    end)

    it("goes breadth-first", function()
      local held = {} -- the answers of the second level, until all of it has been asked for
      local function together(body)
        return function(connection)
          held[#held + 1] = function() html(body)(connection) end
          if #held == 3 then
            for _, answer in ipairs(held) do answer() end
          end
        end
      end
      local asked = serve {
        ["/"] = '<a href="1">1</a> <a href="2">2</a> <a href="3">3</a>',
        ["/1"] = together('<a href="1/1">1</a>'),
        ["/1/1"] = '<a href="1/1">1</a>',
        ["/2"] = together(""), ["/3"] = together(""),
      }
      crawl(site.url)
      local depths = {}
      for i, path in ipairs(asked) do depths[i] = select(2, path:gsub("%d", "")) end
      assert.same({0, 1, 1, 1, 2, 3}, depths)
    end)

    it("fetches at most 16 pages at the same time", function()
      local links, answers, waiting, most = {}, {}, {}, 0
      -- The first 16 wait for each other, which they can only do together; so do the next, up to the last.
      local function hold(connection)
        waiting[#waiting + 1] = connection
        most = math.max(most, #waiting)
        if #waiting < 16 then return end
        local held = waiting
        waiting = {}
        for _, each in ipairs(held) do html("")(each) end
      end
      for i = 1, 48 do
        links[i] = ('<a href="/%d">%d</a>'):format(i, i)
        answers["/" .. i] = hold
      end
      answers["/"] = table.concat(links)
      serve(answers)
      assert.equal(49, #crawl(site.url))
      assert.equal(16, most)
    end)

    it("does not look for links in what is no HTML", function()
      serve {["/"] = function(connection)
        connection:respond('<a href="/x">', "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n")
      end}
      assert.equal(1, #crawl(site.url))
    end)

    it("resolves links against the address that a redirect led to", function()
      local asked = serve {
        ["/old"] = function(connection)
          connection:respond("", "HTTP/1.1 301 Moved Permanently\r\nLocation: /new/place\r\n")
        end,
        ["/new/place"] = '<a href="next">next</a>',
        ["/new/next"] = "",
      }
      crawl(site.url .. "/old")
      assert.same({"/old", "/new/place", "/new/next"}, asked)
    end)

    it("does not wait for answers after Ctrl-C", function()
      local child, interrupted_at
      serve {["/"] = function()
        interrupted_at = uv.hrtime()
        child.handle:kill("sigint")
      end}
      child = start {site.url}
      assert.same({130, 0}, {await(async.wait_for(child.ended, 60))})
      assert.is_true((uv.hrtime() - interrupted_at) / 1e9 < 5) -- half of what a page may take
    end)

    it("reports a connection that breaks off", function()
      serve {["/"] = function(connection) connection:close(true) end}
      local page = crawl(site.url)[1]
      assert.equal("failed", page.status)
      assert.is_truthy(page.reason)
    end)
  end)

  describe("reports in a line and goes on after", function()
    local function assert_failed(address, reason)
      serve {["/"] = "fine"}
      local pages = crawl(address, site.url)
      assert.equal(2, #pages)
      assert.equal("200", pages[site.url .. "/"].status)
      local page = pages[address] or pages[address .. "/"]
      assert.same({"failed", "-"}, {page.status, page.bytes})
      assert.is_truthy(page.reason:find(reason, 1, true), page.reason)
    end

    it("a host where nobody listens", function()
      local closed = closed_port.take()
      finally(closed.release)
      assert_failed(closed.url, "connection refused")
    end)

    it("an argument that is no URL", function()
      assert_failed("not a URL", "not a valid URL")
      site.stop()
      assert_failed("ftp://127.0.0.1/file", "not a valid URL")
    end)

    describe("a certificate", function()
      local secure
      setup(function() secure = nginx_site.start() end)
      teardown(function() secure.stop() end)

      it("signed by nobody", function() assert_failed(secure.tls.selfsigned, "self-signed certificate") end)
      it("signed by a CA unknown here", function() assert_failed(secure.tls.good, "issuer certificate") end)
    end)
  end)

  it("prints its usage for --help", function()
    local result = shell.run(("%s %s --help"):format(LACUNA, SCRIPT))
    assert.equal(0, result.status)
    assert.is_truthy(result.stdout:find("^usage: "), result.stdout)
  end)

  it("ends with status 2 for an option that it has not", function()
    local result = shell.run(("%s %s --fast"):format(LACUNA, SCRIPT))
    assert.equal(2, result.status)
    assert.equal("", result.stdout)
    assert.is_truthy(result.stderr:find("unknown option --fast", 1, true), result.stderr)
  end)

  it("shows its progress on a terminal, in a line that the report does not keep", function()
    local closed = closed_port.take()
    finally(closed.release)
    local result = shell.run(("script -qec '%s %s %s/' /dev/null"):format(LACUNA, SCRIPT, closed.url))
    assert.equal(0, result.status)
    assert.is_truthy(result.stdout:find("\r\27[K0 done, 1 to go\r\27[K failed", 1, true), result.stdout)
    assert.is_truthy(result.stdout:find("\r\27[K1 done, 0 to go\r\27[K\r\npages: 1 (", 1, true), result.stdout)
  end)
end)
