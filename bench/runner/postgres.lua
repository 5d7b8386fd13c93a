-- postgres: a PostgreSQL started when a benchmark first asks for its address and ended with the run.
-- It listens on a Unix socket in a folder that nobody else can enter, so it needs neither port nor password; `bench` is
-- its superuser. PostgreSQL refuses to run as root: root has it run as the user postgres of Debian's package.
local async = require "lacuna"
local launch = require "runner.launch"
local service = require "runner.service"
local uv = require "luv"
local await = async.await

local LIFE_S, CORE = 3600, 0
local TRIES, PAUSE_S = 200, 0.05

-- The command as the user that PostgreSQL runs as. A changed user forgets whose end to follow: it is told again.
local function unprivileged(...)
  if uv.getuid() ~= 0 then return {...} end
  return {"setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig=KILL", ...}
end

local start = async(function(self)
  local programs = await(launch.check{"pg_config", "--bindir"}):gsub("%s+$", "") -- Debian keeps them out of PATH
  local place = await(launch.check(unprivileged("mktemp", "-d"))):gsub("%s+$", "")
  self.place = place
  await(launch.check(unprivileged(programs .. "/initdb", "--pgdata=" .. place .. "/data", "--username=bench",
    "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync")))
  self.running = launch.start(launch.command(unprivileged(programs .. "/postgres", "-D", place .. "/data",
    "-c", "listen_addresses=", "-c", "unix_socket_directories=" .. place, "-c", "fsync=off"), LIFE_S, CORE))
  for _ = 1, TRIES do
    if self.running.status:done() then break end
    if await(launch.run{programs .. "/pg_isready", "--quiet", "--host=" .. place}).status == 0 then
      self.addresses = place
      return
    end
    await(async.sleep(PAUSE_S))
  end
  error(async.RuntimeError("PostgreSQL does not start"))
end)

-- At once: at SIGTERM it would wait for its clients.
local postgres = {service = service.new("PostgreSQL", "sigint", start)}

--- What a program gets: the folder of the socket, which is PostgreSQL's way of naming such a host. Starts the server if
--- it is not running.
---@return string
postgres.address = async(function() return await(postgres.service:addresses_of()) end)

return postgres
