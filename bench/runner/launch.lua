-- launch: runs a program to its end, with what it printed and what it used.
-- The numbers come from launch.c, which is compiled at the first use; luv reads the pipes.
local async = require "lacuna"
local uv = require "luv"
local await = async.await

local launch = {}

-- Collects what a pipe carries; the future's result is all of it.
local function read_all(pipe)
  local ended, chunks = async.Future(), {}
  pipe:read_start(function(err, chunk)
    if chunk then
      chunks[#chunks + 1] = chunk
      return
    end
    pipe:close()
    ended:set_result(table.concat(chunks) .. (err or ""))
  end)
  return ended
end

--- Starts a program. Returns at once.
---@param argv string[]
---@param environment? table<string, string> variables added to the runner's own
---@return table started `.pid`, and futures `.status .output .errors .report`
function launch.start(argv, environment)
  local variables = uv.os_environ()
  for name, value in pairs(environment or {}) do variables[name] = value end
  local list = {}
  for name, value in pairs(variables) do list[#list + 1] = name .. "=" .. value end
  local output, errors, report = uv.new_pipe(false), uv.new_pipe(false), uv.new_pipe(false)
  local status = async.Future()
  local handle, pid
  handle, pid = uv.spawn(argv[1], {
    args = {unpack(argv, 2)},
    env = list,
    stdio = {nil, output, errors, report},
  }, function(code, signal)
    handle:close()
    status:set_result(signal ~= 0 and 128 + signal or code)
  end)
  if not handle then error(async.OSError(argv[1] .. ": " .. tostring(pid))) end
  return {
    pid = pid, status = status, output = read_all(output), errors = read_all(errors), report = read_all(report),
  }
end

--- Runs a program and waits for its end.
---@param argv string[]
---@param environment? table<string, string>
---@return table ended `.status .output .errors .report`
launch.run = async(function(argv, environment)
  local started = launch.start(argv, environment)
  local texts = await(async.gather(started.status, started.output, started.errors, started.report))
  return {status = texts[1], output = texts[2], errors = texts[3], report = texts[4]}
end)

--- Runs a command that must succeed. Raises with what it printed if it does not.
---@param argv string[]
---@return string output
launch.check = async(function(argv)
  local ended = await(launch.run(argv))
  if ended.status ~= 0 then
    error(async.RuntimeError(("%s: status %d: %s"):format(table.concat(argv, " "), ended.status, ended.errors)))
  end
  return ended.output
end)

--- The "name value" lines of a text.
---@param text string
---@return table<string, number> numbers by name
function launch.values_of(text)
  local values = {}
  for name, value in text:gmatch("([%w_]+) ([%w.+-]+)\n") do values[name] = tonumber(value) end
  return values
end

local tool -- path of the compiled launch.c

--- Compiles the launcher. Await it before the functions below.
---@param folder string of this file
---@param build string where the program is written
launch.prepare = async(function(folder, build)
  tool = build .. "/launch"
  await(launch.check{"cc", "-O2", "-o", tool, folder .. "/launch.c"})
end)

--- The command that runs a program under the launcher.
---@param argv string[]
---@param limit_s number
---@param core? integer
---@return string[]
function launch.command(argv, limit_s, core)
  return {tool, tostring(limit_s), core and tostring(core) or "-", unpack(argv)}
end

--- Runs a program and returns what it printed and what it used, numbers by name.
--- Raises if it fails or takes longer than the limit.
---@param argv string[]
---@param limit_s number
---@param core? integer the core it is bound to
---@param environment? table<string, string>
---@return table<string, number>
launch.measure = async(function(argv, limit_s, core, environment)
  local ended = await(launch.run(launch.command(argv, limit_s, core), environment))
  local values = launch.values_of(ended.report)
  if values.is_over_limit == 1 then error(async.TimeoutError(("longer than %d s"):format(limit_s))) end
  if values.status ~= 0 then
    local reason = ended.errors:gsub("%s+$", ""):match("[^\n]*$")
    error(async.RuntimeError(("status %s: %s"):format(tostring(values.status), reason:sub(1, 120))))
  end
  for name, value in pairs(launch.values_of(ended.output)) do values[name] = value end
  return values
end)

--- How many cores this machine gives: 2 if two spinning processes do not disturb each other.
---@return number
launch.effective_cores = async(function()
  return launch.values_of(await(launch.run{tool, "cores"}).report).cores
end)

return launch
