-- paths: where the REPL's files are, by the XDG base directories.

local paths = {}

local function below(variable, fallback, rest)
  local base = os.getenv(variable)
  local home = os.getenv "HOME"
  if base and base:sub(1, 1) == "/" then return base .. rest end
  return home and home ~= "" and home .. fallback .. rest or nil
end

--- The file that runs before the first prompt.
---@return string? path
---@return boolean is_asked_for whether LACUNA_STARTUP names it, so that it must be there
function paths.startup_file()
  local asked = os.getenv "LACUNA_STARTUP"
  if asked then return asked ~= "" and asked or nil, asked ~= "" end
  return below("XDG_CONFIG_HOME", "/.config", "/lacuna/init.lua"), false
end

--- The file that keeps what was typed: LACUNA_HISTORY, nothing if that is empty.
---@return string?
function paths.history_file()
  local asked = os.getenv "LACUNA_HISTORY"
  if asked then return asked ~= "" and asked or nil end
  return below("XDG_STATE_HOME", "/.local/state", "/lacuna/history")
end

return paths
