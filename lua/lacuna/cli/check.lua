-- check: `lacuna check FILE…`: what can be told of scripts without running them. Syntax errors, by Lua's own parser.

local script = require "lacuna.async.script"

local CLEAN, FOUND, UNREADABLE = 0, 1, 2

--- Checks files and prints what it finds, a line each; "-" is the standard input.
---@param paths string[]
---@return integer status 0 if nothing was found, 1 if something was, 2 if a file cannot be read
local function check(paths)
  if #paths == 0 then
    io.stderr:write("lacuna: check: no file to check\nusage: lacuna check FILE...\n")
    return UNREADABLE
  end
  local status = CLEAN
  for _, path in ipairs(paths) do
    local chunk, problem, kind = script.load("file", path)
    if not chunk then
      local stream = kind == UNREADABLE and io.stderr or io.stdout
      stream:write(kind == UNREADABLE and "lacuna: " or "", problem, "\n")
      status = math.max(status, kind == UNREADABLE and UNREADABLE or FOUND)
    end
  end
  return status
end

return check
