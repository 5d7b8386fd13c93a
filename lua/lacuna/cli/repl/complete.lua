-- complete: what the word left of the cursor may become.
-- Names of the session and its globals, fields through __index, methods behind a colon, modules inside require "…",
-- files inside any other string, the REPL's commands behind a colon at the start. Only what can be looked up without
-- calling anything of the user's is.

local build = require "lacuna.native.build"
local luv = require "luv"
local syntax = require "lacuna.cli.repl.syntax"

local DEEPEST = 10 -- of a chain of __index tables

local KEYWORDS = {}
for word in ([[and break do else elseif end false for function goto if in local nil not or repeat return then true
  until while]]):gmatch("%a+") do
  KEYWORDS[#KEYWORDS + 1] = word
end

local complete = {}

local function starts_with(text, start)
  return text:sub(1, #start) == start
end

-- Iterates over a value, if it is a table, and the tables that its __index leads to: table, its lazy fields. A
-- metatable whose __index is a function may list the fields that this gives, in `__names`.
local function tables_of(value)
  local depth = 0
  return function()
    while depth < DEEPEST do
      depth = depth + 1
      local current, class = value, debug.getmetatable(value)
      class = type(class) == "table" and class or {}
      value = rawget(class, "__index")
      if type(value) ~= "table" then depth = DEEPEST end
      if type(current) == "table" then return current, rawget(class, "__names") or {} end
    end
  end
end

-- Adds the names of a value's fields; `wanted` says which to take.
local function add_fields(found, value, wanted)
  for place, lazy in tables_of(value) do
    for key, field in next, place do
      if wanted(key, field) then found[key] = true end
    end
    for key in next, lazy do
      if wanted(key) then found[key] = true end
    end
  end
end

-- A field of a value, as far as tables lead to it.
local function look_up(value, key)
  for place, lazy in tables_of(value) do
    local field = rawget(place, key)
    if field == nil and lazy[key] then field = place[key] end
    if field ~= nil then return field end
  end
end

local function variable(session, name)
  local is_local, value = session:get_local(name)
  if is_local then return value end
  value = rawget(session.environment, name)
  if value ~= nil then return value end
  local ok, battery = pcall(function() return session.environment[name] end) -- loads the battery of that name
  return ok and battery or nil
end

-- The value of the chain of names that ends left of token `index`: "async.Queue" of "async.Queue:p"; nil if there is
-- something else than names in it.
local function value_before(session, tokens, index)
  local chain = {}
  while true do
    local name, separator = tokens[index], tokens[index - 1]
    if not name then return nil end
    if name.text == ")" and separator and separator.kind == "string" then return #chain == 0 and "" or nil end
    if name.kind ~= "name" then return nil end
    table.insert(chain, 1, name.text)
    local is_field = separator and separator.kind == "symbol" and (separator.text == "." or separator.text == ":")
    if not is_field then break end
    index = index - 2
  end
  local value = variable(session, chain[1])
  for i = 2, #chain do value = look_up(value, chain[i]) end
  return value
end

-- ---- kinds of words ----

local function fields(session, tokens, index, start, is_method)
  local value, found = value_before(session, tokens, index), {}
  if value == nil then return found end
  add_fields(found, value, function(key, field)
    local is_name = type(key) == "string" and starts_with(key, start) and key:find("^[%a_\128-\255][%w_\128-\255]*$")
    if not is_name or starts_with(key, "__") and not starts_with(start, "__") then return false end
    return not is_method or type(field) == "function" or field == nil
  end)
  return found
end

local function names(session, start)
  local found = {}
  local function add(name)
    if starts_with(name, start) then found[name] = true end
  end
  for _, name in ipairs(session:local_names()) do add(name) end
  for name in pairs(session.environment) do
    if type(name) == "string" then add(name) end
  end
  for _, name in ipairs { "async", "await", "gather", "sleep" } do add(name) end
  for _, module in ipairs(build.modules) do add(module:match("^lacuna%.(%l[%w_]*)$") or "") end
  for _, word in ipairs(KEYWORDS) do add(word) end
  found[""] = nil
  return found
end

-- The entries of a folder that begin with `start`, folders with a slash behind them.
local function entries(folder, start)
  local found = {}
  local request = luv.fs_scandir(folder)
  while request do
    local name, kind = luv.fs_scandir_next(request)
    if not name then break end
    if starts_with(name, start) and (start ~= "" or name:sub(1, 1) ~= ".") then
      if kind == "link" then kind = (luv.fs_stat(folder .. "/" .. name) or {}).type end
      found[#found + 1] = { name = name, is_folder = kind == "directory" }
    end
  end
  return found
end

local function files(start)
  local found = {}
  local folder, name = start:match("^(.*/)([^/]*)$")
  folder, name = folder or "", name or start
  local place = folder == "" and "." or folder:gsub("^~/", (os.getenv "HOME" or "") .. "/")
  for _, entry in ipairs(entries(place, name)) do
    found[folder .. entry.name .. (entry.is_folder and "/" or "")] = true
  end
  return found
end

-- The modules that require would find: lacuna's, those that are loaded, and what package.path leads to.
local function modules(start)
  local found = {}
  local function add(name)
    if starts_with(name, start) then found[name] = true end
  end
  for _, name in ipairs(build.modules) do
    if not name:find("%.cli%.") and not name:find("%.kernel%.") then add(name) end
  end
  for name in pairs(package.loaded) do
    if not name:find("^lacuna%.native%.") and name ~= "_G" then add(name) end
  end
  local parent, name = start:match("^(.*%.)([^.]*)$")
  parent, name = parent or "", name or start
  for pattern in package.path:gmatch("[^;]+") do
    local folder = pattern:match("^(.*)/%?%.lua$")
    for _, entry in ipairs(folder and entries(folder .. "/" .. parent:gsub("%.", "/"), name) or {}) do
      local module = entry.name:match("^([%w_-]+)%.lua$")
      if module then add(parent .. module) end
      if entry.is_folder and luv.fs_stat(folder .. "/" .. parent:gsub("%.", "/") .. entry.name .. "/init.lua") then
        add(parent .. entry.name)
      end
    end
  end
  return found
end

local function commands(start)
  local found = {}
  for _, name in ipairs(require("lacuna.cli.repl.commands").names()) do
    if starts_with(name, start) then found[name] = true end
  end
  return found
end

-- ---- the word at the cursor ----

local function in_string(tokens, index, start)
  local before = tokens[index - 1]
  if before and before.text == "(" then before = tokens[index - 2] end
  if before and before.text == "require" then return modules(start) end
  return files(start)
end

-- Where the word begins, as bytes left of it, and the set of what it may become.
local function candidates(session, text)
  local command = text:match("^%s*:(%a*)$")
  if command then return #text - #command, commands(command) end
  local path = text:match("^%s*:load%s+(.*)$")
  if path then return #text - #path, files(path) end
  local module = text:match("^%s*:reload%s+(.*)$")
  if module then return #text - #module, modules(module) end
  text = text:gsub("^%s*:%a+%s", function(name) return (" "):rep(#name) end)
  local tokens = syntax.tokens(text, true)
  local index = #tokens
  local last = tokens[index]
  if last and last.kind == "comment" then return #text, {} end
  if last and last.kind == "string" and last.last > #text then
    local start = last.text:gsub("^%[=*%[", ""):gsub("^[\"']", "")
    return #text - #start, in_string(tokens, index, start)
  end
  local is_word = last and last.last == #text and (last.kind == "name" or last.kind == "keyword")
  local start = is_word and last.text or ""
  local separator = tokens[is_word and index - 1 or index]
  if separator and separator.kind == "symbol" and (separator.text == "." or separator.text == ":") then
    local before = is_word and index - 2 or index - 1
    return #text - #start, fields(session, tokens, before, start, separator.text == ":")
  end
  if start == "" then return #text, {} end
  return #text - #start, names(session, start)
end

--- What is common to the starts of several texts.
---@param list string[]
---@return string
function complete.common_start(list)
  local common = list[1]
  for _, text in ipairs(list) do
    while not starts_with(text, common) do common = common:sub(1, -2) end
  end
  return common
end

--- Texts in columns, for a terminal so wide.
---@param list string[]
---@param width integer
---@return string
function complete.columns(list, width)
  local widest = 0
  for _, text in ipairs(list) do widest = math.max(widest, #text) end
  local count = math.max(1, math.floor(width / (widest + 2)))
  local rows = math.ceil(#list / count)
  local lines = {}
  for row = 1, rows do
    local cells = {}
    for index = row, #list, rows do cells[#cells + 1] = ("%-" .. widest .. "s"):format(list[index]) end
    lines[row] = table.concat(cells, "  "):gsub("%s+$", "")
  end
  return table.concat(lines, "\n") .. "\n"
end

--- What the word left of the cursor may become.
---@param session lacuna.cli.Session
---@param text string
---@param cursor integer bytes left of it
---@return integer first bytes left of the word
---@return string[] candidates sorted; each stands for the whole word
local function call(_, session, text, cursor)
  local first, set = candidates(session, text:sub(1, cursor))
  local list = {}
  for name in pairs(set) do list[#list + 1] = name end
  table.sort(list)
  return first, list
end

return setmetatable(complete, { __call = call })
