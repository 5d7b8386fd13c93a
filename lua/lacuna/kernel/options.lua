-- options: checks a table of options against the names and types that are allowed, so that a misspelt one is an error
-- that says what there is.

local errors = require "lacuna.kernel.errors"

local options = {}

--- A value in a message: a string stands in quotes, which tells "5" from 5.
---@param value any
---@return string
function options.describe(value)
  return type(value) == "string" and ("%q"):format(value) or tostring(value)
end

--- What a method calls that, with a dot where a colon is meant, would take its first argument for its object.
--- Errors, at whoever called the method: TypeError that names the cure.
---@param object any
---@param class table
---@param call string "group:create_task(…)"
function options.check_object(object, class, call)
  if getmetatable(object) ~= class then error(errors.TypeError(("write %s, with a colon"):format(call)), 3) end
end

local function names_of(allowed)
  local names = {}
  for name in pairs(allowed) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, ", ")
end

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
    if not types then
      local names = names_of(allowed)
      error(errors.TypeError(("%s: unknown option %s (there is %s)"):format(what, tostring(name), names)), 3)
    end
    if types ~= "any" and not types:find(type(value), 1, true) then
      error(errors.TypeError(("%s: option %s: %s expected, got %s"):format(
        what, name, types:gsub(" ", " or "), type(value))), 3)
    end
  end
  return given
end

--- An argument that may come by name, as Python's keywords do: the value itself, or what a table has under the name.
--- Errors: TypeError for a table with anything else in it.
---@param what string whose argument, for the message
---@param given any
---@param name string
---@return any value
function options.argument(what, given, name)
  if type(given) ~= "table" then return given end
  return options.check(what, given, { [name] = "any" })[name]
end

return options
