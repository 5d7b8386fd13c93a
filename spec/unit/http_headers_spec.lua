-- http.headers: header fields, parsed and encoded.
local headers = require "lacuna.http.headers"

describe("http.headers.parse_status", function()
  for line, expected in pairs {
    ["HTTP/1.1 200 OK\r\n"] = {"1.1", 200, "OK"},
    ["HTTP/1.0 404 Not Found\r\n"] = {"1.0", 404, "Not Found"},
    ["HTTP/1.1 204\r\n"] = {"1.1", 204, ""},
    ["HTTP/1.1 200 \r\n"] = {"1.1", 200, ""},
    ["HTTP/2 200 \n"] = {"2", 200, ""},
    ["HTTP/1.1 200 좋아요\r\n"] = {"1.1", 200, "좋아요"},
    [""] = {"", nil, ""},
    ["nonsense"] = {"", nil, ""},
  } do
    it(("reads %q"):format(line), function()
      local version, status, reason = headers.parse_status(line)
      assert.same(expected, {version, status, reason})
    end)
  end
end)

describe("http.headers.parse", function()
  for raw, expected in pairs {
    ["HTTP/1.1 200 OK\r\nA: 1\r\nB: two words \r\n\r\n"] = {{"A", "1"}, {"B", "two words"}},
    ["HTTP/1.1 200 OK\nA:1\nA:2\n\n"] = {{"A", "1"}, {"A", "2"}},
    ["HTTP/1.1 200 OK\r\nEmpty:\r\nX: a:b\r\n\r\n"] = {{"Empty", ""}, {"X", "a:b"}},
    ["HTTP/1.1 200 OK\r\nLong: a\r\n  b\r\n\tc\r\nX: y\r\n\r\n"] = {{"Long", "a b c"}, {"X", "y"}},
    ["HTTP/1.1 200 OK\r\nno field\r\n: nameless\r\nX: y\r\n\r\n"] = {{"X", "y"}},
    ["HTTP/1.1 200 OK\r\nName: 값\r\n\r\n"] = {{"Name", "값"}},
    ["HTTP/1.1 200 OK\r\n\r\n"] = {},
    [""] = {},
  } do
    it(("reads %q"):format(raw), function() assert.same(expected, headers.parse(raw)) end)
  end

  it("takes every prefix of a head without an error", function()
    local raw = "HTTP/1.1 200 OK\r\nA: 1\r\nLong: x\r\n y\r\nB:\r\n\r\n"
    for length = 0, #raw do headers.parse(raw:sub(1, length)) end
    assert.equal(3, #headers.parse(raw))
  end)
end)

describe("http.headers.object", function()
  local object = headers.object {{"Content-Type", "text/html"}, {"Set-Cookie", "a=1"}, {"set-cookie", "b=2"}}

  it("looks a name up whatever its case, the first of several", function()
    assert.equal("text/html", object["content-type"])
    assert.equal("text/html", object["CONTENT-TYPE"])
    assert.equal("a=1", object["Set-Cookie"])
    assert.is_nil(object["X"])
    assert.is_nil(object[1])
  end)

  it("iterates over names with pairs, over every field in order with items", function()
    local names = {}
    for name, value in pairs(object) do names[name] = value end
    assert.same({["Content-Type"] = "text/html", ["Set-Cookie"] = "a=1"}, names)
    local lines = {}
    for name, value in object:items() do lines[#lines + 1] = name .. "=" .. value end
    assert.same({"Content-Type=text/html", "Set-Cookie=a=1", "set-cookie=b=2"}, lines)
  end)

  it("gives all values of a name", function()
    assert.same({"a=1", "b=2"}, object:get_all("SET-COOKIE"))
    assert.same({}, object:get_all("x"))
    assert.equal("a=1", object:get("SET-cookie"))
    assert.equal("none", object:get("x", "none"))
    assert.is_nil(object:get("x"))
  end)
end)

describe("http.headers.encode", function()
  it("sorts, and lets later tables override earlier ones whatever the case", function()
    assert.same({"Accept: b", "X: 1"}, headers.encode({accept = "a", X = 1}, nil, {Accept = "b"}))
  end)

  it("writes an empty value and repeated fields as libcurl wants them", function()
    assert.same({"A;", "B: 1", "B: 2"}, headers.encode {A = "", B = {"1", "2"}})
  end)

  for name, fields in pairs {
    ["a line break in a value"] = {A = "x\r\nEvil: 1"},
    ["a NUL in a value"] = {A = "x\0y"},
    ["a line break in a name"] = {["A\r\nEvil"] = "1"},
    ["a colon in a name"] = {["A:"] = "1"},
    ["a space in a name"] = {["A B"] = "1"},
    ["an empty name"] = {[""] = "1"},
    ["a value of another type"] = {A = true},
    ["a name that is a number"] = {"1"},
  } do
    it("refuses " .. name, function()
      local lines, reason = headers.encode(fields)
      assert.is_nil(lines)
      assert.equal("string", type(reason))
    end)
  end

  it("drops lines by name", function()
    assert.same({"B: 2"}, headers.without({"A: 1", "B: 2", "a;"}, {a = true}))
  end)
end)
