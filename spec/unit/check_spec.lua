-- check_findings: forgotten awaits and accidental globals, and what is none.
local check_findings = require "lacuna.cli.check_findings"
local check_syntax = require "lacuna.cli.check_syntax"
local tree = require "spec.support.tree"

local HEAD = 'local async = require "lacuna" local await = async.await '
  .. 'local fetch = async(function(x) return x end) local http = require "lacuna.http"\n'

-- "LINE: TEXT" of each finding; the lines of `source` begin with 1.
local function findings(source)
  assert(loadstring(HEAD .. source))
  local lines = {}
  for i, finding in ipairs(check_findings(HEAD .. source)) do
    lines[i] = ("%d: %s"):format(finding.line - 1, finding.text)
  end
  return lines
end

local function never_awaited(call, line)
  return ("%d: %s is never awaited, so it does not run: write await(%s)"):format(line or 1, call, call)
end

local function used(what, how)
  return ("1: %s is %s before it was awaited: write await(%s)"):format(what, how or "used", what)
end

describe("a forgotten await is found", function()
  local cases = {
    {"of an async function", "fetch(1)", "fetch(…)"},
    {"of a call without arguments", "fetch()", "fetch()"},
    {"of a primitive", "async.sleep(1)", "async.sleep(…)"},
    {"of a primitive by a local name", "local sleep = async.sleep sleep(1)", "sleep(…)"},
    {"of require in place", 'require("lacuna").sleep(1)', 'require("lacuna").sleep(…)'},
    {"of a lock", "local lock = async.Lock() lock:acquire()", "lock:acquire()"},
    {"of a queue", "local queue = async.Queue{maxsize = 3} queue:put(1)", "queue:put(…)"},
    {"of an inherited method", "local s = async.BoundedSemaphore(1) s:acquire()", "s:acquire()"},
    {"of an object made in place", "async.Event():wait()", "async.Event():wait()"},
    {"of a request", "http.get('u')", "http.get(…)"},
    {"of a request of a session", "local s = http.ClientSession() s:post('u')", "s:post(…)"},
    {"of what async.with gives", "async.with(http.ClientSession(), function(s) s:get('u') end)", "s:get(…)"},
    {"inside functions", "return function() return {function() fetch(1) end} end", "fetch(…)"},
    {"of a local declared before", "local g g = async(function() end) g()", "g()"},
    {"of a function of a table", "local M = {} M.load = async(function() end) M.load()", "M.load()"},
    {"of a row of a table", "local M = {load = async(function() end)} M.load()", "M.load()"},
    {"of a method", "local T = {} T.run = async(function(self) end) return function(t) t:run() end", "t:run()"},
    {"of an object in a field", "local self = {} self.lock = async.Lock() self.lock:acquire()", "self.lock:acquire()"},
    {"in parentheses", ";(fetch)(1)", "(…)(…)"},
    {"after a goto", "goto done do fetch(1) end ::done::", "fetch(…)"},
  }
  for _, case in ipairs(cases) do
    it(case[1], function() assert.same({never_awaited(case[3])}, findings(case[2])) end)
  end

  it("on its line", function()
    assert.same({never_awaited("fetch(…)", 3), never_awaited("fetch(…)", 6)},
      findings('print [[\n]]\nfetch(1)\n-- fetch(1)\n--[[ fetch(1)\n]] fetch(2)\n'))
  end)

  it("where the result is used at once", function()
    assert.same({used("fetch(…)")}, findings "print('x' .. fetch(1))")
    assert.same({used("fetch(…)")}, findings "print(1 + fetch(1))")
    assert.same({used("data")}, findings "local data = fetch(1) print('x' .. data)")
    assert.same({used("fetch(…)")}, findings "print(fetch(1).name)")
    assert.same({used("fetch(…)")}, findings "fetch(1):name()")
    assert.same({used("data")}, findings "local data = fetch(1) print(data.name)")
    assert.same({used("data")}, findings "local data = fetch(1) data.name = 1")
    assert.same({used("fetch(…)")}, findings "for _, item in ipairs(fetch(1)) do print(item) end")
    assert.same({used("data")}, findings "local data = fetch(1) print(unpack(data))")
    assert.same({used("fetch(…)", "tested")}, findings "if fetch(1) then end")
    assert.same({used("fetch(…)", "tested")}, findings "while not fetch(1) do end")
    assert.same({used("fetch(…)", "tested")}, findings "return fetch(1) or 2")
    assert.same({used("fetch(…)", "tested")}, findings "repeat until fetch(1)")
  end)
end)

