-- house: the rules of the house that a program can check.
local lfs = require "lfs"
local tree = require "spec.support.tree"

local TOP_LEVEL = {
  "host", "lua", "scripts", "spec", "bench", "docs", "CMakeLists.txt", "CMakePresets.json", "Makefile", "README.md",
  "LICENSE", "build",
}

describe("the top level", function()
  it("holds only what the house has a place for", function()
    local allowed, strange = {}, {}
    for _, name in ipairs(TOP_LEVEL) do allowed[name] = true end
    for name in lfs.dir(".") do
      if name:sub(1, 1) ~= "." and not allowed[name] then strange[#strange + 1] = name end
    end
    assert.same({}, strange)
  end)
end)

-- Whether a line defines a function of a class, or of the table that the file returns.
local function is_exported(line, source)
  local owner = line:match("^function ([%w_]+)[.:]%a")
  return owner ~= nil and (owner:find("^%u") ~= nil or source:find("\nreturn " .. owner .. "\n", 1, true) ~= nil)
end

-- Each function of a source text: where it is, its name, the names of its parameters; is_described if a comment stands
-- right above it, `documented` the parameters that its docstring names, nil without a docstring.
local function functions(source)
  local found = {}
  local documented
  local is_described = false
  local line_number = 0
  for line in source:gmatch("([^\n]*)\n?") do
    line_number = line_number + 1
    local docstring = line:match("^%s*%-%-%-(.*)")
    if docstring then
      documented = documented or {}
      documented[#documented + 1] = docstring:match("^%s*@param%s+([%w_]+)")
    else
      local name, parameters = line:match("function%s*([%w_.:]*)%s*%(([^)]*)%)")
      if parameters then
        local named = {}
        for parameter in parameters:gmatch("[%w_]+") do named[#named + 1] = parameter end
        found[#found + 1] = {
          line = line_number, name = name, named = named, is_described = is_described or documented ~= nil,
          documented = documented, is_exported = is_exported(line, source),
        }
      end
      documented = nil
    end
    is_described = line:find("^%s*%-%-") ~= nil
  end
  return found
end

-- A method may be written as a local function: then the docstring leaves out the object before the colon.
local function is_agreed(fn)
  local says, has = table.concat(fn.documented, ", "), table.concat(fn.named, ", ")
  return says == has or not fn.is_exported and says == table.concat(fn.named, ", ", 2)
end

describe("every file of the Lua half", function()
  local paths = tree.files("lua", ".lua")

  it("begins with a comment that says what it holds", function()
    local bare = {}
    for _, path in ipairs(paths) do
      if not tree.read(path):find("^%-%-") then bare[#bare + 1] = path end
    end
    assert.same({}, bare)
  end)

  it("says what each function does that other files can call", function()
    local bare = {}
    for _, path in ipairs(paths) do
      for _, fn in ipairs(functions(tree.read(path))) do
        if fn.is_exported and not fn.is_described then
          bare[#bare + 1] = ("%s:%d %s"):format(path, fn.line, fn.name)
        end
      end
    end
    assert.same({}, bare)
  end)

  it("names in a docstring the parameters that the function has, in their order", function()
    local wrong = {}
    for _, path in ipairs(paths) do
      for _, fn in ipairs(functions(tree.read(path))) do
        if fn.documented and not is_agreed(fn) then
          wrong[#wrong + 1] = ("%s:%d has (%s), documents (%s)"):format(
            path, fn.line, table.concat(fn.named, ", "), table.concat(fn.documented, ", "))
        end
      end
    end
    assert.same({}, wrong)
  end)
end)

describe("every file of the host", function()
  it("begins with a comment that says what it holds, itself or in its header", function()
    local bare = {}
    for _, path in ipairs(tree.files("host", ".h")) do
      if not tree.read(path):find("^/%*") then bare[#bare + 1] = path end
    end
    for _, path in ipairs(tree.files("host", ".c")) do
      local has_header = lfs.attributes((path:gsub("%.c$", ".h"))) ~= nil
      if not has_header and not tree.read(path):find("^/%*") then bare[#bare + 1] = path end
    end
    assert.same({}, bare)
  end)
end)
