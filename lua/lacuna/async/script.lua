-- script: finds and loads the text of a script, and sets up what a script expects around it.

local native = require "lacuna.native.sandbox"
local sandbox = require "lacuna.async.sandbox"

local script = {}

local FAILED, UNREADABLE = 1, 2

-- What is wrong with text that no Lua compiler should see, or nil.
local function problem_of(text)
  if text:sub(1, 3) == "\27LJ" then return nil end -- LuaJIT bytecode
  if text:sub(1, 4) == "\27Lua" then return "compiled by another Lua; only LuaJIT's bytecode runs here" end
  if text:find("\0", 1, true) then return "a binary file, not a Lua script" end
  return nil
end

--- Reads a file whole.
---@param path string "-" is the standard input
---@return string? text
---@return string? problem one line that names the file
function script.read(path)
  if path == "-" then return io.stdin:read("*a") end
  local file, problem = io.open(path, "rb")
  if not file then return nil, "cannot open script " .. problem end
  local text, read_problem = file:read("*a")
  file:close()
  if not text then
    if read_problem == "Is a directory" then read_problem = "is a directory, not a script" end
    return nil, ("cannot read script %s: %s"):format(path, read_problem)
  end
  return text
end

--- Compiles the text of a script.
---@param text string
---@param source string what it was read from
---@param name string what messages call it
---@return function? chunk
---@return string? problem one line that names the script, and the line where there is one
---@return string? source_text without what stands before the Lua: a byte order mark, a #! line; line numbers stay
function script.compile(text, source, name)
  local problem = problem_of(text) or sandbox.problem_of(text)
  if problem then return nil, ("%s: %s"):format(source, problem) end
  text = text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", "")
  local chunk, syntax_problem = loadstring(text, name)
  if not chunk then return nil, require("lacuna.async.python_syntax").explain(syntax_problem, text) end
  if sandbox.is_on then sandbox.enter(chunk) end
  return chunk, nil, text
end

--- Reads, if it is a file, and compiles a script.
---@param kind "file"|"string"
---@param source string a path, "-", or the text
---@param name string what messages call it
---@return function? chunk
---@return string? problem one line that names the script, and the line where there is one
---@return integer? status for the process
---@return string? text what was compiled, of a script that is no bytecode
function script.load(kind, source, name)
  local text = source
  if kind == "file" then
    local unreadable
    text, unreadable = script.read(source)
    if not text then return nil, unreadable, UNREADABLE end
    name = source == "-" and "=stdin" or "@" .. source
  end
  local chunk, problem, source_text = script.compile(text, source, name)
  if not chunk then return nil, problem, FAILED end
  return chunk, nil, nil, source_text:sub(1, 1) ~= "\27" and source_text or nil
end

-- Calls a module body, or any chunk, from Lua, so that it may await.
local function load_file(path)
  local chunk, problem = loadfile(path)
  if not chunk then error(problem, 0) end
  return chunk
end

local function find_loader(name)
  if sandbox.is_on then sandbox.check(name) end
  local problems = {}
  for _, searcher in ipairs(package.loaders) do
    local loader = searcher(name)
    if type(loader) == "function" then return loader end
    problems[#problems + 1] = type(loader) == "string" and loader or nil
  end
  local source = native.load(name)
  if source then
    local chunk, problem = script.compile(source, name, "@" .. name)
    return chunk or error(problem, 0)
  end
  error(("module '%s' not found:%s"):format(name, table.concat(problems)), 3)
end

local loading = {} -- stands in package.loaded while a module's body runs

local function require_module(name)
  local module = package.loaded[name]
  if module == loading then error(("loop or previous error loading module '%s'"):format(name), 2) end
  if module ~= nil and module ~= false then return module end
  local loader = find_loader(name)
  package.loaded[name] = loading
  local ok, result = pcall(loader, name)
  if not ok then
    package.loaded[name] = nil
    error(result, 0)
  end
  if result ~= nil then package.loaded[name] = result end
  if package.loaded[name] == loading then package.loaded[name] = true end
  return package.loaded[name]
end

--- print: like Lua's, but a __tostring may await.
local function print_values(...)
  local texts = { ... }
  for i = 1, select("#", ...) do texts[i] = tostring((select(i, ...))) end
  io.stdout:write(table.concat(texts, "\t") .. "\n") -- in one piece: worker threads print too
end

--- Sets up the globals that every script finds: the require, dofile and print that let a task suspend below them.
function script.install()
  require, print = require_module, print_values -- luacheck: globals require print
  dofile = function(path) return load_file(path)() end -- luacheck: globals dofile
  local home = os.getenv("HOME")
  if home then -- where `luarocks --local` installs
    package.path = ("%s;%s/.luarocks/share/lua/5.1/?.lua;%s/.luarocks/share/lua/5.1/?/init.lua"):format(
      package.path, home, home)
    package.cpath = ("%s;%s/.luarocks/lib/lua/5.1/?.so"):format(package.cpath, home)
  end
  sandbox.install()
end

--- Has require look beside a script first.
---@param path string the script's
function script.search_beside(path)
  local directory = path:match("^(.*)/[^/]*$") or "."
  local patterns = ("%s/?.lua;%s/?/init.lua;"):format(directory, directory)
  if package.path:sub(1, #patterns) ~= patterns then package.path = patterns .. package.path end
end

--- Makes a script, or code that is none, the one that runs: sets the global arg, and has require look beside it first.
---@param source string the script's path, or the text of the code
---@param kind "file"|"string"
---@param arguments string[]
function script.enter(source, kind, arguments)
  arg = { [0] = kind == "file" and source or "-e", unpack(arguments) } -- luacheck: globals arg
  if sandbox.is_on then sandbox.globals.arg = arg end -- luacheck: globals arg
  script.search_beside(kind == "file" and source or "")
end

return script
