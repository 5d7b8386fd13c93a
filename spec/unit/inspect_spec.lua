-- inspect: values as text for people.
local async = require "lacuna"
local inspect = require "lacuna.inspect"
local json = require "lacuna.json"

describe("inspect", function()
  describe("writes a value of one piece:", function()
    local cases = {
      {"nil", nil, "nil"},
      {"true", true, "true"},
      {"an integer", 42, "42"},
      {"a large integer", 2 ^ 53, "9007199254740992"},
      {"a number that 14 digits do not hold", 0.1 + 0.2, "0.30000000000000004"},
      {"a third", 1 / 3, "0.3333333333333333"},
      {"negative zero", -0.0, "-0"},
      {"infinity", -math.huge, "-inf"},
      {"no number", 0 / 0, "nan"},
      {"a 64-bit integer", 7LL, "7LL"},
      {"a string", "plain", '"plain"'},
      {"quotes and backslashes", 'say "a\\b"', [["say \"a\\b\""]]},
      {"control characters", "a\n\t\r\0\27\127", [["a\n\t\r\0\27\127"]]},
      {"a control character before a digit", "\0012", [["\0012"]]},
      {"Korean", "안녕하세요", '"안녕하세요"'},
      {"combining characters", "e\204\129", '"e\204\129"'},
      {"malformed bytes among others", "한\255국\237\160\128", [["한\255국\237\160\128"]]},
      {"a control character of two bytes", "\194\133x", [["\194\133x"]]},
      {"json.null", json.null, "json.null"},
      {"a library function", string.gsub, "<function string.gsub>"},
      {"a function of lacuna's", async.gather, "<function lacuna.gather>"},
      {"an error", async.ValueError("bad"), "<ValueError: bad>"},
      {"an error without a message", async.TimeoutError(), "<TimeoutError>"},
      {"a class of errors", async.ValueError, "<class ValueError>"},
      {"a pending future", async.Future(), "<Future pending>"},
      {"a thread", coroutine.create(print), "<thread suspended>"},
      {"a userdata", newproxy(), "<userdata>"},
      {"a lock", async.Lock(), "<Lock [unlocked]>"},
      {"an empty table", {}, "{}"},
    }
    for _, case in ipairs(cases) do
      it(case[1], function() assert.equal(case[3], inspect(case[2])) end)
    end
  end)

  it("names a function and the line where it stands", function()
    local function double(x) return 2 * x end
    local line = debug.getinfo(double, "S").linedefined
    assert.equal(("<function double %s:%d>"):format(debug.getinfo(1, "S").short_src, line), inspect(double))
    assert.truthy(inspect(loadstring("return function() end")()):find('^<function %[string "return function'))
  end)

  it("names the function that an async function wraps", function()
    local fetch = async(function() end)
    assert.truthy(inspect(fetch):find("^<async function fetch .*inspect_spec%.lua:%d+>$"))
  end)

  it("shows a coroutine object as tostring does", function()
    local coro = async.sleep(1)
    assert.equal(tostring(coro), inspect(coro))
  end)

  it("shows the name and the state of a task, and does not count as having seen its error", function()
    local function shown(fn)
      local task = async.create_task(fn, {name = "worker"})
      local before = inspect(task)
      pcall(async.await, async.wait({task}))
      return before, inspect(task), task
    end
    local before, after = shown(function() return "done", 2 end)
    assert.equal("<Task worker pending>", before)
    assert.equal("<Task worker finished result={…}>", after)
    assert.equal('<Task worker finished result="done">', select(2, shown(function() return "done" end)))
    local _, failed, task = shown(function() error(async.ValueError("bad")) end)
    assert.equal("<Task worker finished error=ValueError: bad>", failed)
    assert.is_true(task.is_unretrieved)
    task:exception()
    local cancelled = async.create_task(async.sleep(10), {name = "sleeper"})
    cancelled:cancel()
    assert.equal("<Task sleeper cancelling>", inspect(cancelled))
    pcall(async.await, cancelled)
    assert.equal("<Task sleeper cancelled>", inspect(cancelled))
  end)

  it("survives a future whose result is itself", function()
    local future = async.Future()
    future:set_result(future)
    assert.equal("<Future finished result={…}>", inspect(future))
  end)

  describe("writes a table:", function()
    local cases = {
      {"a list", {1, "two", {3}}, '{1, "two", {3}}'},
      {"a list with a hole", {1, nil, 3, n = 3}, "{1, [3] = 3, n = 3}"},
      {"names without brackets", {name = "x", _2 = 1}, '{_2 = 1, name = "x"}'},
      {"other keys in brackets", {["end"] = 1, ["a b"] = 2, ["이름"] = 3}, '{["a b"] = 2, ["end"] = 1, ["이름"] = 3}'},
      {"numbers, strings, booleans, others", {[true] = 1, [false] = 2, b = 3, a = 4, [-1] = 5, [2.5] = 6, [next] = 7},
        "{[-1] = 5, [2.5] = 6, a = 4, b = 3, [false] = 2, [true] = 1, [<function next>] = 7}"},
      {"a table as a key", {[{1}] = "x"}, '{[{…}] = "x"}'},
      {"an empty one inside", {a = {}, b = {}}, "{a = {}, b = {}}"},
    }
    for _, case in ipairs(cases) do
      it(case[1], function() assert.equal(case[3], inspect(case[2], {width = 100})) end)
    end
  end)

  it("gives plain data as source that loads back", function()
    local data = {
      1, 2.5, "a\n\"b\"\\\0001", {name = "한국", ["a b"] = {true, false}}, x = {y = {z = {}}}, [10] = -1e300,
      long = ("word "):rep(30), list = {}, ["while"] = "\255\200",
    }
    for i = 1, 50 do data.list[i] = i / 7 end
    assert.same(data, assert(loadstring("return " .. inspect(data)))())
  end)

  it("breaks a table that is wider than a line, one entry a line", function()
    assert.equal([[
{
  first = "aaaaaaaaaa",
  second = {1, 2, 3},
  third = {
    inner = "bbbbbbbbbb",
    other = "cccc",
  },
}]], inspect({first = "aaaaaaaaaa", second = {1, 2, 3}, third = {inner = "bbbbbbbbbb", other = "cccc"}}, {width = 30}))
  end)

  it("fills lines with the pieces of a list", function()
    local list = {}
    for i = 1, 12 do list[i] = i end
    list.name = "x"
    assert.equal([[
{
  1, 2, 3, 4, 5, 6,
  7, 8, 9, 10, 11,
  12,
  name = "x",
}]], inspect(list, {width = 20}))
  end)

  it("never writes a line wider than asked if its pieces are not", function()
    local tree = {name = "root", list = {}, inner = {deeper = {deepest = {}}}}
    for i = 1, 40 do
      tree.list[i] = i * 37
      tree.inner.deeper.deepest["key" .. i] = {i, i + 1}
    end
    for width = 30, 80 do
      for line in inspect(tree, {width = width}):gmatch("[^\n]+") do assert.is_true(#line <= width, line) end
    end
  end)

  it("counts a Korean character as two columns, a combining one as none", function()
    assert.equal('{"가나다라"}', inspect({"가나다라"}, {width = 12}))
    assert.equal('{\n  "가나다라",\n}', inspect({"가나다라"}, {width = 11}))
    assert.equal('{"e\204\129e\204\129"}', inspect({"e\204\129e\204\129"}, {width = 6}))
  end)

  it("shows cycles by the path to where they lead", function()
    local tree = {child = {name = "c", list = {}}}
    tree.child.list[1] = tree.child
    tree.child.root = tree
    assert.equal('{child = {list = {<cycle .child>}, name = "c", root = <cycle>}}', inspect(tree))
    tree.child.list[2] = {tree.child.list}
    assert.truthy(inspect(tree):find("{<cycle .child.list>}", 1, true))
  end)

  it("shows a table once and names its path elsewhere", function()
    local shared = {1}
    assert.equal("{a = {1}, b = {<shared .a>}}", inspect({a = shared, b = {shared}}))
    assert.equal('{["a b"] = {{1}}, c = <shared ["a b"][1]>}', inspect({["a b"] = {shared}, c = shared}))
  end)

  it("needs no time that grows with the paths through a graph", function()
    local node = {}
    for _ = 1, 40 do node = {node, node} end
    assert.is_true(#inspect(node) < 10000)
  end)

  it("stops at a depth", function()
    local nested = {1, {2, {3, {4}}}}
    assert.equal("{1, {…}}", inspect(nested, {depth = 1}))
    assert.equal("{1, {2, {…}}}", inspect(nested, {depth = 2}))
    assert.equal("{…}", inspect(nested, {depth = 0}))
    assert.equal("{{}}", inspect({{}}, {depth = 1}))
  end)

  it("survives nesting without end", function()
    local list = {}
    for _ = 1, 100000 do list = {next = list} end
    assert.truthy(inspect(list):find("{…}", 1, true))
  end)

  it("counts the entries it leaves out", function()
    assert.equal("{1, 2, … 3 more}", inspect({1, 2, 3, 4, a = 5}, {items = 2}))
    assert.equal("{a = 1, … 1 more}", inspect({a = 1, b = 2}, {items = 1}))
    assert.equal("{a = 1, b = 2}", inspect({a = 1, b = 2}, {items = 2}))
  end)

  describe("with a metatable", function()
    it("takes what __tostring says", function()
      local point = setmetatable({x = 1}, {__tostring = function(self) return "(" .. self.x .. ")" end})
      assert.equal("{(1), (1)}", inspect({point, point}))
    end)

    it("lets __tostring await", function()
      local slow = setmetatable({}, {__tostring = function() return async.await(async.sleep(0, "slept")) end})
      assert.equal("slept", inspect(slow))
    end)

    it("says what went wrong in __tostring", function()
      local broken = setmetatable({}, {__tostring = function() error("oops", 0) end})
      assert.equal("{<error in __tostring: oops>}", inspect({broken}))
      assert.equal("<__tostring returned a number>", inspect(setmetatable({}, {__tostring = function() return 1 end})))
    end)

    it("reads entries raw", function()
      local function refuse() error("called") end
      local guarded = setmetatable({a = 1}, {__index = refuse, __len = refuse, __metatable = "locked"})
      assert.equal("{a = 1}", inspect(guarded))
    end)

    it("breaks the table around a text of several lines", function()
      local lines = setmetatable({}, {__tostring = function() return "one\ntwo" end})
      assert.equal("{\n  one\ntwo,\n}", inspect({lines}))
    end)
  end)

  it("colours if asked to, without changing the layout", function()
    local value = {name = "x", list = {1, true, print}, long = ("a"):rep(70)}
    local coloured = inspect(value, {color = true})
    assert.truthy(coloured:find('\27[32m"x"\27[0m', 1, true))
    assert.equal(inspect(value), (coloured:gsub("\27%[%d+m", "")))
  end)

  it("refuses options of the wrong type", function()
    local ok, err = pcall(inspect, {}, {depth = "deep"})
    assert.is_false(ok)
    assert.is_true(async.isinstance(err, async.TypeError))
    assert.equal("inspect: option depth: number expected, got string", err.message)
    assert.is_false((pcall(inspect, {}, {depht = 1})))
  end)
end)
