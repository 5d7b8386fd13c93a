-- json: JSON text to Lua values and back.
local async = require "lacuna"
local json = require "lacuna.json"

local function failure(class, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok, "no error was raised")
  assert.is_true(async.isinstance(err, class), tostring(err))
  return err.message
end

describe("json.decode", function()
  it("decodes objects, arrays, strings, numbers and booleans", function()
    assert.same({a = {1, 2.5, "한", true, false}}, json.decode '{"a":[1,2.5,"\\ud55c",true,false]}')
    assert.equal(1, json.decode "1")
    assert.equal("한글", json.decode '"한글"')
  end)

  it("decodes null as json.null", function()
    assert.equal(json.null, json.decode("[null]")[1])
    assert.is_not_nil(json.null)
  end)

  for text, value in pairs {
    ["0"] = 0, ["-1"] = -1, ["9007199254740991"] = 2 ^ 53 - 1, ["-9007199254740992"] = -2 ^ 53, ["1e3"] = 1000,
    ["0.1"] = 0.1, ["-2.5E-3"] = -0.0025, ["123456789012345678901234567890"] = 123456789012345678901234567890,
  } do
    it("decodes the number " .. text, function() assert.equal(value, json.decode(text)) end)
  end

  it("decodes every escape", function()
    assert.equal('"\\/\b\f\n\r\té€😀', json.decode [["\"\\\/\b\f\n\r\t\u00e9\u20AC\ud83d\ude00"]])
    assert.equal("a\0b", json.decode [["a\u0000b"]])
  end)

  it("takes spaces wherever they are allowed", function()
    assert.same({a = {1, 2}}, json.decode ' {\n"a"\t: [ 1 ,\r2 ] } ')
  end)

  it("takes the last of equal keys", function()
    assert.same({a = 2}, json.decode '{"a":1,"a":2}')
  end)

  for text, place in pairs {
    [""] = 1, ["{"] = 2, ["[1,]"] = 4, ["nonsense"] = 1, ["[1] 2"] = 5, ['{"a":1'] = 7, ["[01]"] = 3, ["[1.]"] = 4,
    ["[1e]"] = 4, ["-"] = 2, ["+1"] = 1, [".5"] = 1, ["0x10"] = 2, ["nan"] = 1, ["tru"] = 1,
    ['"\\x"'] = 2, ['"\\ud800"'] = 2, ['"\\udc00"'] = 2, ['"\\u12g4"'] = 2, ['"a\nb"'] = 3, ['"abc'] = 5, ['"\\'] = 2,
    ["[1e400]"] = 2, ["1e99999999999"] = 1, ["{a:1}"] = 2, ['{"a" 1}'] = 6,
    ['{"a":1,}'] = 8, ["[1 2]"] = 4, ["\239\187\191[]"] = 1, ["[1]\0"] = 4, ["'a'"] = 1,
  } do
    it(("raises ValueError with the place for %q"):format(text), function()
      local message = failure(async.ValueError, json.decode, text)
      assert.is_truthy(message:find(("at character %d "):format(place), 1, true), message)
    end)
  end

  it("names the line and the column, too", function()
    local message = failure(async.ValueError, json.decode, '{\n  "a": 1,\n  "b": x\n}')
    assert.is_truthy(message:find("a value expected at character 20 (line 3, column 8)", 1, true), message)
  end)

  it("raises ValueError for what is nested too deeply, and decodes what just is not", function()
    local message = failure(async.ValueError, json.decode, ("["):rep(1001) .. ("]"):rep(1001))
    assert.is_truthy(message:find("1000 levels", 1, true), message)
    assert.equal(1, #json.decode(("["):rep(1000) .. ("]"):rep(1000)))
    failure(async.ValueError, json.decode, ("["):rep(1e6))
    failure(async.ValueError, json.decode, ('{"a":'):rep(1e6))
  end)

  it("raises TypeError for what is no string", function()
    failure(async.TypeError, json.decode, nil)
  end)
end)

describe("json.encode", function()
  it("sorts the keys of objects and writes text as it is", function()
    local value = {c = {}, b = {1, 2.5, true, json.null}, a = "한글"}
    assert.equal('{"a":"한글","b":[1,2.5,true,null],"c":{}}', json.encode(value))
    assert.equal("null", json.encode(nil))
  end)

  it("escapes what JSON must not have in a string", function()
    assert.equal([["\"\\/\b\f\n\r\t\u0000\u001f]] .. '\127"', json.encode '"\\/\b\f\n\r\t\0\31\127')
  end)

  for text, value in pairs {
    ["0"] = 0, ["-7"] = -7, ["9007199254740991"] = 2 ^ 53 - 1, ["9007199254740992"] = 2 ^ 53, ["0.1"] = 0.1,
    ["1e+21"] = 1e21, ["0.3333333333333333"] = 1 / 3, ["1e-05"] = 1e-5,
    ["9223372036854775807"] = 0x7fffffffffffffffLL,
  } do
    it("writes the number " .. text, function() assert.equal(text, json.encode(value)) end)
  end

  it("writes lists as arrays, with `n` those that hold nil", function()
    assert.equal("[1,2]", json.encode {1, 2})
    assert.equal("[1,null,3,null]", json.encode {1, nil, 3, n = 4})
    assert.equal("[1,2]", json.encode {1, 2, n = 2})
    assert.equal('{"n":2}', json.encode {n = 2})
  end)

  it("writes an empty table as an object, a json.array as an array", function()
    assert.equal("{}", json.encode {})
    assert.equal("[]", json.encode(json.array {}))
    assert.equal("[]", json.encode(json.array()))
    assert.equal("[1,null,3]", json.encode(json.array {1, nil, 3, n = 3}))
    failure(async.TypeError, json.array, "text")
    failure(async.TypeError, json.array, setmetatable({}, {}))
  end)

  it("gives back what was decoded, empty arrays included", function()
    for _, text in ipairs {
      "[]", "{}", "[[],{},[{}]]", '{"a":[],"b":[null,false,"",0]}', '"\\u0001"', "[1e+300,-0.5]",
    } do
      assert.equal(text, json.encode(json.decode(text)))
    end
  end)

  it("turns numbers and booleans that are keys into text", function()
    assert.equal('{"10":"x","2.5":"y","true":"z"}', json.encode {[10] = "x", [2.5] = "y", [true] = "z"})
  end)

  it("gives a key that is a number and the same one as text a value each", function()
    assert.equal('{"2":"number","2":"text"}', json.encode {[2] = "number", ["2"] = "text"})
  end)

  it("sorts many keys, those within while those around wait", function()
    local many, texts = {}, {}
    for i = 1, 300 do
      many[i * 7 % 300 + 0.5] = {[true] = {i}}
      texts[i] = ('"%s.5":{"true":[%d]}'):format(i * 7 % 300, i)
    end
    table.sort(texts)
    assert.equal("{" .. table.concat(texts, ",") .. "}", json.encode(many))
  end)

  it("can be called by a finalizer while it runs", function()
    local texts = {}
    local function leave_garbage()
      local proxy = newproxy(true)
      getmetatable(proxy).__gc = function() texts[#texts + 1] = json.encode {b = {1, 2}, a = "x"} end
    end
    local value = {}
    for i = 1, 100 do value["key" .. i] = {0x7fffffffffffffffLL, name = nil, i} end
    local expected = json.encode(value)
    local step = collectgarbage("setstepmul", 100000)
    for _ = 1, 200 do
      leave_garbage()
      assert.equal(expected, json.encode(value))
    end
    collectgarbage("setstepmul", step)
    collectgarbage()
    assert.equal(200, #texts)
    for _, text in ipairs(texts) do assert.equal('{"a":"x","b":[1,2]}', text) end
  end)

  it("indents", function()
    local value = {b = {1, {}, json.array {}}, a = "x"}
    assert.equal('{\n  "a": "x",\n  "b": [\n    1,\n    {},\n    []\n  ]\n}', json.encode(value, {indent = 2}))
    assert.equal('[\n\t1\n]', json.encode({1}, {indent = "\t"}))
    failure(async.TypeError, json.encode, {}, {indent = true})
    failure(async.TypeError, json.encode, {}, {ident = 2})
  end)

  local inside = {}
  inside.list = {inside}
  local deep = {}
  for _ = 1, 1000 do deep = {deep} end

  for path, case in pairs {
    ["a.b[2]: a function"] = {async.TypeError, {a = {b = {1, print}}}},
    ["[1][\"a b\"]: JSON has no nan"] = {async.ValueError, {{["a b"] = 0 / 0}}},
    ["x: JSON has no infinity"] = {async.ValueError, {x = -1 / 0}},
    ["list[1]: a table that is inside itself"] = {async.ValueError, inside},
    ["more than 1000 levels"] = {async.ValueError, deep},
    ["x: a list with holes"] = {async.TypeError, {x = {1, nil, 3}}},
    ["the value itself: a table with both items and named"] = {async.TypeError, {1, x = 2}},
    ["the value itself: a table cannot be the key"] = {async.TypeError, {[{}] = 1}},
    ["a: a table cannot be the key"] = {async.TypeError, {a = {[{}] = 1}}},
    ["[1]: a userdata cannot"] = {async.TypeError, {io.stdout}},
    ["the value itself: a thread cannot"] = {async.TypeError, coroutine.create(print)},
  } do
    it("raises an error that says " .. path, function()
      local message = failure(case[1], json.encode, case[2])
      assert.is_truthy(message:find(path, 1, true), message)
    end)
  end

  it("writes one table in two places twice", function()
    local shared = {1}
    assert.equal('{"a":[1],"b":[1]}', json.encode {a = shared, b = shared})
  end)

  it("writes 1,000 levels", function()
    assert.equal(2000, #json.encode(json.decode(("["):rep(1000) .. ("]"):rep(1000))))
  end)
end)
