-- load: measures a server: starts it, checks one answer of it, lets wrk at it, and ends it.
-- What it used is read from the kernel before and after the load, so its start and what it compiles first do not count.
local async = require "lacuna"
local launch = require "runner.launch"
local port = require "runner.port"
local uv = require "luv"
local await = async.await

local TICKS_A_SECOND = 100 -- of the times in /proc, on every Linux
local CLIENT_CORE = 0

local load = {}

local function read(path)
  local file = io.open(path)
  if not file then return "" end
  local text = file:read("*a")
  file:close()
  return text
end

-- CPU seconds of all threads of the program that a launcher runs.
local function cpu_s(launcher_pid)
  local pid = read(("/proc/%d/task/%d/children"):format(launcher_pid, launcher_pid)):match("%d+")
  local fields = pid and read(("/proc/%s/stat"):format(pid)):match(".*%) (.*)")
  if not fields then error(async.RuntimeError("the server has ended")) end
  local user, system = fields:match(("%S+ "):rep(11) .. "(%d+) (%d+)")
  return (tonumber(user) + tonumber(system)) / TICKS_A_SECOND
end

-- Runs wrk for some seconds; returns how many answers it counted.
local wrk = async(function(url, connections, duration_s)
  local ended = await(launch.run(launch.command(
    {"wrk", "-t1", "-c" .. connections, "-d" .. duration_s .. "s", url}, duration_s + 10, CLIENT_CORE)))
  local requests = tonumber(ended.output:match("(%d+) requests in"))
  local failures = ended.output:match("Non%-2xx[^\n]*") or ended.output:match("Socket errors[^\n]*")
  if not requests then error(async.RuntimeError("wrk: " .. ended.errors .. ended.output)) end
  if failures or requests == 0 then error(async.RuntimeError("wrk: " .. (failures or "no answer"))) end
  return requests
end)

local measure_running = async(function(started, number, wanted)
  if not await(port.wait_for(number, started.status)) then
    error(async.RuntimeError("nobody listens on port " .. number))
  end
  local url = ("http://127.0.0.1:%d%s"):format(number, wanted.path)
  local answer = await(launch.check{"curl", "--silent", "--show-error", "--max-time", "10", url})
  local compact = answer:gsub('([,:]) (["%d])', "%1%2")
  if compact ~= wanted.expected then error(async.RuntimeError("answers " .. answer)) end
  await(wrk(url, wanted.connections, wanted.warm_up_s))
  local before_s, started_ns = cpu_s(started.pid), uv.hrtime()
  local requests = await(wrk(url, wanted.connections, wanted.duration_s))
  return {
    requests = requests, wall_s = (uv.hrtime() - started_ns) / 1e9, cpu_s = cpu_s(started.pid) - before_s,
  }
end)

--- Measures a server and returns numbers by name: `requests cpu_s wall_s`, and what the launcher reports.
--- Raises if it does not answer as expected.
---@param argv string[] gets a port and a folder of its own as arguments
---@param limit_s number
---@param core? integer the core the server is bound to
---@param environment? table<string, string>
---@param wanted {path: string, expected: string, connections: integer, warm_up_s: integer, duration_s: integer}
---@return table<string, number>
load.measure = async(function(argv, limit_s, core, environment, wanted)
  local number, place = port.free(), await(launch.check{"mktemp", "-d"}):gsub("%s+$", "")
  local command = launch.command(argv, limit_s, core)
  command[#command + 1], command[#command + 2] = tostring(number), place
  local started = launch.start(command, environment)
  local values, reason
  async.try(function()
    local ok, measured = async.pcall(await, measure_running(started, number, wanted))
    if ok then values = measured else reason = measured end
  end, {finally = function()
    if not started.status:done() then uv.kill(started.pid, "sigterm") end
    await(started.status)
    await(launch.check{"rm", "-rf", place})
  end})
  local errors = await(started.errors):gsub("%s+$", ""):match("[^\n]*$"):gsub("^%s+", "")
  if reason then error(async.RuntimeError(("%s (%s)"):format(reason.message or tostring(reason), errors))) end
  for name, value in pairs(launch.values_of(await(started.report))) do values[name] = value end
  return values
end)

return load
