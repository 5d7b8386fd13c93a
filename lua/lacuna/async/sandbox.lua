-- sandbox: the globals of a script that the program withholds something from (LACUNA_NO_* in lacuna.h).
-- Everything here is let in by name; what is not named does not exist for the script. The tables of the standard
-- library are copies, so that a script changes its own only; metatables that it has not made itself it does not see,
-- as through those of lacuna's objects it would reach what they are made of.

local errors = require "lacuna.kernel.errors"
local native = require "lacuna.native.sandbox"

local withheld = native.withheld -- the set of the flags' names

local sandbox = { is_on = withheld.LACUNA_NO_FFI == true } -- which every flag implies

local FUNCTIONS = "assert error ipairs next pairs pcall print rawequal rawget rawset select tonumber tostring type "
  .. "unpack xpcall _VERSION"
local TABLES = {
  string = "byte char find format gmatch gsub len lower match rep reverse sub upper",
  table = "concat insert maxn remove sort",
  math = "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi pow rad "
    .. "random randomseed sin sinh sqrt tan tanh",
  coroutine = "create isyieldable resume running status wrap yield",
  bit = "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex",
  utf8 = "char charpattern codepoint codes len offset sub",
  debug = "traceback",
  io = "stderr stdout type write",
  os = "clock date difftime time",
}
local MORE = { -- of those tables, unless the flag withholds it: then it is a function that says so
  { "LACUNA_NO_FS", "io", "close flush input lines open output read stdin tmpfile" },
  { "LACUNA_NO_FS", "os", "remove rename tmpname" },
  { "LACUNA_NO_OS", "io", "popen" },
  { "LACUNA_NO_OS", "os", "execute exit getenv setlocale" },
}
local MODULES = { -- of lacuna's, which a script may require, and the flag that withholds it
  ["lacuna"] = false,
  ["lacuna.inspect"] = false,
  ["lacuna.json"] = false,
  ["lacuna.utf8"] = false,
  ["lacuna.time"] = "LACUNA_NO_OS", -- its sleep stops the program
  ["lacuna.http"] = "LACUNA_NO_NET",
  ["lacuna.requests"] = "LACUNA_NO_NET",
  ["lacuna.stdin"] = "LACUNA_NO_FS",
  ["lacuna.stdout"] = "LACUNA_NO_FS",
}

local loadstring, setfenv, error, type = loadstring, setfenv, error, type
local own_getmetatable, own_setmetatable, real_metatable = getmetatable, setmetatable, debug.getmetatable
local open, searchpath = io.open, package.searchpath
local own_require

local function copy(names, from)
  local to = {}
  for name in names:gmatch "%S+" do to[name] = from[name] end
  return to
end

local WITHHELD = "%s is withheld from this script by the program (%s)"

local function refuse(name, flag)
  error(errors.quiet(errors.RuntimeError, WITHHELD:format(name, flag)), 0)
end

--- Raises a RuntimeError for a module of lacuna's that is withheld.
---@param name string
function sandbox.check(name)
  local flag = native.refusal(name)
  if flag then refuse(name, flag) end
end

--- What is wrong with the text of a chunk in a sandbox, or nil.
---@param text string
---@return string? problem
function sandbox.problem_of(text)
  if sandbox.is_on and text:sub(1, 1) == "\27" then
    return WITHHELD:format("bytecode", "LACUNA_NO_BYTECODE")
  end
end

-- Compiles source text to a chunk that finds the sandbox's globals, or those that the script gives it.
local function compile(text, name, globals)
  local problem = sandbox.problem_of(text)
  if problem then return nil, problem end
  local chunk, syntax_problem = loadstring(text, name)
  return chunk and setfenv(chunk, globals), syntax_problem
end

-- A script names its chunks as it likes, and lacuna looks into the file that a name stands for.
local function name_of_text(name)
  return withheld.LACUNA_NO_FS and tostring(name):gsub("^@", "=") or name
end

-- The Lua in a file: what may stand before it is left out.
local function read_source(path)
  local file, problem = open(path, "rb")
  if not file then return nil, "cannot open " .. problem end
  local text = file:read("*a")
  file:close()
  if not text then return nil, "cannot read " .. path end
  return (text:gsub("^\239\187\191", ""):gsub("^#[^\n]*", ""))
end

-- The tables of the standard library, with functions that refuse in the place of what is withheld.
local function add_tables(globals)
  for name, names in pairs(TABLES) do globals[name] = copy(names, _G[name]) end
  for _, more in ipairs(MORE) do
    local flag, name = more[1], more[2]
    for field in more[3]:gmatch "%S+" do
      local function refusal() refuse(name .. "." .. field, flag) end
      globals[name][field] = withheld[flag] and refusal or _G[name][field]
    end
  end
end

