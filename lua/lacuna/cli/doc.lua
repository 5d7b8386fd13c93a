-- doc: what `:doc NAME` shows: signature and docstring of a public name.
-- The index comes from the build (lua/lacuna/cli/docstrings.lua says what is in it) and is loaded when first asked.
-- A name may be written as in code: "async.gather", "gather", "queue:put", "Task.cancel", "http.get", "json".

local doc = {}

local function index()
  return require "lacuna.cli.doc_index"
end

-- "Task" -> the entry of its class. A variable's name will do: "queue", "work_queue", "ClientSession".
local function class_for(owner)
  owner = owner:lower():gsub("_", "")
  local best, best_length = "", 0
  for name, entry in pairs(index()) do
    local short = name:match("[%w_]+$"):lower()
    if entry:find("^class ") and owner:sub(-#short) == short and #short >= best_length then
      local is_better = #short > best_length or #name < #best or #name == #best and name < best
      if is_better then best, best_length = name, #short end
    end
  end
  return best_length > 0 and best or nil
end

local function parent_of(class)
  return index()[class]:match("\n@class lacuna%.[%w_.]+: lacuna%.([%w_.]+)")
end

local function method_of(class, method)
  while class and index()[class] do
    local entry = index()[class .. "." .. method]
    if entry then return entry end
    class = parent_of(class)
  end
  return nil
end

-- "ClientSession" -> the entry of "http.ClientSession".
local function in_battery(name)
  local found
  for full_name in pairs(index()) do
    if full_name:match("^%l[%w_]*%.([%w_]+)$") == name and (not found or full_name < found) then found = full_name end
  end
  return index()[found]
end

local function find(name)
  local entry = index()["async." .. name] or index()[name]
  if entry then return index()[entry] or entry end -- an entry may be the name of a class
  local owner, method = name:match("^(.*)%.([%w_]+)$")
  if not owner and in_battery(name) then return in_battery(name) end
  local class = class_for(owner or name)
  if owner then return class and method_of(class, method) end
  return class and index()[class]
end

local function methods_of(class)
  local methods = {}
  for name in pairs(index()) do
    local method = name:sub(1, #class + 1) == class .. "." and name:sub(#class + 2)
    if method and not method:find("%.") then methods[#methods + 1] = method end
  end
  table.sort(methods)
  return methods
end

-- Names of classes without the prefix that all have.
local function plain(text)
  return (text:gsub("lacuna%.([%w_.]*%u)", "%1"))
end

local function render(entry)
  local lines = {}
  for line in (entry .. "\n"):gmatch("([^\n]*)\n") do
    local tag, rest = line:match("^@(%l+) (.*)$")
    if tag == "return" then
      line = "  returns " .. plain(rest)
    elseif tag == "class" then
      line = rest:match("^[%w_.]+: %S+$") and "a " .. plain(rest:match(": (%S+)$")) or rest:match("^[%w_.]+ (.*)$")
    elseif tag then
      line = "  " .. plain(rest)
    end
    lines[#lines + 1] = line
  end
  local class = entry:match("^class ([%w_.]+)") or entry:match("\n@return lacuna%.([%w_.]+)$")
  local is_constructor = class and entry:find("^[%w_]+%." .. class:match("[%w_]+$") .. "[({]")
  local methods = class and (is_constructor or entry:find("^class ")) and methods_of(class) or {}
  if #methods > 0 then lines[#lines + 1] = "methods: " .. table.concat(methods, ", ") end
  return table.concat(lines, "\n")
end

--- The signature and the docstring of a public name, in lines; nil if there is none.
---@param name string such as "async.gather", "gather", "Task.cancel", "queue:put", "http.get"
---@return string?
function doc.lookup(name)
  name = name:gsub("%s", ""):gsub("%b()$", ""):gsub(":", "."):gsub("^lacuna%.", "")
  if name == "lacuna" then name = "async" end
  local entry = find(name)
  return entry and render(entry)
end

--- Every name that has a docstring, sorted: "async.gather", "Queue.put", "json".
---@return string[]
function doc.names()
  local names = {}
  for name in pairs(index()) do names[#names + 1] = name end
  table.sort(names)
  return names
end

--- Whether there is a docstring of exactly this name.
---@param name string as in the index: "async.sleep", "http.Session"
---@return boolean
function doc.has(name)
  return index()[name] ~= nil
end

--- The type that a call of a documented function gives, such as "lacuna.Coroutine"; nil if none is documented.
---@param name string as in the index: "async.sleep", "Queue.put"
---@return string?
function doc.return_type(name)
  local class, method = name:match("^(.*)%.([%w_]+)$")
  local entry = index()[name] or class and method_of(class, method)
  return entry and entry:match("\n@return (%S+)")
end

--- Whether objects of a class may be awaited, and the class of what entering one as a context manager gives.
---@param class string as in the index: "Lock", "http.Request"
---@return boolean is_awaitable
---@return string entered the class itself unless its docstring says otherwise
function doc.awaiting(class)
  if class == "Coroutine" then return true, class end
  local said = (index()[class] or ""):match("\n@class [^\n]*") or ""
  local entered = said:match("entering → ([%w_]+)")
  return said:find("%f[%a]awaitable") ~= nil, entered and class:gsub("[%w_]+$", entered) or class
end

return doc
