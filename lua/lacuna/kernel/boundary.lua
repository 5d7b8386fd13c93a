-- boundary: says which C function keeps an await from suspending.
-- Lua can leave and re-enter Lua frames, not C ones: a comparator of table.sort or a callback of string.gsub runs on
-- the C stack. Called only after a suspension was refused, so it may take its time.

local boundary = {}

-- The C functions through which LuaJIT can suspend, and the ones lacuna itself replaced.
local passable = {
  [pcall] = true,
  [xpcall] = true,
  [error] = true,
  [coroutine.yield] = true,
  [coroutine.resume] = true,
}

local cures = {
  ["table.sort"] = "fetch the keys before sorting",
  ["string.gsub"] = "collect the matches with string.gmatch, then await in the loop",
}

local function name_of(fn)
  for module_name, module in pairs(package.loaded) do
    if type(module) == "table" and module_name ~= "_G" then
      for name, value in pairs(module) do
        if value == fn and type(name) == "string" then return module_name .. "." .. name end
      end
    end
  end
  for name, value in pairs(_G) do
    if value == fn then return name end
  end
  return nil
end

--- The message for an await below a C function: it names the function and, where there is one, the way out.
---@return string
function boundary.describe()
  local level = 2
  while true do
    local info = debug.getinfo(level, "Snf")
    if not info then break end
    if info.what == "C" and not passable[info.func] then
      local name = name_of(info.func) or info.name
      if name then
        local cure = cures[name]
        return ("await inside a callback of the C function %s, which cannot be suspended%s"):format(
          name, cure and ": " .. cure or "")
      end
    end
    level = level + 1
  end
  return "await below a C function (a metamethod called by C, __gc, or an FFI callback), which cannot be suspended"
end

return boundary
