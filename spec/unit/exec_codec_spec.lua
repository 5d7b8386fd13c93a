-- exec.codec: what travels between Lua states arrives as it was; what cannot is named by the path to it.
local async = require "lacuna"
local await = async.await
local codec = require "lacuna.exec.codec"
local json = require "lacuna.json"
local shell = require "spec.support.shell"

local function there_and_back(...) return codec.decode(codec.encode(...)) end

local function refusal(...)
  local ok, err = pcall(codec.encode_call, ...)
  assert.is_false(ok)
  assert.is_true(async.isinstance(err, async.TypeError), tostring(err))
  return err.message
end

describe("codec with plain data", function()
  it("keeps nils and the number of values", function()
    for count = 0, 9 do
      local values = {there_and_back(unpack({nil, 2, nil, 4, "5", true, false, 8}, 1, count))}
      assert.equal(count, select("#", there_and_back(unpack({}, 1, count))))
      for i = 1, count do assert.equal(({nil, 2, nil, 4, "5", true, false, 8})[i], values[i]) end
    end
  end)

  it("keeps strings byte by byte", function()
    for _, text in ipairs {"", "a\0b", "한국어 문자열", ("x"):rep(1e6), "\27LJ"} do
      assert.equal(text, (there_and_back(text)))
      assert.equal(text, there_and_back({[text] = text})[text])
    end
  end)

  it("keeps every kind of number", function()
    for _, number in ipairs {0, 1, -1, 2 ^ 31, 2 ^ 53, -2 ^ 53, 0.1, 1e300, math.huge, -math.huge} do
      assert.equal(number, (there_and_back(number)))
    end
    assert.equal(-math.huge, 1 / there_and_back(-0.0))
    local nan = there_and_back(0 / 0)
    assert.is_true(nan ~= nan)
    assert.equal(-5LL, (there_and_back(-5LL)))
    assert.equal(2 ^ 63 + 0ULL, (there_and_back(2 ^ 63 + 0ULL)))
    assert.equal("3+4i", tostring(there_and_back(require("ffi").new("complex", 3, 4))))
  end)

  it("keeps nested tables, their holes and their keys", function()
    local value = {1, nil, 3, {a = {b = {c = "d"}}}, [-1] = "x", [1.5] = "y", [true] = "z", n = 5}
    assert.same(value, (there_and_back(value)))
  end)

  it("keeps json.null", function()
    assert.equal(json.null, (there_and_back(json.null)))
    assert.equal(json.null, there_and_back({json.null, {json.null}})[2][1])
  end)
end)

