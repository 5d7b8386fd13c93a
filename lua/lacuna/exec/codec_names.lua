-- codec_names: values that travel by name. A loaded module, and what it holds that cannot be copied or must stay one
-- (functions, classes, open standard files), is written as "module" and "field" and required anew where it arrives.
-- Names are looked up in an index of package.loaded, which is brought up to date when a message needs it.

local names = {}

local module_of = setmetatable({}, { __mode = "k" }) -- value -> the module that holds it
local field_of = setmetatable({}, { __mode = "k" }) -- value -> its name there; nil for the module itself
local class_module_of = setmetatable({}, { __mode = "k" }) -- the same for tables, which have names as metatables only
local class_field_of = setmetatable({}, { __mode = "k" })

local indexed = {} -- module name -> the value that was indexed under it

local AT_SIGN, EQUALS_SIGN = 64, 61 -- how the source of a file begins, and that of what is none

local byte = string.byte
local getinfo, next, type = debug.getinfo, next, type
local loaded = package.loaded

-- Every Lua state has these, with their C functions; what a script adds to them is not there in another state.
local standard = {
  "_G", "string", "table", "math", "os", "io", "debug", "package", "coroutine", "bit", "jit", "ffi", "lacuna",
}
local is_standard = {}
for i = 1, #standard do is_standard[standard[i]] = true end

local source_folder = os.getenv("LACUNA_LUA")

--- Whether the source of a Lua function is one of lacuna's own files: those functions are there in every state and
--- never travel as bytecode.
---@param source string as debug.getinfo tells
---@return boolean
function names.is_own_source(source)
  if byte(source) == EQUALS_SIGN then return source:find("^=%[lacuna") ~= nil end
  return source_folder ~= nil and source:sub(1, #source_folder + 1) == "@" .. source_folder
end

-- Whether a function is in the module in other states, too: not if a script, or the prompt, has put it there.
local function is_everywhere(module_name, fn)
  local info = getinfo(fn, "S")
  local source = info.source
  if info.what == "C" or names.is_own_source(source) then return true end
  if is_standard[module_name] or byte(source) ~= AT_SIGN then return false end
  return not (arg and source == "@" .. tostring(arg[0]))
end

local function index_field(module_name, field, value)
  local kind = type(value)
  if kind == "function" then
    if not module_of[value] and is_everywhere(module_name, value) then
      module_of[value], field_of[value] = module_name, field
    end
  elseif kind == "userdata" then
    if not module_of[value] and module_name ~= "_G" then module_of[value], field_of[value] = module_name, field end
  elseif kind == "table" then
    if module_name == "package" then -- package.loaded and its like
      module_of[value], field_of[value] = module_name, field
    elseif not class_module_of[value] and module_name ~= "_G" then
      class_module_of[value], class_field_of[value] = module_name, field
    end
  end
end

local function index(module_name, module)
  indexed[module_name] = module
  local kind = type(module)
  if kind == "table" then
    if not module_of[module] or field_of[module] then module_of[module], field_of[module] = module_name, nil end
    for field, value in next, module do
      if type(field) == "string" then index_field(module_name, field, value) end
    end
  elseif kind == "function" or kind == "userdata" then
    module_of[module], field_of[module] = module_name, nil
  end
end

--- Brings the index up to date with the modules loaded since. Costs a few nanoseconds a loaded module.
function names.refresh()
  for module_name, module in next, loaded do
    if indexed[module_name] ~= module then
      for i = 1, #standard do -- whose names come before those of modules that hold the same value
        if indexed[standard[i]] == nil and loaded[standard[i]] ~= nil then index(standard[i], loaded[standard[i]]) end
      end
      index(module_name, module)
    end
  end
end

-- Modules may have got new fields since they were indexed.
local function index_again()
  for i = 1, #standard do index(standard[i], loaded[standard[i]]) end
  for module_name, module in next, loaded do index(module_name, module) end
end

--- The name of a module, or of a function or userdata that a module holds.
---@param value any
---@return string? module nil if it has no name
---@return string? field nil if the value is the module itself
function names.of(value)
  return module_of[value], field_of[value]
end

--- The same for what cannot travel in another way: looks again before it says no.
---@param value any
---@return string? module
---@return string? field
function names.search(value)
  if not module_of[value] then index_again() end
  return module_of[value], field_of[value]
end

--- The name of a metatable or class that a module holds.
---@param class table
---@return string? module
---@return string? field
function names.of_class(class)
  if module_of[class] then return module_of[class], field_of[class] end
  if class_module_of[class] == nil then
    index_again()
    if class_module_of[class] == nil then class_module_of[class] = false end -- a script's own
  end
  return class_module_of[class] or nil, class_field_of[class]
end

--- The value of a name, in this Lua state.
--- Errors: require's, and a string that names what the module lacks.
---@param module_name string
---@param field string?
---@return any
function names.value(module_name, field)
  local module = loaded[module_name]
  if module == nil then module = require(module_name) end
  if field == nil then return module end
  local value = module[field]
  if value == nil then error(("module '%s' has no field '%s' here"):format(module_name, field), 0) end
  return value
end

return names
