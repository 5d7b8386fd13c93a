-- http.url: URLs as text.
local url = require "lacuna.http.url"

describe("http.url.normalize", function()
  for text, expected in pairs {
    ["http://example.org/"] = "http://example.org/",
    ["http://example.org"] = "http://example.org/",
    ["HTTPS://example.org"] = "https://example.org/",
    ["http://example.org?a=1"] = "http://example.org/?a=1",
    ["http://example.org/a b"] = "http://example.org/a%20b",
    ["http://example.org/a#part"] = "http://example.org/a",
    ["http://example.org#part"] = "http://example.org/",
    ["http://127.0.0.1:8080/x?y=z&w=1,2"] = "http://127.0.0.1:8080/x?y=z&w=1,2",
    ["http://[::1]:8080/x"] = "http://[::1]:8080/x",
    ["http://user:secret@example.org/x"] = "http://user:secret@example.org/x",
    ["http://example.org/%41%zz%"] = "http://example.org/%41%25zz%25",
    ["http://example.org/한국?q=어"] = "http://example.org/%ED%95%9C%EA%B5%AD?q=%EC%96%B4",
    ["http://한국.kr/x"] = "http://한국.kr/x",
    ['http://example.org/"<>\\^`{|}'] = "http://example.org/%22%3C%3E%5C%5E%60%7B%7C%7D",
  } do
    it("writes " .. text .. " as it is sent", function()
      assert.equal(expected, url.normalize(text))
    end)
  end

  it("leaves alone what it has written", function()
    local once = url.normalize("http://example.org/한 국?q=%")
    assert.equal(once, url.normalize(once))
  end)

  for text, reason in pairs {
    [""] = "no scheme",
    ["example.org/path"] = "no scheme",
    ["/path"] = "no scheme",
    ["ftp://example.org/"] = "scheme ftp is not http",
    ["file:///etc/passwd"] = "scheme file is not http",
    ["localhost:8080/x"] = "scheme localhost is not http",
    ["http:/example.org"] = "'//' is missing",
    ["http://"] = "no host",
    ["http:///path"] = "no host",
    ["http://user@/path"] = "no host",
    ["http://example.org:abc/"] = "host or port",
    ["http://[::1/"] = "host or port",
    ["http://exa mple.org/"] = "space in its host",
    ["http://example.org/a\r\nHost: other"] = "control character",
    ["http://example.org/\0"] = "control character",
  } do
    it(("refuses %q and says why"):format(text), function()
      local normalized, why = url.normalize(text)
      assert.is_nil(normalized)
      assert.is_truthy(why:find(reason, 1, true), why)
    end)
  end
end)

describe("http.url.origin", function()
  for text, expected in pairs {
    ["http://Example.org/a"] = "http://example.org:80",
    ["https://example.org/"] = "https://example.org:443",
    ["https://example.org:8443/?a@b"] = "https://example.org:8443",
    ["http://user:pass@example.org/x"] = "http://example.org:80",
    ["http://[::1]/x"] = "http://[::1]:80",
    ["http://[::1]:81/x"] = "http://[::1]:81",
  } do
    it("of " .. text .. " is " .. expected, function() assert.equal(expected, url.origin(text)) end)
  end
end)

describe("http.url.join", function()
  local base = "http://host:1/a/b/c?query#part" -- RFC 3986, 5.4, as far as it is about http
  for reference, expected in pairs {
    ["https://other/x"] = "https://other/x",
    ["//other/x"] = "http://other/x",
    ["/x"] = "http://host:1/x",
    ["x"] = "http://host:1/a/b/x",
    ["./x"] = "http://host:1/a/b/x",
    ["x/"] = "http://host:1/a/b/x/",
    ["x?y"] = "http://host:1/a/b/x?y",
    ["?y"] = "http://host:1/a/b/c?y",
    [""] = "http://host:1/a/b/c?query",
    ["#s"] = "http://host:1/a/b/c?query#s",
    ["x#s"] = "http://host:1/a/b/x#s",
    ["."] = "http://host:1/a/b/",
    [".."] = "http://host:1/a/",
    ["../x"] = "http://host:1/a/x",
    ["../.."] = "http://host:1/",
    ["../../../x"] = "http://host:1/x",
    ["/./x"] = "http://host:1/x",
    ["/../x"] = "http://host:1/x",
    ["x."] = "http://host:1/a/b/x.",
    [".x"] = "http://host:1/a/b/.x",
    ["x?y=../z"] = "http://host:1/a/b/x?y=../z",
  } do
    it(("resolves %q"):format(reference), function() assert.equal(expected, url.join(base, reference)) end)
  end

  it("resolves against a host without a path", function()
    assert.equal("http://host/x", url.join("http://host", "x"))
  end)
end)

describe("http.url.without_credentials", function()
  it("takes user and password out", function()
    for text, expected in pairs {
      ["http://u:p@example.org/a@b"] = {"http://example.org/a@b", {"u", "p"}},
      ["http://u%40x:p%3A%ED%95%9C:2@h:81/?q=@"] = {"http://h:81/?q=@", {"u@x", "p:한:2"}},
      ["https://user@h/"] = {"https://h/", {"user", ""}},
      ["http://h/x@y"] = {"http://h/x@y"},
    } do
      assert.same(expected, {url.without_credentials(text)})
    end
  end)
end)

describe("http.url.encode_query", function()
  it("leaves what a query may hold as it is", function()
    assert.equal("q=a/b?c:@!$'()*,%26%3D%2B%25+%22", url.encode_query {q = [[a/b?c:@!$'()*,&=+% "]]})
  end)
end)

describe("http.url.encode_form", function()
  it("sorts by name, percent-encodes UTF-8 and turns a space into +", function()
    assert.equal("a=1&b=x+y&q=%ED%95%9C%26", url.encode_form {q = "한&", b = "x y", a = 1})
  end)

  it("keeps the order of a list of pairs", function()
    assert.equal("b=2&a=1&b=3", url.encode_form {{"b", "2"}, {"a", "1"}, {"b", 3}})
  end)

  it("repeats the name for each of a list of values", function()
    assert.equal("tag=a&tag=b", url.encode_form {tag = {"a", "b"}})
  end)

  it("names the parameter that is neither string nor number", function()
    local text, reason = url.encode_form {flag = true}
    assert.is_nil(text)
    assert.equal("flag: string or number expected, got boolean", reason)
  end)

  it("is appended to a query that is there already", function()
    assert.equal("http://h/x?a=1", url.with_query("http://h/x", "a=1"))
    assert.equal("http://h/x?b=2&a=1", url.with_query("http://h/x?b=2", "a=1"))
    assert.equal("http://h/x", url.with_query("http://h/x", ""))
  end)
end)
