-- Bodies in other charsets than UTF-8, as text and as JSON, of lacuna.http and of lacuna.requests.
local async = require "lacuna"
local http = require "lacuna.http"
local requests = require "lacuna.requests"
local rude_site = require "spec.support.rude_site"
local virtual = require "spec.support.virtual"
local await, raised = async.await, virtual.raised

local EUC_KR = "\xC7\xD1\xB1\xDB" -- 한글

describe("a body", function()
  local site, session, body, content_type

  before_each(function()
    site = rude_site.start(function(connection)
      connection:respond(body, ("HTTP/1.1 200 OK\r\nContent-Type: %s\r\n"):format(content_type))
    end)
    session = http.ClientSession()
  end)

  after_each(function()
    session:close()
    site.stop()
  end)

  local function get() return await(session:get(site.url)) end

  for charset, bytes in pairs {
    ["EUC-KR"] = EUC_KR, ["utf-8"] = "한글", ["UTF-16"] = "\xFE\xFF\xD5\x5C\xAE\x00", ["utf-16le"] = "\x5C\xD5\x00\xAE",
    ["ISO-2022-KR"] = "\x1B$)C\x0E\x47\x51\x31\x5B\x0F", ["no-such-charset"] = "한글", ["x/../y"] = "한글",
  } do
    it("in " .. charset .. " is text in UTF-8", function()
      body, content_type = bytes, "text/html; charset=" .. charset
      assert.equal("한글", await(get():text()))
      assert.equal(bytes, await(get():read()))
    end)
  end

  it("has the charset that the reader knows better", function()
    body, content_type = EUC_KR, "text/html"
    assert.equal(EUC_KR, await(get():text()))
    assert.equal("한글", await(get():text {encoding = "euc-kr"}))
    raised(async.TypeError, function() get():text {charset = "euc-kr"} end)
  end)

  it("grows as it needs to", function()
    body, content_type = ("\xE9"):rep(100000), "text/plain; charset=iso-8859-1"
    assert.equal(("é"):rep(100000), await(get():text()))
    body = ""
    assert.equal("", await(get():text()))
  end)

  it("that is not in its charset raises ValueError with the place", function()
    for bytes, place in pairs { [EUC_KR .. "\xFF"] = 5, ["a\xC7"] = 2 } do
      body, content_type = bytes, "text/html; charset=euc-kr"
      local err = raised(async.ValueError, function() await(get():text()) end)
      assert.equal(("GET %s/: byte %d of the body is not valid euc-kr"):format(site.url, place), err.message)
    end
  end)

  it("is JSON in its charset", function()
    body, content_type = '{"a":"' .. EUC_KR .. '"}', "application/json; charset=euc-kr"
    assert.equal("한글", await(get():json()).a)
  end)

  it("is text for requests, too", function()
    local function told()
      return await(async.to_thread(function(url)
        local response = requests.get(url)
        return response.text .. " " .. #response.content
      end, site.url))
    end
    body, content_type = EUC_KR, "text/html; charset=euc-kr"
    assert.equal("한글 4", told())
    body = "a\xFF"
    assert.equal("a\xFF 2", told())
  end)
end)