-- The functions that compile.
local function add_loaders(globals)
  function globals.loadstring(text, name)
    if type(text) ~= "string" then error("bad argument #1 to 'loadstring' (string expected)", 2) end
    return compile(text, name_of_text(name or text), globals)
  end

  function globals.load(chunk, name, mode, environment)
    if mode == "b" then return nil, sandbox.problem_of("\27") end
    local pieces = {}
    if type(chunk) == "string" then
      pieces[1], name = chunk, name or chunk
    else
      for piece in chunk do
        if piece == "" then break end
        pieces[#pieces + 1] = tostring(piece)
      end
    end
    return compile(table.concat(pieces), name_of_text(name or "=(load)"), environment or globals)
  end

  function globals.loadfile(path, _, environment)
    if withheld.LACUNA_NO_FS then refuse("loadfile", "LACUNA_NO_FS") end
    local text, problem = read_source(path)
    if not text then return nil, problem end
    return compile(text, "@" .. path, environment or globals)
  end

  function globals.dofile(path)
    if withheld.LACUNA_NO_FS then refuse("dofile", "LACUNA_NO_FS") end
    local chunk, problem = globals.loadfile(path)
    if not chunk then error(problem, 0) end
    return chunk()
  end
end

-- Metatables: a script sees and replaces those that it has set itself.
local function add_metatables(globals)
  local made = own_setmetatable({}, { __mode = "k" })

  function globals.setmetatable(value, metatable)
    local present = real_metatable(value)
    if present ~= nil and not made[present] then error("cannot change a protected metatable", 2) end
    if type(metatable) == "table" then made[metatable] = true end
    return own_setmetatable(value, metatable)
  end

  function globals.getmetatable(value)
    local present = real_metatable(value)
    if present == nil or made[present] then return own_getmetatable(value) end
    local shown = own_getmetatable(value) -- the name of a class of the program's
    return type(shown) == "string" and shown or nil
  end
end

local loading = {} -- stands among the loaded modules while a module's body runs

-- require: lacuna's own modules that are let in, those of lacuna_module, files, and what on_load has, in this order.
local function add_require(globals)
  local known = { luv = true } -- LuaJIT's and lacuna's; what comes to package.loaded besides is given by the program
  for name in pairs(package.preload) do known[name] = true end
  for name in pairs(package.loaded) do known[name] = true end
  local loaded = {}

  local function is_given(name)
    return package.loaded[name] ~= nil and not known[name] and name:sub(1, 7) ~= "lacuna."
  end

  -- The chunk of a module, or what to say of where it was looked for.
  local function find(name)
    local path, tried = nil, ""
    if not withheld.LACUNA_NO_FS then path, tried = searchpath(name, package.path) end
    local text = path and assert(read_source(path)) or native.load(name)
    if not text then return nil, tried end
    local chunk, problem = compile(text, path and "@" .. path or "=" .. name, globals)
    return chunk or error(problem, 0)
  end

  function globals.require(name)
    if type(name) ~= "string" then error("bad argument #1 to 'require' (string expected)", 2) end
    local flag = MODULES[name]
    if flag == false or flag and not withheld[flag] or is_given(name) then return own_require(name) end
    if flag then refuse(name, flag) end
    if TABLES[name] then return globals[name] end
    if known[name] or name:sub(1, 7) == "lacuna." then refuse(name, "LACUNA_NO_FFI") end
    local module = loaded[name]
    if module == loading then error(("loop or previous error loading module '%s'"):format(name), 2) end
    if module ~= nil then return module end
    local chunk, tried = find(name)
    if not chunk then
      error(("module '%s' not found: the program gives none of this name, and withholds C modules (LACUNA_NO_FFI)%s%s")
        :format(name, withheld.LACUNA_NO_FS and " and files (LACUNA_NO_FS)" or "", tried), 2)
    end
    loaded[name] = loading
    local ok, result = pcall(chunk, name)
    loaded[name] = nil
    if not ok then error(result, 0) end
    if result == nil then result = true end
    loaded[name] = result
    return result
  end
end

--- Has the chunk of a script find the sandbox's globals.
---@param chunk function
---@return function chunk
function sandbox.enter(chunk)
  return setfenv(chunk, sandbox.globals)
end

--- Makes the sandbox, once the globals of ordinary scripts are in place.
function sandbox.install()
  if not sandbox.is_on then return end
  own_require = require -- lacuna's, below which a module may wait
  own_getmetatable("").__metatable = false
  string.dump = nil -- luacheck: ignore 122
  package.loaders[5], package.loaders[4], package.loaders[3] = nil, nil, nil -- files and C libraries
  local globals = copy(FUNCTIONS, _G)
  globals._G = globals
  add_tables(globals)
  add_loaders(globals)
  add_metatables(globals)
  add_require(globals)
  sandbox.globals = globals
end

return sandbox
