-- docstrings: reads what lacuna's Lua files say of the names in them, and makes one index of all.
-- The build runs it over lua/ (host/core/docs.lua) and embeds the index, because the runtime is bytecode without
-- comments. It goes by the house's way of writing: a docstring is the lines of `---` above a function, a class, or a
-- row of a table; a module's other names are rows `name = module.field` of the table that it returns.
--
-- The index maps a name to its signature and, below it, its docstring as it stands in the source:
--   "async.gather"  what `require "lacuna"` has        "http.get"  what a battery has
--   "Queue.put"     a method, and "Queue" its class    "async", "http"  the head comment of the module

local docstrings = {}

---@class lacuna.cli.Entry what is said of one name
---@field name string
---@field separator "."|":" what stands before it
---@field parameters string "(a, b)", or what else follows the name
---@field docs string[]

---@class lacuna.cli.Source what one file says
---@field head string its first comment
---@field exported string? the local that it returns
---@field requires table<string, string> local -> module
---@field entries table<string, table<string, lacuna.cli.Entry>> local, or "" for local functions -> name -> entry
---@field classes table<string, string> local -> name of its class
---@field class_docs table<string, string[]> name of a class -> its docstring
---@field aliases {name: string, module: string, field: string?, is_method: boolean}[] rows of the table it returns
---@field copies {module: string, excluded: table<string, boolean>}[] modules all of whose names it has too

-- ---- reading a file ----

local function add(source, owner, name, separator, parameters, docs)
  source.entries[owner] = source.entries[owner] or {}
  source.entries[owner][name] = { name = name, separator = separator, parameters = parameters, docs = docs }
end

local function add_error_class(source, owner, name, parent, docs)
  add(source, owner, name, ".", ("(message, cause): %s"):format(parent:match("[%w_]+$")), docs)
end

-- What may stand below a docstring: a pattern for the line, and what the captures mean. The first that matches counts.
local declarations = {
  { "^function ([%w_]+)([.:])([%w_]+)(%b())", function(source, docs, owner, separator, name, parameters)
    add(source, owner, name, separator, parameters, docs)
  end },
  -- a method of another module's class: function loop_module.Loop:run_in_executor(…)
  { "^function [%w_]+%.(%u[%w_]+)([.:])([%w_]+)(%b())", function(source, docs, class, separator, name, parameters)
    source.classes[class] = source.classes[class] or class
    add(source, class, name, separator, parameters, docs)
  end },
  { "^local function ([%w_]+)(%b())", function(source, docs, name, parameters)
    add(source, "", name, ".", parameters, docs)
  end },
  { "^([%w_]+)%.([%w_]+) = function(%b())", function(source, docs, owner, name, parameters)
    add(source, owner, name, ".", parameters, docs)
  end },
  { "^([%w_]+)%.([%w_]+) = ", function(source, docs, owner, name)
    add(source, owner, name, ".", "", docs)
  end },
  -- for _, method in ipairs { "get", "post" } do … Session[method] = function(self, url)
  { "^for _, [%w_]+ in ipairs ?(%b{}) do(.*)", function(source, docs, names, body)
    for owner, parameters in body:gmatch("([%w_]+)%[[%w_]+%] = function(%b())") do
      local separator = parameters:find("^%(self") and ":" or "."
      parameters = parameters:gsub("^%(self,? ?", "(")
      for name in names:gmatch('"([%w_]+)"') do add(source, owner, name, separator, parameters, docs) end
    end
  end },
  -- a class that the module makes and returns; its docstring may begin with how it is called
  { '^return [%w_.:]+%("([%w_]+)"', function(source, docs, name)
    local parameters, rest = docs[1]:match("^" .. name .. "(%b{}): (.*)$")
    if parameters then docs[1] = rest end
    source.exported = name
    add(source, "", name, ".", parameters or "()", docs)
  end },
  { "^  ([%w_]+) =", function(source, docs, name)
    add(source, source.table, name, ".", "", docs)
  end },
}

-- What stands on a line and the two after it, below a docstring, which may be none.
local function read_declaration(source, docs, line, following)
  local owner, name, parent = source.table or "", line:match("^  ([%w_]+) = ([%w_.]+):subclass%(")
  if not name then
    owner, name, parent = "", line:gsub("^local ", ""):match("^([%w_]+) = ([%w_.]+):subclass%(")
  end
  if name then return add_error_class(source, owner, name, parent, docs) end
  if #docs == 0 then return end
  local class, variable = docs[1]:match("^@class lacuna%.([%w_.]+)"), line:match("^local ([%w_]+) =")
  if class and (variable or line == "") then -- without a local it is a table of options: nothing but its fields
    source.class_docs[class] = docs
    if variable then source.classes[variable] = class end
    return
  end
  for _, declaration in ipairs(declarations) do
    local captures = { (line .. following):match(declaration[1]) }
    if captures[1] then return declaration[2](source, docs, unpack(captures)) end
  end
end

local function add_alias(source, name, module, field, is_method)
  table.insert(source.aliases, { name = name, module = module, field = field, is_method = is_method })
end