describe("no forgotten await is seen in", function()
  local cases = {
    {"an awaited call", "await(fetch(1)) async.await(async.sleep(1))"},
    {"what starts at the call", "async.create_task(fetch(1)) async.gather(fetch(1), fetch(2)) async.shield(fetch(1))"},
    {"arguments, results and rows", "local t = {fetch(1), x = fetch(2)} print(fetch(3), t) return fetch(4)"},
    {"a result dropped on purpose", "local _ = fetch(1)"},
    {"what is printed, kept or compared", "local c = fetch(1) print(c) local t = {[c] = c == nil} await(c)"},
    {"a request that is entered or asked", "local r = http.get('u') async.with(r, print) print(r.url, r:cancel())"},
    {"plain methods", "local q = async.Queue() q:put_nowait(1) q:task_done() local e = async.Event() e:set()"},
    {"a parameter", "return function(lock, f) lock:acquire() f() end"},
    {"a local that hides another", "do local fetch = print fetch(1) end"},
    {"a parameter that hides a local", "return function(fetch) fetch(1) end"},
    {"a loop variable that hides a local", "for _, fetch in ipairs{print} do fetch(1) end"},
    {"a local that holds different things", "local f = fetch if arg then f = print end f(1)"},
    {"a field that holds different things", "local a, b = {f = fetch}, {f = print} a.f(1) b.f(2)"},
    {"an unknown method of the same name", "local s = io.stdout s:wait(1) s:get(2)"},
    {"a plain function called async", "local async = function(f) return f end local g = async(function() end) g()"},
    {"a coroutine object that is tested", "local c = fetch(1) if c then await(c) end print(c == nil, not c)"},
    {"the loop's own calls", "local loop = async.new_event_loop() loop:run_until_complete(fetch(1)) loop:close()"},
    {"several values of a call", "local a, b = await(fetch(1)) b()"},
    {"a function that returns a coroutine object", "local function f() return fetch(1) end f()"},
  }
  for _, case in ipairs(cases) do
    it(case[1], function() assert.same({}, findings(case[2])) end)
  end
end)

describe("an accidental global is found", function()
  local cases = {
    {"when it is assigned to", "total = 1", "assignment to the global total: write local total"},
    {"once, however often it is used", "total = 1 total = total + 1 print(total)",
      "assignment to the global total: write local total"},
    {"in a list", "local a a, b = 1, 2", "assignment to the global b: write local b"},
    {"as a function", "function helper() end", "the function helper is global: write local function helper"},
    {"when it is used", "print(nothing)", "the global nothing is not defined: is it misspelt, or a local missing?"},
    {"as an upvalue", "return function() return nothing end",
      "the global nothing is not defined: is it misspelt, or a local missing?"},
    {"outside the block of its local", "do local x = 1 print(x) end print(x)", "the global x is not defined: "
      .. "the local of that name, line 1, is not visible here: declare it above, or in a block around"},
    {"in the function that the local is about to hold", "local f = async(function() return f() end) return f",
      "the global f is not defined: the local of that name, line 1, is not visible here: "
      .. "declare it above, or in a block around"},
    {"where a name of lacuna's was not fetched", "sleep(1)",
      "the global sleep is not defined: write local sleep = async.sleep"},
    {"where a battery was not required", "json.decode('1')",
      'the global json is not defined: write local json = require "lacuna.json"'},
  }
  for _, case in ipairs(cases) do
    it(case[1], function()
      local found = findings(case[2])
      assert.equal(1, #found)
      assert.equal(case[3], (found[1]:gsub("^%d+: ", ""):gsub("line 2", "line 1")))
    end)
  end
end)

describe("no accidental global is seen in", function()
  local cases = {
    {"Lua's and LuaJIT's own names", "print(jit.version, bit.band(1, 2), utf8.len('x'), arg[0], ...)"},
    {"the app of lacuna serve", "app = {}"},
    {"what is defined through _G", "_G.shared = 1 print(shared) rawset(_G, 'other', 2) print(other)"},
    {"what the text looks for first", "local u = table.unpack or unpack if bit32 then print(u, bit32.band(1, 1)) end"},
    {"what type() is asked of", "if type(love) == 'table' then love.run() end"},
    {"a text that changes its globals", "setfenv(1, {}) x = y"},
    {"fields, methods and keys", "local t = {x = 1, ['y'] = 2} t.z = 3 t:w(t.v) goto l ::l:: return t"},
    {"a local function that calls itself", "local function f(n) return n and f(n - 1) end return f"},
    {"the condition of a repeat", "repeat local done = true until done"},
    {"numbers of every kind", "return 1e3, 0x1p4, 5LL, 2ULL, 1.5e-3, .5, 3i"},
    {"strings of every kind", [==[return "a\"b", 'c\'d', [[e]], [=[f]]]=], "g\
h"]==]},
    {"names in Korean", "local 이름 = 1 return 이름"},
  }
  for _, case in ipairs(cases) do
    it(case[1], function() assert.same({}, findings(case[2])) end)
  end
end)

describe("check", function()
  it("follows every Lua file of the project to its end", function()
    for _, folder in ipairs {"lua", "spec", "scripts", "bench"} do
      for _, path in ipairs(tree.files(folder, ".lua")) do check_syntax.parse(tree.read(path)) end
    end
  end)

  it("finds nothing in the scripts, in the benchmarks, and in lacuna itself", function()
    local wrong = {}
    for _, folder in ipairs {"lua", "scripts", "bench/runner"} do
      for _, path in ipairs(tree.files(folder, ".lua")) do
        for _, finding in ipairs(check_findings(tree.read(path))) do
          wrong[#wrong + 1] = ("%s:%d: %s"):format(path, finding.line, finding.text)
        end
      end
    end
    assert.same({}, wrong)
  end)
end)
