-- cookies: which of what servers set goes back to whom.
local cookies = require "lacuna.http.cookies"
local headers = require "lacuna.http.headers"

-- A jar after responses: {URL, "Set-Cookie value", …}.
local function jar_of(...)
  local jar = cookies.jar()
  for _, response in ipairs {...} do
    local fields = {}
    for i = 2, #response do fields[i - 1] = {"Set-Cookie", response[i]} end
    jar:store(headers.object(fields), response[1])
  end
  return jar
end

local function sent(jar, address)
  return cookies.header(jar, address) or ""
end

describe("cookies.parse", function()
  it("takes a pair apart from its attributes", function()
    local cookie = cookies.parse ' name = "a=b" ; Path=/x;SECURE; Max-Age = 5 '
    assert.equal("name", cookie.name)
    assert.equal("a=b", cookie.value)
    assert.same({path = "/x", secure = "", ["max-age"] = "5"}, cookie.attributes)
  end)

  for _, text in ipairs {"", "novalue", "=x", "; Path=/", "a=" .. ("x"):rep(5000)} do
    it(("finds none in %.20q"):format(text), function() assert.is_nil(cookies.parse(text)) end)
  end
end)

describe("a cookie jar", function()
  it("gives a cookie back to its host only, unless the server names a domain", function()
    local jar = jar_of({"http://a.example.org/", "one=1"}, {"http://a.example.org/", "all=2; Domain=.Example.org"})
    assert.equal("Cookie: one=1; all=2", sent(jar, "http://a.example.org/"))
    assert.equal("Cookie: all=2", sent(jar, "http://b.example.org:8080/"))
    assert.equal("Cookie: all=2", sent(jar, "http://example.org/"))
    assert.equal("", sent(jar, "http://badexample.org/"))
    assert.equal("", sent(jar, "http://example.com/"))
  end)

  it("takes no cookie for another's domain", function()
    local jar = jar_of(
      {"http://a.example.org/", "x=1; Domain=example.com"}, {"http://a.example.org/", "y=1; Domain=org"},
      {"http://127.0.0.1/", "z=1; Domain=0.0.1"}, {"http://example.org/", "w=1; Domain=a.example.org"})
    assert.same({}, jar.list)
  end)

  it("knows addresses and ports: the port does not matter", function()
    local jar = jar_of({"http://127.0.0.1:8080/", "x=1"}, {"http://[::1]:8080/", "y=1"})
    assert.equal("Cookie: x=1", sent(jar, "http://127.0.0.1:9090/"))
    assert.equal("Cookie: y=1", sent(jar, "http://[::1]/"))
    assert.equal("", sent(jar, "http://127.0.0.2/"))
  end)

  it("matches paths by folder, the longest first", function()
    local jar = jar_of {"http://h.org/a/page?q", "default=1", "root=2; Path=/", "deep=3; Path=/a/b", "odd=4; Path=a"}
    assert.equal("Cookie: root=2", sent(jar, "http://h.org/"))
    assert.equal("Cookie: default=1; odd=4; root=2", sent(jar, "http://h.org/a"))
    assert.equal("Cookie: deep=3; default=1; odd=4; root=2", sent(jar, "http://h.org/a/b/c"))
    assert.equal("Cookie: root=2", sent(jar, "http://h.org/ab"))
  end)

  it("sends secure cookies by HTTPS only", function()
    local jar = jar_of {"https://h.org/", "s=1; Secure"}
    assert.equal("", sent(jar, "http://h.org/"))
    assert.equal("Cookie: s=1", sent(jar, "https://h.org/"))
  end)

  it("replaces a cookie of the same name, domain and path, and forgets expired ones", function()
    local jar = jar_of({"http://h.org/", "a=1", "b=1", "c=1"},
      {"http://h.org/", "a=2", "b=; Max-Age=0", "c=; Expires=Thu, 01 Jan 1970 00:00:00 GMT"})
    assert.equal("Cookie: a=2", sent(jar, "http://h.org/"))
  end)

  for text, is_kept in pairs {
    ["Wed, 21 Oct 2150 07:28:00 GMT"] = true, ["Wed, 21-Oct-2150 07:28:00 GMT"] = true, ["21 Oct 69 07:28:00"] = true,
    ["Wed, 29 Feb 2012 23:59:59 GMT"] = false, ["Sun, 06-Nov-94 08:49:37 GMT"] = false, ["some day"] = true,
  } do
    it(("%s a cookie that expires at %s"):format(is_kept and "keeps" or "drops", text), function()
      assert.equal(is_kept and 1 or 0, #jar_of({"http://h.org/", "a=1; Expires=" .. text}).list)
    end)
  end

  it("prefers Max-Age to Expires", function()
    assert.equal(1, #jar_of({"http://h.org/", "a=1; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT"}).list)
  end)

  it("prefers what a server has set to what goes to every host", function()
    local jar = cookies.jar()
    jar:update_cookies {a = "given", b = 2}
    jar:store(headers.object {{"Set-Cookie", "a=set"}}, "http://h.org/")
    assert.equal("Cookie: a=set; b=2", sent(jar, "http://h.org/"))
    assert.same({a = "set", b = "2"}, jar:filter_cookies("http://h.org"))
    assert.equal("Cookie: a=given; b=2", sent(jar, "http://other.org/"))
  end)

  it("holds a bounded number", function()
    local jar = cookies.jar()
    for i = 1, 3010 do jar:update_cookies {["c" .. i] = "x"} end
    assert.equal(3000, #jar.list)
    assert.equal("c11", jar.list[1].name)
  end)
end)