-- A row of the table that the module returns, and what it stands for.
local function read_row(source, line)
  local rows = line:match("^local [%w_]+ = ({.*})$") or line:match("^  [%w_]+ = [%w_]+,$") or ""
  for name, variable in rows:gmatch("([%w_]+) = ([%w_]+)%f[^%w_.]") do -- modules that are functions
    if source.requires[variable] then add_alias(source, name, source.requires[variable]) end
  end
  local name, variable, field = line:match("^  ([%w_]+) = ([%w_]+)%.([%w_]+),?$")
  if name and source.requires[variable] then return add_alias(source, name, source.requires[variable], field) end
  local module
  name, module, field = line:match('^  ([%w_]+) = require%("([%w_.]+)"%)%.([%w_]+),?$')
  if not name then name, module = line:match('^  ([%w_]+) = require "([%w_.]+)",?$') end
  if name then return add_alias(source, name, module, field) end
  local is_method = source.table == "lazy_methods"
  if not is_method and source.table ~= "lazy" then return end
  name, module = line:match('^  ([%w_]+) = "([%w_.]+)",$') -- of the face: what is loaded when first touched
  if name then add_alias(source, name, "lacuna." .. module, name, is_method) end
end

-- for name, value in pairs(errors) do … exported[name] = value
local function read_copies(source, line, following)
  local variable = line:match("^for name, [%w_]+ in pairs%(([%w_]+)%) do$")
  if not variable or not source.requires[variable] then return end
  local excluded = {}
  for name in following:gmatch('name ~= "([%w_]+)"') do excluded[name] = true end
  table.insert(source.copies, { module = source.requires[variable], excluded = excluded })
end

-- Loop.call_soon_threadsafe = Loop.call_soon
local function read_second_name(source, line)
  local owner, name, first_name = line:match("^([%w_]+)%.([%w_]+) = %1%.([%w_]+)")
  local entry = owner and source.entries[owner] and source.entries[owner][first_name]
  if entry then add(source, owner, name, entry.separator, entry.parameters, entry.docs) end
end

local function read_code(source, docs, line, following)
  local variable, module = line:match('^local ([%w_]+) = require "([%w_.]+)"$')
  if variable then source.requires[variable] = module end
  if line == "}" then source.table = nil end
  source.table = line:match("^local ([%w_]+) = .*{$") or source.table
  read_declaration(source, docs, line, following)
  read_row(source, line)
  read_second_name(source, line)
  read_copies(source, line, following)
  source.exported = line:match("^return ([%w_]+)$") or line:match("^return setmetatable%(([%w_]+),") or source.exported
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
  local lines, head, docs = lines_of(text), {}, {}
  while lines[#head + 1]:find("^%-%-%f[^-]") do head[#head + 1] = lines[#head + 1]:gsub("^%-%- ?", "") end
  source.head = table.concat(head, "\n")
  for i = #head + 1, #lines do
    local documented = lines[i]:match("^ *%-%-%- ?(.*)")
    if documented then
      docs[#docs + 1] = documented
    else
      read_code(source, docs, lines[i], (lines[i + 1] or "") .. (lines[i + 2] or ""))
      docs = {}
    end
  end
  return source
end

-- ---- the index ----

-- What is said of a name, as it is written below `owner`.
local function text_of(entry, owner, name)
  local signature = owner .. entry.separator .. (name or entry.name) .. entry.parameters
  return signature .. (#entry.docs > 0 and "\n" .. table.concat(entry.docs, "\n") or "")
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

local function index_copies(index, source, excluded, owner)
  for name, entry in pairs(source.entries[source.exported] or {}) do
    if not excluded[name] then index[owner .. "." .. name] = text_of(entry, owner) end
  end
  for name, entry in pairs(source.entries[""] or {}) do -- its locals that are error classes
    if entry.parameters:find("): ", 1, true) then index[owner .. "." .. name] = text_of(entry, owner) end
  end
  for name, class in pairs(source.classes) do index[owner .. "." .. name] = class end
end

local function index_alias(index, sources, alias, owner)
  local entry, class = find(sources, alias.module, alias.field)
  if entry and alias.is_method then -- the object is what stands before the colon
    local parameters = entry.parameters:gsub("^%([%w_]+,? ?", "(")
    local method = { separator = ":", parameters = parameters, docs = entry.docs }
    index["Loop." .. alias.name] = text_of(method, "Loop", alias.name)
  elseif entry then
    index[owner .. "." .. alias.name] = text_of(entry, owner, alias.name)
  elseif class then
    index[owner .. "." .. alias.name] = class -- "Future": see there
  end
end

local function public_name(module)
  if module == "lacuna" then return "async" end
  return module:match("^lacuna%.([%w_]+)$")
end

local function index_module(index, sources, module, owner)
  local source = sources[module]
  local itself = find(sources, module)
  index[owner] = itself and owner .. text_of(itself, ""):match("^[.:][%w_]+(.*)$") or source.head
  for name, entry in pairs(source.entries[source.exported] or {}) do
    index[owner .. "." .. name] = text_of(entry, owner)
  end
  for _, copy in ipairs(source.copies) do index_copies(index, sources[copy.module], copy.excluded, owner) end
  for _, alias in ipairs(source.aliases) do index_alias(index, sources, alias, owner) end
end

local function index_classes(index, source)
  for class, docs in pairs(source.class_docs) do
    index[class] = ("class %s\n%s"):format(class, table.concat(docs, "\n"))
  end
  for variable, class in pairs(source.classes) do
    for name, entry in pairs(source.entries[variable] or {}) do
      if not name:find("^__") then index[class .. "." .. name] = text_of(entry, class:match("[%w_]+$")) end
    end
  end
end

--- Makes the index of a set of files.
---@param texts table<string, string> module -> its source
---@return table<string, string>
function docstrings.index(texts)
  local sources, index = {}, {}
  for module, text in pairs(texts) do sources[module] = docstrings.read(text) end
  for module, source in pairs(sources) do
    if not module:find("^lacuna%.cli%.") then index_classes(index, source) end -- those are the command's own
    local owner = public_name(module)
    if owner then index_module(index, sources, module, owner) end
  end
  return index
end

return docstrings
