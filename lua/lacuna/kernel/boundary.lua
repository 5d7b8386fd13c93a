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

local names = setmetatable({}, { __mode = "k" }) -- C function -> its name, or false

local libraries = { "string", "table", "math", "os", "io", "debug", "package", "coroutine" } -- named before others

local function name_in(module_name, fn)
  local module = package.loaded[module_name]
  if type(module) ~= "table" then return nil end
  for name, value in pairs(module) do
    if value == fn and type(name) == "string" then return module_name .. "." .. name end
  end
  return nil
end

local function find_name(fn)
  for name, value in pairs(_G) do
    if value == fn then return name end
  end
  for _, module_name in ipairs(libraries) do
    local name = name_in(module_name, fn)
    if name then return name end
  end
  local others = {}
  for module_name in pairs(package.loaded) do
    if type(module_name) == "string" then others[#others + 1] = module_name end
  end
  table.sort(others)
  for _, module_name in ipairs(others) do
    local name = name_in(module_name, fn)
    if name then return name end
  end
  return nil
end

--- The name of a library function, such as "string.gsub"; false for one that nobody has named.
---@param fn function
---@return string|false
function boundary.name_of(fn)
  local name = names[fn]
  if name == nil then
    name = find_name(fn) or false
    names[fn] = name
  end
  return name
end

-- How far up the C function is looked for. Under an xpcall handler the error of the await calls the handler again,
-- level upon level until Lua's stack is full: looking must cost the same on each.
local MOST_LEVELS = 60

--- The message for an await below a C function: it names the function and the way out.
---@return string
function boundary.describe()
  for level = 2, MOST_LEVELS do
    local info = debug.getinfo(level, "Snf")
    if not info then break end
    if info.what == "C" and not passable[info.func] then
      local name = boundary.name_of(info.func) or info.name
      if name then
        return ("await inside a callback of the C function %s, which cannot be suspended: %s"):format(
          name, cures[name] or "await before or after the call")
      end
    end
  end
  return "await below a C function (an xpcall handler, a metamethod called by C, __gc, or an FFI callback), "
    .. "which cannot be suspended: await before or after it"
end

return boundary
