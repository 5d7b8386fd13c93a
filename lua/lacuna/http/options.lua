-- options: checks a table of options against the names and types that are allowed, so that a misspelt one is an error.

local errors = require "lacuna.kernel.errors"

local options = {}

--- Checks names and types.
--- Errors: TypeError that names the option.
---@param what string whose options, for the message
---@param given? table
---@param allowed table<string, string> option → the Lua types it may have, such as "number table"; "any"
---@return table given an empty table for nil
function options.check(what, given, allowed)
  if given == nil then return {} end
  if type(given) ~= "table" then
    error(errors.TypeError(("%s: a table of options expected, got %s"):format(what, type(given))), 3)
  end
  for name, value in pairs(given) do
    local types = allowed[name]
    if not types then error(errors.TypeError(("%s: unknown option %s"):format(what, tostring(name))), 3) end
    if types ~= "any" and not types:find(type(value), 1, true) then
      error(errors.TypeError(("%s: option %s: %s expected, got %s"):format(
        what, name, types:gsub(" ", " or "), type(value))), 3)
    end
  end
  return given
end

local timeout_fields = { total = "number", connect = "number", sock_read = "number" }

--- Reads a `timeout` option: seconds for all of a request, a table, or false for none; 0 is none, too.
--- Errors: TypeError that names what is wrong.
---@param what string
---@param given number|boolean|{total?: number, connect?: number, sock_read?: number}
---@return {total?: number, connect?: number, sock_read?: number}
function options.timeout(what, given)
  if given == false then return {} end
  if type(given) == "number" then given = { total = given } end
  local timeout = {}
  for name, seconds in pairs(options.check(what .. ": timeout", given, timeout_fields)) do
    if seconds < 0 or seconds ~= seconds then
      error(errors.ValueError(("%s: timeout: %s is negative"):format(what, name)), 3)
    end
    if seconds > 0 then timeout[name] = seconds end
  end
  return timeout
end

return options
