-- names: what code typed at the command line or the prompt finds without require.
-- `async`, `await`, `sleep`, `gather`, and every battery by its own name: `http` is `require "lacuna.http"`. A name is
-- resolved when it is first touched and is a plain global from then on; scripts in files see none of them.

local names = {}

local async_names = { await = true, sleep = true, gather = true }
local unknown = {} -- names that are no battery: looked for once

local function resolve(name)
  if name == "async" then return require "lacuna" end
  if async_names[name] then return require("lacuna")[name] end
  if type(name) ~= "string" or unknown[name] or not name:find("^%l[%w_]*$") then return nil end
  local module_name = "lacuna." .. name
  local ok, result = pcall(require, module_name)
  if ok then return result end
  if type(result) ~= "string" or not result:find(("module '%s' not found"):format(module_name), 1, true) then
    error(result, 0)
  end
  unknown[name] = true
  return nil
end

local is_installed = false

--- Lets the globals resolve these names from now on. What a metatable of theirs gave before, it still gives.
function names.install()
  if is_installed then return end
  is_installed = true
  local globals = getmetatable(_G) or {}
  local previous = globals.__index
  globals.__index = function(all, name)
    if type(previous) == "function" then
      local value = previous(all, name)
      if value ~= nil then return value end
    elseif previous and previous[name] ~= nil then
      return previous[name]
    end
    local value = resolve(name)
    if value ~= nil then rawset(all, name, value) end
    return value
  end
  setmetatable(_G, globals)
end

return names
