-- The prompt's session: inputs one by one must do what the same statements do as one chunk.
-- Random programs declare, shadow, capture and assign locals; what they see is compared.

local session_module = require "lacuna.cli.repl.session"
local syntax = require "lacuna.cli.repl.syntax"

local PROGRAMS, STATEMENTS = 300, 25
local NAMES = {"a", "b", "c", "d"}

-- Numbers of our own, so that a seed means the same program everywhere.
local function random_from(seed)
  local state = seed * 2654435761 % 2147483647
  return function(count)
    state = state * 48271 % 2147483647
    return state % count + 1
  end
end

-- A statement of the outermost level. Functions are kept in the global list `f`, so that what they captured is used
-- after its name has come to mean something else.
local function statement(random)
  local function name() return NAMES[random(#NAMES)] end
  local function value() return random(3) == 1 and tostring(random(100)) or ("(%s or 0)"):format(name()) end
  local kinds = {
    function() return ("local %s = %s + %s"):format(name(), value(), value()) end,
    function() return ("local %s, %s = %s, (%s)"):format(name(), name(), value(), value()) end,
    function() return ("local %s"):format(name()) end,
    function() return ("local %s = %s; out(%s)"):format(name(), value(), name()) end,
    function()
      return ("local function %s(n) return n and n < 1 and 0 or %s end"):format("g", value())
    end,
    function() return ("%s = %s * 2 + 1"):format(name(), value()) end,
    function() return ("f[#f + 1] = function(n) %s = %s + (n or 1) return %s end"):format(name(), value(), name()) end,
    function() return ("f[#f + 1] = function() return {%s, function() return %s end} end"):format(value(), value()) end,
    function() return ("do local %s = %s out(%s) end"):format(name(), value(), value()) end,
    function() return ("for %s = 1, 3 do out(%s) end"):format(name(), value()) end,
    function() return ("for i = 1, 70 do %s = %s + i end"):format("b", value()) end, -- long enough to be compiled
    function() return "for i = 1, #f do local r = f[i](i) out(type(r) == 'table' and r[2]() or r) end" end,
    function() return "out(a, b, c, d, g and g(2))" end,
  }
  return kinds[random(#kinds)]()
end

local function environment()
  local seen = {}
  local env = setmetatable({f = {}}, {__index = _G})
  function env.out(...)
    for i = 1, select("#", ...) do
      local value = select(i, ...)
      seen[#seen + 1] = type(value) == "number" and ("%.6g"):format(value) or type(value)
    end
  end
  return env, seen
end

describe("a session", function()
  it("does by single inputs what one chunk does", function()
    for seed = 1, PROGRAMS do
      local random, statements = random_from(seed), {}
      for i = 1, STATEMENTS do statements[i] = statement(random) end
      statements[#statements + 1] = "for i = 1, #f do local r = f[i](i) out(type(r) == 'table' and r[2]() or r) end"
      statements[#statements + 1] = "out(a, b, c, d)"

      local whole, expected = environment()
      local chunk = assert(loadstring(table.concat(statements, "\n"), "=whole"))
      local whole_ok, whole_problem = pcall(setfenv(chunk, whole))

      local parts, got = environment()
      local session = session_module.new(parts)
      local ok, problem = true, nil
      for _, text in ipairs(statements) do
        local input, wrong = session:compile(text)
        assert(input, wrong)
        ok, problem = pcall(input)
        if not ok then break end
      end
      local program = ("program %d:\n%s"):format(seed, table.concat(statements, "\n"))
      assert.equal(whole_ok, ok, program .. "\n" .. tostring(whole_problem or problem))
      assert.same(expected, got, program)
    end
  end)

  it("says that an input uses too many locals of earlier ones", function()
    local session = session_module.new(_G)
    local names = {}
    for i = 1, 70 do
      names[i] = "local_" .. i
      assert(session:compile(("local local_%d = %d"):format(i, i)))()
    end
    local first = session:compile("return " .. table.concat(names, " + ", 1, 58))
    assert.equal(58 * 59 / 2, first())
    local _, problem = session:compile("return " .. table.concat(names, " + "))
    assert.truthy(problem:find("more than 60 upvalues", 1, true))
  end)
end)

describe("the words of a text", function()
  -- Each text with the names that its outermost level declares.
  local cases = {
    {"local a", "a"},
    {"local a, b, c = 1", "a b c"},
    {"local a = function() local inner end local b", "a b"},
    {"local function name(x, y) local inner return inner end", "name"},
    {"local --[[ comment ]] a -- local no\n = [==[ local no ]==] local b = 'local no'", "a b"},
    {"local a = {function() local no end, [1] = {2}}; local b = (1)", "a b"},
    {"if true then local no elseif x then local no else local no end local a", "a"},
    {"for i = 1, 2 do local no end while true do local no break end repeat local no until no local a", "a"},
    {"local a = f 'text' {1} [[x]] :method(1) .field[2] ('x') g()", "a"},
    {"local a = not -#t ^ 2 .. 'x' == y or z and ... local b", "a b"},
    {"local a = 0x1p-4 + 1e+5 - .5 local b = 1LL", "a b"},
    {"local 이름 = 1", "이름"},
    {"goto done do local no end ::done:: local a", "a"},
  }
  for _, case in ipairs(cases) do
    it("find the locals of " .. case[1]:gsub("\n", " "), function()
      local names = {}
      for _, found in ipairs((syntax.locals(case[1]))) do
        for _, name in ipairs(found.names) do names[#names + 1] = name end
        assert.truthy(loadstring(case[1]:sub(1, found.last)), "a statement ends there")
      end
      assert.equal(case[2], table.concat(names, " "))
    end)
  end

  it("tell what is unfinished from what is wrong", function()
    for _, text in ipairs {
      "for i = 1, 2 do", "f(", "x =", "[[open", "--[[open", "'open\\", "local function f()", "{1,", "= 1 +",
    } do
      assert.is_true(syntax.is_incomplete(text), text)
    end
    for _, text in ipairs {"x", "x = 1", "= 1", "return", "= = 1", "'open", "end", ")", "1 2"} do
      assert.is_false(syntax.is_incomplete(text), text)
    end
  end)
end)