describe("codec with graphs", function()
  it("keeps cycles", function()
    local value = {1}
    value.self, value[value] = value, value
    local copy = there_and_back(value)
    assert.equal(copy, copy.self)
    assert.equal(copy, copy[copy])
    assert.are_not.equal(value, copy)
  end)

  it("keeps sharing, within a value and between values", function()
    local shared = {}
    local list, second = there_and_back({shared, {shared}}, shared)
    assert.equal(list[1], list[2][1])
    assert.equal(list[1], second)
  end)

  it("takes tables of any depth", function()
    local value = {}
    local innermost = value
    for _ = 1, 100000 do
      innermost.next = {}
      innermost = innermost.next
    end
    local copy, depth = there_and_back(value), 0
    while copy.next do copy, depth = copy.next, depth + 1 end
    assert.equal(100000, depth)
  end)

  -- A random graph and its copy are walked side by side: each table must meet the one counterpart it met before.
  local function assert_same_graph(original, copy, met)
    if type(original) ~= "table" then return assert.equal(original, copy) end
    if met[original] then return assert.equal(met[original], copy) end
    met[original] = copy
    for key, value in pairs(original) do
      if type(key) ~= "table" then assert_same_graph(value, copy[key], met) end
    end
    for key in pairs(copy) do
      if type(key) ~= "table" then assert.is_not_nil(original[key]) end
    end
  end

  it("keeps any graph", function()
    math.randomseed(1)
    for _ = 1, 300 do
      local nodes = {}
      for i = 1, math.random(1, 12) do nodes[i] = {} end
      for _ = 1, math.random(0, 40) do
        local key = ({math.random(9), "k" .. math.random(9), math.random() < 0.5})[math.random(3)]
        local value = ({nodes[math.random(#nodes)], math.random(), "v", false, 7LL})[math.random(5)]
        nodes[math.random(#nodes)][key] = value
      end
      local list = {there_and_back(unpack(nodes))}
      assert_same_graph(nodes, list, {})
    end
  end)
end)

describe("codec with functions", function()
  local counter, base = 0, 10

  it("takes the values of upvalues along", function()
    local config = {limit = 5, names = {"a"}}
    config.self = config
    local copy = there_and_back(function(x) return x + base, config.limit, config.self == config, config.names[1] end)
    assert.same({11, 5, true, "a"}, {copy(1)})
  end)

  it("keeps upvalues shared, and apart from the original's", function()
    local function add() counter = counter + 1 end
    local function get() return counter end
    local add_there, get_there = there_and_back(add, get)
    add_there()
    add_there()
    assert.equal(2, get_there())
    assert.equal(0, counter)
  end)

  it("gives every copy upvalues of its own", function()
    local function add()
      base = base + 1
      return base
    end
    local message = codec.encode(add)
    local first, second = codec.decode(message), codec.decode(message)
    assert.same({11, 12, 11}, {first(), first(), second()})
  end)

  local function call_there(fn, ...)
    local function call(copy, ...) return copy(...) end
    return call(codec.decode((codec.encode_call(fn, ...))))
  end

  it("sees the value that an upvalue has at each call", function()
    local value, inner = 1, 0
    local function get() return inner end
    local function sum() return value + get() end
    assert.equal(1, call_there(sum))
    assert.equal(1, call_there(sum))
    value = 10
    assert.equal(10, call_there(sum))
    inner = 5
    assert.equal(15, call_there(sum))
    value = {}
    assert.equal("table", call_there(function() return type(value) end))
    value = nil
    assert.equal("nil", call_there(function() return type(value) end))
  end)

  it("lets no call see what another did to an upvalue", function()
    local count, list = 0, {}
    local function direct()
      count = count + 1
      return count
    end
    local function through_inner()
      local function add() count = count + 1 end
      add()
      return count
    end
    local function through_upvalue() return direct() end
    local function through_table()
      list[#list + 1] = true
      return #list
    end
    for _, fn in ipairs {direct, through_inner, through_upvalue, through_table} do
      assert.equal(1, call_there(fn))
      assert.equal(1, call_there(fn))
    end
  end)

  it("gives the function without state that it gave before", function()
    local function double(x) return x * 2 + base end
    local first = codec.decode((codec.encode_call(double, 1)))
    assert.equal(first, (codec.decode((codec.encode_call(double, 2)))))
    assert.same({1, nil, 3}, {select(2, codec.decode((codec.encode_call(double, 1, nil, 3))))})
  end)

  it("keeps many functions apart", function()
    for i = 1, 3000 do assert.equal(i, call_there(function() return i end)) end
  end)

  it("takes recursive and mutually recursive functions", function()
    local is_odd
    local function is_even(n) return n == 0 or is_odd(n - 1) end
    function is_odd(n) return n ~= 0 and is_even(n - 1) end
    local function factorial(n) return n == 0 and 1 or n * factorial(n - 1) end
    local even, product = there_and_back(is_even, factorial)
    assert.is_true(even(10))
    assert.equal(120, product(5))
  end)

  it("takes functions that make functions", function()
    local make = there_and_back(function(step)
      local sum = base
      return function()
        sum = sum + step
        return sum
      end
    end)
    local one, two = make(1), make(2)
    assert.same({base + 1, base + 2, base + 2}, {one(), one(), two()})
  end)

  it("takes as many upvalues as Lua allows", function()
    local source = {}
    for i = 1, 60 do source[i] = ("local v%d = %d"):format(i, i) end
    source[61] = "return function() return v1"
    for i = 2, 60 do source[61] = source[61] .. (" + v%d"):format(i) end
    local sum = assert(loadstring(table.concat(source, "\n") .. " end"))()
    assert.equal(1830, there_and_back(sum)())
  end)

  it("takes functions of stripped bytecode", function()
    local stripped = assert(loadstring(string.dump(function()
      local value = "kept"
      return function() return value end
    end, true)))()
    assert.equal("kept", there_and_back(stripped)())
  end)

  it("takes functions that the JIT has compiled", function()
    local function sum(n)
      local total = 0
      for i = 1, n do total = total + i end
      return total
    end
    for _ = 1, 200 do sum(1000) end
    assert.equal(500500, there_and_back(sum)(1000))
  end)

  it("keeps the place of the source for messages", function()
    local copy = there_and_back(function() return debug.getinfo(1, "S").short_src end)
    assert.is_truthy(copy():find("exec_codec_spec.lua", 1, true))
  end)

  it("takes varargs, FFI constants and loops along", function()
    local copy = there_and_back(function(...)
      local list = {...}
      for i = 1, select("#", ...) do list[i] = list[i] + 1LL end
      return #list, list[1]
    end)
    assert.same({2, 2LL}, {copy(1, 2)})
  end)

  it("takes async functions", function()
    local double = async(function(x)
      await(async.sleep(0))
      return x * 2 + counter
    end)
    local copy = there_and_back(double)
    assert.is_true(async.iscoroutinefunction(copy))
    assert.equal(8, await(copy(4)))
  end)
end)

describe("codec with what modules hold", function()
  it("takes modules, their functions and standard files by name", function()
    local values = {async, json, string, _G, math.floor, async.sleep, print, string.format, io.stdout, async.Error}
    assert.same(values, {there_and_back(unpack(values))})
    for i, value in ipairs {there_and_back(unpack(values))} do assert.is_true(rawequal(values[i], value)) end
  end)

  it("takes what a module got after it was loaded", function()
    package.loaded["spec.late"] = {}
    there_and_back(package.loaded["spec.late"])
    local class = {__index = {}}
    package.loaded["spec.late"].Class = class
    assert.equal(class, getmetatable(there_and_back(setmetatable({}, class))))
    package.loaded["spec.late"] = nil
  end)

  it("takes along what a script has put into a module", function()
    local ran = shell.run(("%s -e %s"):format(os.getenv("LACUNA"), shell.quote [[
      local async, json = require "lacuna", require "lacuna.json"
      function json.double(x) return 2 * x end
      function string.triple(x) return 3 * x end
      print(await(async.to_thread(json.double, 2)), await(async.to_thread(string.triple, 2)))
    ]]))
    assert.equal("", ran.stderr)
    assert.equal("4\t6\n", ran.stdout)
  end)

  it("copies the data that a module holds", function()
    package.loaded["spec.data"] = {jobs = {1, 2}}
    local jobs = package.loaded["spec.data"].jobs
    local copy = there_and_back(jobs)
    assert.same({1, 2}, copy)
    assert.are_not.equal(jobs, copy)
    package.loaded["spec.data"] = nil
  end)

  it("says which module is missing", function()
    package.loaded["spec.gone"] = {}
    local message = codec.encode(package.loaded["spec.gone"])
    package.loaded["spec.gone"] = nil
    local ok, err = pcall(codec.decode, message)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("spec.gone", 1, true))
  end)
end)

describe("codec with classes and errors", function()
  it("keeps the metatable of objects", function()
    local Point = {}
    Point.__index = Point
    function Point:sum() return self.x + self.y end
    local copy = there_and_back(setmetatable({x = 1, y = 2}, Point))
    assert.equal(Point, getmetatable(copy))
    assert.equal(3, copy:sum())
  end)

  it("calls no metamethod of what travels", function()
    local function fail() error("called") end
    local hostile = setmetatable({1}, {
      __index = fail, __newindex = fail, __len = fail, __pairs = fail, __eq = fail, __tostring = fail, __metatable = 1,
    })
    local copy = there_and_back(hostile)
    assert.equal(1, rawget(copy, 1))
    assert.equal(debug.getmetatable(hostile), debug.getmetatable(copy))
  end)

  it("keeps class, message, cause, traceback and fields of an error", function()
    local PaymentError = async.ValueError:subclass("PaymentError")
    local err = PaymentError("거절됨", async.OSError("disk"))
    err.code = 42
    local copy = there_and_back(err)
    assert.is_true(async.isinstance(copy, PaymentError))
    assert.equal("PaymentError: 거절됨", tostring(copy))
    assert.equal("OSError: disk", tostring(copy.cause))
    assert.equal(err.traceback, copy.traceback)
    assert.equal(42, copy.code)
  end)

  it("keeps groups of errors", function()
    local group = async.ExceptionGroup("both", {async.ValueError("a"), async.TimeoutError("b")})
    local matched, rest = async.split(there_and_back(group), async.ValueError)
    assert.equal("a", matched.errors[1].message)
    assert.equal("b", rest.errors[1].message)
  end)
end)

describe("codec between processes", function()
  -- A child reads a message, calls the function in it and writes its results as the answer.
  local answer = [[
    local codec = require "lacuna.exec.codec"
    local file = assert(io.open(arg[1], "rb"))
    local function call(fn, ...) return codec.encode(fn(...)) end
    local reply = call(codec.decode(file:read("*a")))
    file:close()
    file = assert(io.open(arg[1], "wb"))
    file:write(reply)
    file:close()
  ]]

  local function call_there(...)
    local path = os.tmpname()
    shell.write_file(path, (codec.encode_call(...)))
    local ran = shell.run(("%s -e %s %s"):format(os.getenv("LACUNA"), shell.quote(answer), path))
    assert.equal("", ran.stderr)
    local file = assert(io.open(path, "rb"))
    local reply = file:read("*a")
    file:close()
    os.remove(path)
    return codec.decode(reply)
  end

  it("means the other state's modules and globals", function()
    local seen, script = call_there(function(x) return async.TypeError("x" .. x).message, arg[0] end, 1)
    assert.equal("x1", seen)
    assert.are_not.equal(arg[0], script)
  end)

  it("brings a class back as the very same class", function()
    local Failure = async.Error:subclass("Failure")
    local Special = Failure:subclass("Special")
    function Special:shout() return self.message:upper() end
    local Point = {}
    Point.__index = Point
    local made, point, same = call_there(function(given)
      return Special("sent back"), setmetatable({given}, Point), getmetatable(given) == Point
    end, setmetatable({}, Point))
    assert.is_true(same)
    assert.equal(Special, getmetatable(made))
    assert.is_true(async.isinstance(made, Failure))
    assert.equal("SENT BACK", made:shout())
    assert.equal(Point, getmetatable(point))
    assert.equal(Point, getmetatable(point[1]))
  end)
end)

describe("codec refuses", function()
  local thread = coroutine.create(function() end)

  it("what cannot travel, by its path", function()
    local file = io.tmpfile()
    assert.equal("argument 1: userdata", refusal(print, file))
    assert.equal("argument 2.callbacks[3]: userdata", refusal(print, 1, {callbacks = {1, 2, file}}))
    assert.equal('argument 1["a b"][true]: thread', refusal(print, {["a b"] = {[true] = thread}}))
    assert.equal("argument 1: key: thread", refusal(print, {[thread] = 1}))
    assert.equal("argument 1.f: upvalue 'file': userdata", refusal(print, {f = function() return file end}))
    assert.equal("argument 1: metatable.__index: upvalue 'file': userdata",
      refusal(print, setmetatable({}, {__index = function() return file end})))
    assert.equal("value 2: userdata", select(2, pcall(codec.encode, 1, file)).message)
    assert.equal("result 1.log: userdata", select(2, pcall(codec.encode_outcome, true, 0, {log = file})).message)
    assert.equal("error.log: userdata", select(2, pcall(codec.encode_outcome, false, 0, {log = file})).message)
    file:close()
  end)

  it("upvalues by name, through functions within functions", function()
    local connection = newproxy()
    local function query() return connection end
    local pool = {query = query}
    assert.equal("upvalue 'connection': userdata", refusal(query))
    assert.equal("upvalue 'query': upvalue 'connection': userdata", refusal(function() return query() end))
    assert.equal("upvalue 'pool'.query: upvalue 'connection': userdata", refusal(function() return pool end))
    assert.equal("upvalue 'query': upvalue 'connection': userdata", refusal(async(function() return query() end)))
  end)

  it("upvalues of stripped bytecode by number", function()
    local stripped = assert(loadstring(string.dump(function(value) return function() return value end end, true)))
    assert.equal("upvalue 1: thread", refusal(stripped(thread)))
  end)

  it("C functions that no module holds", function()
    assert.equal("function: C function", refusal(("x"):gmatch("x")))
  end)

  it("pointers and structures of the FFI", function()
    local ffi = require "ffi"
    assert.equal("argument 1: cdata of type ctype<int [3]>", refusal(print, ffi.new("int[3]")))
  end)

  it("what belongs to a loop", function()
    local queue = async.Queue()
    for _, object in ipairs {async.Lock(), async.Event(), queue, async.Future(), async.current_task()} do
      assert.equal("argument 1: object of lacuna that belongs to its loop", refusal(print, object))
    end
    assert.equal("upvalue 'queue': object of lacuna that belongs to its loop", refusal(function() return queue end))
    local coro = async.sleep(0)
    assert.equal("argument 1: coroutine object", refusal(print, coro))
    await(coro)
  end)
end)

describe("codec.decode", function()
  it("raises for a message that is cut short, wherever that is", function()
    local upvalue = {1, 2}
    upvalue.self = upvalue
    for _, message in ipairs {codec.encode(1, "two", {3}), codec.encode_call(function() return upvalue end, "x")} do
      for length = 0, #message - 1 do assert.is_false((pcall(codec.decode, message:sub(1, length)))) end
    end
  end)
end)
