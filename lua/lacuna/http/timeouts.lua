-- timeouts: reads the `timeout` options of sessions and requests.

local errors = require "lacuna.kernel.errors"
local options = require "lacuna.kernel.options"

local timeouts = {}

local timeout_fields = { total = "number", connect = "number", sock_read = "number" }

--- Reads a `timeout` option: seconds for all of a request, a table, or false for none; 0 is none, too.
--- Errors: TypeError that names what is wrong.
---@param what string
---@param given number|boolean|{total?: number, connect?: number, sock_read?: number}
---@return {total?: number, connect?: number, sock_read?: number}
function timeouts.read(what, given)
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

return timeouts
