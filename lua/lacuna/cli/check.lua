-- check: `lacuna check FILE…`: what can be told of scripts without running them.
-- Lua's own compiler finds the syntax errors, check_findings.lua the forgotten awaits and the accidental globals.

local check_findings = require "lacuna.cli.check_findings"
local script = require "lacuna.async.script"

local USAGE = "usage: lacuna check FILE..."

local CLEAN, FOUND, UNREADABLE = 0, 1, 2

local function say(text)
  io.stdout:flush()
  io.stderr:write("lacuna: check: ", text, "\n")
  return UNREADABLE
end

-- Prints what is wrong with one file.
local function check_file(path)
  local text, unreadable = script.read(path)
  if not text then return say(unreadable) end
  if text:sub(1, 3) == "\27LJ" then return say(path .. " is bytecode, not source") end
  local name = path == "-" and "stdin" or path
  local chunk, problem, source = script.compile(text, name, (path == "-" and "=" or "@") .. name)
  if not chunk then
    print(problem)
    return FOUND
  end
  local findings = check_findings(source)
  for _, finding in ipairs(findings) do print(("%s:%d: %s"):format(name, finding.line, finding.text)) end
  return #findings > 0 and FOUND or CLEAN
end

--- Checks files and prints what it finds, a line each with its place; "-" is the standard input.
---@param paths string[]
---@return integer status 0 if nothing was found, 1 if something was, 2 if a file cannot be read
local function check(paths)
  if #paths == 0 then return say("no file to check\n" .. USAGE) end
  for _, path in ipairs(paths) do
    if path:find("^%-.") then return say(("unknown option: %s\n%s"):format(path, USAGE)) end
  end
  local status = CLEAN
  for _, path in ipairs(paths) do status = math.max(status, check_file(path)) end
  return status
end

return check
