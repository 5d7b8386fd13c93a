-- shell: runs a command to its end and returns what it printed, and writes the files it needs; blocks the loop, on
-- purpose: nothing of lacuna is used.

local shell = {}

---A string as one word of a shell command.
---@param text string
---@return string
function shell.quote(text)
  return "'" .. text:gsub("'", "'\\''") .. "'"
end

---A new empty folder; the caller removes it.
---@return string path
function shell.make_folder()
  return (shell.run("mktemp -d").stdout:gsub("\n$", ""))
end

---Writes a file anew.
---@param path string
---@param ... string its text, in parts
function shell.write_file(path, ...)
  local file = assert(io.open(path, "wb"))
  file:write(...)
  file:close()
end

---@class ShellResult
---@field status integer the exit status; 124 after the time limit
---@field stdout string
---@field stderr string

---Runs a shell command with nothing on its standard input.
---@param command string
---@param limit_seconds? integer 60 unless given
---@return ShellResult
function shell.run(command, limit_seconds)
  local errors = os.tmpname()
  local line = ("timeout %d sh -c %s 2>%s </dev/null; echo $?"):format(
    limit_seconds or 60, shell.quote(command), shell.quote(errors))
  local pipe = assert(io.popen(line))
  local stdout, status = pipe:read("*a"):match("^(.-)(%d+)\n$")
  pipe:close()
  local file = assert(io.open(errors))
  local stderr = file:read("*a")
  file:close()
  os.remove(errors)
  return {status = tonumber(status), stdout = stdout, stderr = stderr}
end

return shell
