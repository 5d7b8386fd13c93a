-- docstrings: reads what lacuna's Lua files say of the names in them, and makes one index of all.
-- The build runs it over lua/ (host/core/docs.lua) and embeds the index, because the runtime is bytecode without
-- comments. It goes by the house's way of writing: a docstring is the lines of `---` above a function, a class, or a
-- row of a table; a module's other names are rows `name = module.field` of the table that it returns.
--
-- The index maps a name to its signature and, below it, its docstring as it stands in the source:
--   "async.gather"  what `require "lacuna"` has        "http.get"  what a battery has
--   "Queue.put"     a method, and "Queue" its class    "async", "http"  the head comment of the module

local docstrings = {}

---@class lacuna.cli.Source what one file says
---@field head string its first comment
---@field exported string? the local that it returns
---@field requires table<string, string> local -> module
---@field entries table<string, table<string, string>> local, or "" for local functions -> name -> signature and docs
---@field classes table<string, string> local -> name of its class
---@field class_docs table<string, string[]> name of a class -> its docstring
---@field aliases {name: string, module: string, field: string?, is_method: boolean}[] rows of that table
---@field copies {module: string, excluded: table<string, boolean>}[] modules all of whose names it has too

local function add(source, owner, name, signature, docs)
  local entries = source.entries[owner] or {}
  source.entries[owner] = entries
  entries[name] = signature .. (#docs > 0 and "\n" .. table.concat(docs, "\n") or "")
end

local function rename(entry, name)
  return name .. entry:match("^[%w_]+(.*)$")
end

-- What stands below a docstring and on the lines after that.
local function read_declaration(source, docs, line, next_lines)
  local owner, separator, name, parameters = line:match("^function ([%w_]+)([.:])([%w_]+)(%b())")
  if not owner then -- a method of another module's class: function loop_module.Loop:run_in_executor(…)
    owner, separator, name, parameters = line:match("^function [%w_]+%.(%u[%w_]+)([.:])([%w_]+)(%b())")
    if owner then source.classes[owner] = source.classes[owner] or owner end
  end
  if owner then return add(source, owner, name, name .. separator .. parameters, docs) end
  name, parameters = line:match("^local function ([%w_]+)(%b())")
  if name then return add(source, "", name, name .. "." .. parameters, docs) end
  owner, name, parameters = line:match("^([%w_]+)%.([%w_]+) = function(%b())")
  if owner then return add(source, owner, name, name .. "." .. parameters, docs) end
  local names = line:match("^for _, [%w_]+ in ipairs ?(%b{}) do")
  if names then -- for _, method in ipairs { "get", "post" } do … Session[method] = function(self, url)
    owner, parameters = next_lines:match("([%w_]+)%[[%w_]+%] = function(%b())")
    if not owner then return end
    for each in names:gmatch('"([%w_]+)"') do
      local is_method = parameters:find("^%(self")
      local shown = is_method and ":" .. parameters:gsub("^%(self,? ?", "(") or "." .. parameters
      add(source, owner, each, each .. shown, docs)
    end
    return
  end
  name = line:match("^local ([%w_]+) =") -- a class; what it is called is in its docstring
  local class = name and docs[1] and docs[1]:match("^@class lacuna%.([%w_.]+)")
  if class then
    source.classes[name], source.class_docs[class] = class, docs
    return
  end
  name = line:match('^return [%w_.:]+%("([%w_]+)"') -- a class that the module makes and returns
  if name then
    local options, rest = docs[1]:match("^" .. name .. "(%b{}): (.*)$")
    if options then docs[1] = rest end
    source.exported = name
    return add(source, "", name, name .. "." .. (options or "()"), docs)
  end
  name = line:match("^  ([%w_]+) =")
  if name then return add(source, source.table, name, name, docs) end
end

-- A row of the table that the module returns, and what it stands for.
local function read_row(source, line)
  local rows = line:match("^local [%w_]+ = ({.*})$") or line:match("^  [%w_]+ = [%w_]+,$") or ""
  for name, variable in rows:gmatch("([%w_]+) = ([%w_]+)%f[^%w_.]") do -- whole modules that are functions
    local module = source.requires[variable]
    if module then table.insert(source.aliases, { name = name, module = module }) end
  end
  local name, variable, field = line:match("^  ([%w_]+) = ([%w_]+)%.([%w_]+),?$")
  local module = variable and source.requires[variable]
  if not name then
    name, module, field = line:match('^  ([%w_]+) = require%("([%w_.]+)"%)%.([%w_]+),?$')
  end
  if not name then name, module = line:match('^  ([%w_]+) = require "([%w_.]+)",?$') end
  local is_method = source.table == "lazy_methods"
  if not name and (is_method or source.table == "lazy") then -- of the face: name -> module
    name, module = line:match('^  ([%w_]+) = "([%w_.]+)",$')
    module, field = module and "lacuna." .. module, name
  end
  if not module then return end
  table.insert(source.aliases, { name = name, module = module, field = field, is_method = is_method })
end

-- for name, value in pairs(errors) do … exported[name] = value
local function read_copies(source, line, next_line)
  local variable = line:match("^for name, [%w_]+ in pairs%(([%w_]+)%) do$")
  if not variable or not source.requires[variable] then return end
  local excluded = {}
  for name in next_line:gmatch('name ~= "([%w_]+)"') do excluded[name] = true end
  table.insert(source.copies, { module = source.requires[variable], excluded = excluded })
end

local function read_error_class(source, line, docs)
  local owner, name, parent = source.table, line:match('^  ([%w_]+) = ([%w_.]+):subclass%(')
  if not name then
    name, parent = line:gsub("^local ", ""):match('^([%w_]+) = ([%w_.]+):subclass%(')
    owner = ""
  end
  if not name then return false end
  add(source, owner or "", name, ("%s(message, cause): %s"):format(name, parent:match("[%w_]+$")), docs)
  return true
end

local function lines_of(text)
  local lines = {}
  for line in text:gmatch("([^\n]*)\n?") do lines[#lines + 1] = line end
  return lines
end

--- Reads one file.
---@param text string
---@return lacuna.cli.Source
function docstrings.read(text)
  local source = { requires = {}, entries = {}, classes = {}, class_docs = {}, aliases = {}, copies = {} }
  local docs, lines = {}, lines_of(text)
  local head_end = 1
  while (lines[head_end] or ""):find("^%-%-%f[^-]") do head_end = head_end + 1 end
  local head = {}
  for i = 1, head_end - 1 do head[i] = lines[i]:gsub("^%-%- ?", "") end
  source.head = table.concat(head, "\n")
  for i = head_end, #lines do
    local line = lines[i]
    local documented = line:match("^ *%-%-%- ?(.*)")
    local variable, module = line:match('^local ([%w_]+) = require "([%w_.]+)"$')
    source.table = line:match("^local ([%w_]+) = .*{$") or line ~= "}" and source.table or nil
    if variable then source.requires[variable] = module end
    if documented then
      docs[#docs + 1] = documented
    else
      if not read_error_class(source, line, docs) and #docs > 0 then
        local class = docs[1]:match("^@class lacuna%.([%w_.]+)")
        if class and line == "" then -- a table of options: nothing but its fields
          source.class_docs[class] = docs
        else
          read_declaration(source, docs, line, (lines[i + 1] or "") .. (lines[i + 2] or ""))
        end
      end
      read_row(source, line)
      local owner, name, same = line:match("^([%w_]+)%.([%w_]+) = %1%.([%w_]+)")
      local entry = owner and source.entries[owner] and source.entries[owner][same]
      if entry then source.entries[owner][name] = rename(entry, name) end
      read_copies(source, line, lines[i + 1] or "")
      docs = {}
    end
    local exported = line:match("^return ([%w_]+)$") or line:match("^return setmetatable%(([%w_]+),")
    source.exported = exported or source.exported
  end
  return source
end

-- What a module says of `name`, or of the function that it is; the name of a class if it is one.
local find
function find(sources, module, name)
  local source = sources[module]
  if not source then return nil end
  local locals = source.entries[""] or {}
  local entry = (source.entries[source.exported] or {})[name] or locals[name] or locals[source.exported]
  if entry then return entry end
  for _, alias in ipairs(source.aliases) do
    if alias.name == name and not alias.is_method then return find(sources, alias.module, alias.field) end
  end
  return nil, source.classes[name]
end

-- "gather.(...)" of the file as "async.gather(...)".
local function with_signature(entry, owner)
  local name, separator, rest = entry:match("^([%w_]+)([.:])([({][^\n]*)")
  if not name then return owner .. "." .. entry end
  return owner .. separator .. name .. rest .. entry:sub(#name + #separator + #rest + 1)
end

local function public_name(module)
  if module == "lacuna" then return "async" end
  return module:match("^lacuna%.([%w_]+)$")
end

local function add_copies(index, source, excluded, owner)
  for _, from in ipairs { source.exported, "" } do
    for name, entry in pairs(source.entries[from] or {}) do
      local is_class = entry:find("^[%w_]+%(") ~= nil
      if not excluded[name] and (is_class or from ~= "") then
        index[owner .. "." .. name] = with_signature(entry, owner)
      end
    end
  end
  for name, class in pairs(source.classes) do index[owner .. "." .. name] = class end
end

local function add_alias(index, sources, alias, owner)
  local entry, class = find(sources, alias.module, alias.field)
  if entry and alias.is_method then
    entry = rename(entry, alias.name):gsub("%.%([%w_]+,? ?", ":(", 1) -- the object is what stands before the colon
    index["Loop." .. alias.name] = with_signature(entry, "Loop")
  elseif entry then
    index[owner .. "." .. alias.name] = with_signature(rename(entry, alias.name), owner)
  elseif class then
    index[owner .. "." .. alias.name] = class -- "Future": see there
  end
end

local function add_names(index, sources, module, owner)
  local source = sources[module]
  local itself = find(sources, module)
  index[owner] = itself and itself:gsub("^([%w_]+)[.:]", owner) or source.head
  for name, entry in pairs(source.entries[source.exported] or {}) do
    index[owner .. "." .. name] = with_signature(entry, owner)
  end
  for _, copy in ipairs(source.copies) do add_copies(index, sources[copy.module], copy.excluded, owner) end
  for _, alias in ipairs(source.aliases) do add_alias(index, sources, alias, owner) end
end

local function add_classes(index, source)
  for class, docs in pairs(source.class_docs) do
    index[class] = ("class %s\n%s"):format(class, table.concat(docs, "\n"))
  end
  for variable, class in pairs(source.classes) do
    local short = class:match("[%w_]+$")
    for name, entry in pairs(source.entries[variable] or {}) do
      if not name:find("^__") then index[class .. "." .. name] = with_signature(entry, short) end
    end
  end
end

--- Makes the index of a set of files.
---@param texts table<string, string> module -> its source
---@return table<string, string>
function docstrings.index(texts)
  local sources, index = {}, {}
  for module, text in pairs(texts) do sources[module] = docstrings.read(text) end
  for module in pairs(sources) do
    if not module:find("^lacuna%.cli%.") then add_classes(index, sources[module]) end -- those are the command's own
    local owner = public_name(module)
    if owner then add_names(index, sources, module, owner) end
  end
  return index
end

return docstrings
