-- peers: who takes part, and how a program of each is run.
-- A peer takes part in a benchmark by having a file of its name there; a peer that cannot run says why. One that is
-- compiled is compiled when first asked for.
local async = require "lacuna"
local launch = require "runner.launch"
local uv = require "luv"
local await = async.await

local home = os.getenv("LACUNA_BENCH_HOME") or os.getenv("HOME") .. "/.cache/lacuna-bench"
local python = os.getenv("PYTHON") or "/usr/bin/python3"

local peers = {}

local folder, build -- of this file, and for what is compiled

-- Whether a command succeeds; if not, the first line of its complaint.
local function try(argv)
  local ok, ended = async.pcall(await, launch.run(argv))
  if not ok then return nil, argv[1] .. " is not installed" end
  if ended.status == 0 then return true end
  local reason = ended.errors:gsub("%s+$", ""):match("[^\n]*$")
  return nil, reason ~= "" and reason or argv[1] .. " does not run"
end

-- With `-P` a program may have the name of what it imports.
local function python_with(module)
  return function(file)
    local ok, reason = try{python, "-c", "import " .. module}
    if not ok then return nil, reason end
    return {python, "-P", file}
  end
end

local function uvloop_with(module)
  return function(file)
    local argv, reason = python_with(module .. ", uvloop")(folder .. "/under_uvloop.py")
    if argv then argv[#argv + 1] = file end
    return argv, reason
  end
end

local function luajit_with(module)
  return function(file)
    if module then
      local ok = try{"luajit", "-e", ("require '%s'"):format(module)}
      if not ok then return nil, ("luajit has no module %s"):format(module) end
    end
    return {"luajit", file}
  end
end

local function installed(...)
  local command = {...}
  return function(file)
    local ok, reason = try{command[1], "--version"}
    if not ok then return nil, reason end
    local argv = {unpack(command)}
    argv[#argv + 1] = file
    return argv
  end
end

local function binary_of(file)
  return ("%s/%s"):format(build, (file:match("([^/]+/[^/]+)$"):gsub("[/.]", "_")))
end

local function go(file)
  local binary = binary_of(file)
  local ok, reason = try{"go", "build", "-o", binary, file}
  if not ok then return nil, reason end
  return {binary}
end

-- What an #include asks the linker for, beside the libraries of lacuna's own.
local LIBRARIES = {["<http_parser.h>"] = "-lhttp_parser", ["<postgresql/libpq-fe.h>"] = "-lpq"}

local function c(file)
  local binary = binary_of(file)
  local flags = await(launch.check{"pkg-config", "--cflags", "--libs", "luajit", "libuv"})
  local argv = {"cc", "-O2", "-o", binary, file, "-lcurl", "-lm"}
  for flag in flags:gmatch("%S+") do argv[#argv + 1] = flag end
  for line in io.lines(file) do
    argv[#argv + 1] = LIBRARIES[line:match("^#include (<.+>)")]
  end
  local ok, reason = try(argv)
  if not ok then return nil, reason end
  return {binary}
end

local function node_with(package)
  return function(file)
    local ok = try{"node", "-e", ("require('%s/node_modules/%s')"):format(home, package)}
    if not ok then return nil, ("no npm package %s in %s"):format(package, home) end
    return {"node", file}
  end
end

local function shell_with(...)
  local command = {...}
  return function(file)
    local ok, reason = try(command)
    if not ok then return nil, reason end
    return {"sh", file}
  end
end

local bun = installed(home .. "/node_modules/.bin/bun")

--- In the order of the tables: name, the file that makes it take part, and what makes a command of that file.
local all = {
  {name = "lacuna", file = "lacuna.lua", command = function(file) return {uv.exepath(), file} end},
  {name = "limit", file = "limit.c", command = c},
  {name = "limit-pipelined", file = "limit_pipelined.c", command = c},
  {name = "luajit", file = "luajit.lua", command = luajit_with()},
  {name = "luv", file = "luv.lua", command = luajit_with("luv")},
  {name = "cqueues", file = "cqueues.lua", command = luajit_with("cqueues")},
  {name = "lua-http", file = "lua_http.lua", command = luajit_with("http.client")},
  {name = "python", file = "python.py", command = python_with("sys")},
  {name = "asyncio", file = "asyncio.py", command = python_with("asyncio")},
  {name = "uvloop", file = "asyncio.py", command = uvloop_with("asyncio")},
  {name = "trio", file = "trio.py", command = python_with("trio")},
  {name = "aiohttp", file = "aiohttp.py", command = python_with("aiohttp")},
  {name = "aiohttp+uvloop", file = "aiohttp.py", command = uvloop_with("aiohttp")},
  {name = "uvicorn+FastAPI", file = "fastapi.py", command = python_with("fastapi, uvicorn")},
  {name = "asyncpg", file = "asyncpg.py", command = python_with("asyncpg")},
  {name = "asyncpg+uvloop", file = "asyncpg.py", command = uvloop_with("asyncpg")},
  {name = "node", file = "js.mjs", command = installed("node")},
  {name = "undici", file = "undici.cjs", command = node_with("undici")},
  {name = "node-postgres", file = "node_postgres.cjs", command = node_with("pg")},
  {name = "bun", file = "js.mjs", command = bun},
  {name = "bun", file = "bun.mjs", command = bun},
  {name = "deno", file = "js.mjs", command = installed(
    home .. "/node_modules/.bin/deno", "run", "--quiet", "-A", "--unsafely-ignore-certificate-errors")},
  {name = "go", file = "go.go", command = go},
  {name = "curl", file = "curl.sh", command = shell_with("curl", "--version")},
  {name = "nginx", file = "nginx.sh", command = shell_with("nginx", "-v")},
}

--- Says where things are. Call it first.
---@param runner_folder string
---@param build_folder string
function peers.prepare(runner_folder, build_folder)
  folder, build = runner_folder, build_folder
end

--- Variables that the programs find.
peers.environment = {NODE_PATH = home .. "/node_modules", NODE_TLS_REJECT_UNAUTHORIZED = "0", NODE_NO_WARNINGS = "1"}

--- Who takes part in a benchmark.
---@param benchmark_folder string
---@return {name: string, argv: string[]?, reason: string?}[] without argv: skipped, for the reason
peers.of = async(function(benchmark_folder)
  local found = {}
  for _, peer in ipairs(all) do
    local file = benchmark_folder .. "/" .. peer.file
    if uv.fs_stat(file) then
      local argv, reason = peer.command(file)
      found[#found + 1] = {name = peer.name, argv = argv, reason = reason}
    end
  end
  return found
end)

return peers
