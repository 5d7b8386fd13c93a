-- sandbox: the globals of a script that is given the language, lacuna's tasks, and nothing that reaches outside.
-- Everything here is let in by name; what is not named does not exist for the script. The tables of the standard
-- library are copies, so that a script changes its own only.

local native = require "lacuna.native.sandbox"

local sandbox = { is_on = native.is_sandboxed }

local FUNCTIONS = "assert error ipairs next pairs pcall print rawequal rawget rawset select setmetatable tonumber "
  .. "tostring type unpack xpcall _VERSION"
local TABLES = {
  string = "byte char find format gmatch gsub len lower match rep reverse sub upper",
  table = "concat insert maxn remove sort",
  math = "abs acos asin atan atan2 ceil cos cosh deg exp floor fmod frexp huge ldexp log log10 max min modf pi pow rad "
    .. "random randomseed sin sinh sqrt tan tanh",
  coroutine = "create isyieldable resume running status wrap yield",
  bit = "arshift band bnot bor bswap bxor lshift rol ror rshift tobit tohex",
  utf8 = "char charpattern codepoint codes len offset sub",
}
local MODULES = {} -- of lacuna's, which a script may require
for name in ("lacuna lacuna.inspect lacuna.json lacuna.utf8"):gmatch "%S+" do MODULES[name] = true end

local function copy(names, from)
  local to = {}
  for name in names:gmatch "%S+" do to[name] = from[name] end
  return to
end

local own_require, own_loadstring, own_getmetatable, setfenv = require, loadstring, getmetatable, setfenv

-- Compiles source text to a chunk that finds the sandbox's globals, or those that the script gives it.
local function compile(text, name, globals)
  if text:sub(1, 1) == "\27" then return nil, "bytecode is not loaded in a sandbox" end
  local chunk, problem = own_loadstring(text, name)
  return chunk and setfenv(chunk, globals), problem
end

local function make_globals()
  local globals = copy(FUNCTIONS, _G)
  for name, names in pairs(TABLES) do globals[name] = copy(names, _G[name]) end
  globals._G = globals

  function globals.getmetatable(value)
    if type(value) == "string" then return nil end -- its methods are everybody's
    return own_getmetatable(value)
  end

  function globals.loadstring(text, name)
    if type(text) ~= "string" then error("bad argument #1 to 'loadstring' (string expected)", 2) end
    return compile(text, name or text, globals)
  end

  function globals.load(chunk, name, mode, environment)
    if mode ~= nil and mode ~= "t" and mode ~= "bt" then return nil, "bytecode is not loaded in a sandbox" end
    local pieces = {}
    if type(chunk) == "string" then
      pieces[1], name = chunk, name or chunk
    else
      for piece in chunk do
        if piece == "" then break end
        pieces[#pieces + 1] = tostring(piece)
      end
    end
    return compile(table.concat(pieces), name or "=(load)", environment or globals)
  end

  local known = {} -- LuaJIT's own modules; what comes to package.loaded besides is lacuna's, or given by the program
  for name in pairs(package.preload) do known[name] = true end
  for name in pairs(package.loaded) do known[name] = true end
  local loaded = {}

  local function is_given(name)
    return package.loaded[name] ~= nil and not known[name] and name ~= "lacuna" and name:sub(1, 7) ~= "lacuna."
  end

  function globals.require(name)
    if type(name) ~= "string" then error("bad argument #1 to 'require' (string expected)", 2) end
    if MODULES[name] or is_given(name) then return own_require(name) end
    if TABLES[name] then return globals[name] end
    if loaded[name] ~= nil then return loaded[name] end
    local text = native.load(name)
    if not text then error(("module '%s' is not given to a script in a sandbox"):format(name), 2) end
    local chunk, problem = compile(text, "@" .. name, globals)
    if not chunk then error(problem, 0) end
    local module = chunk(name)
    if module == nil then module = true end
    loaded[name] = module
    return module
  end
  return globals
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
  sandbox.globals = make_globals()
end

return sandbox
