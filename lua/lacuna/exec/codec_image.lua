-- codec_image: any graph of Lua values as an image, a plain table that string.buffer can write, and back.
-- Every table, function and upvalue of the graph is a node of the image; nodes name each other by number, so cycles and
-- sharing stay as they are. Both directions walk a list, never the C stack: depth is bounded by memory.
-- What cannot travel is refused by the path that leads to it.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local functions = require "lacuna.exec.codec_functions"
local identity = require "lacuna.exec.codec_identity"
local names = require "lacuna.exec.codec_names"

local getmetatable, getupvalue, next, type = debug.getmetatable, debug.getupvalue, next, type
local setupvalue, upvalueid, upvaluejoin = debug.setupvalue, debug.upvalueid, debug.upvaluejoin
local loaded = package.loaded
local rawget, rawset, setmetatable, unpack = rawget, rawset, setmetatable, unpack

local image = {}

-- The first field of a node. "Parts" are plain, refs, pairs: a table of the entries that are no references; a list of
-- key, node; a list of is the key a node, key, is the value a node, value.
local TABLE = 1 -- parts, metatable node?, identity?
local NAMED = 2 -- module, field?
local FUNCTION = 3 -- bytecode, list of upvalue nodes?
local UPVALUE = 4 -- is it a node, value
local ASYNC_FUNCTION = 5 -- node of the function
local ERROR_CLASS = 6 -- parts, parent node, identity, name
local SHARED = 7 -- the handle of a SharedBuffer or of a view of one

local is_primitive = { ["nil"] = true, boolean = true, number = true, string = true }

local NULL = require("string.buffer").decode("\3") -- the light userdata of C's NULL, which is json.null

--- Whether string.buffer writes a value of this kind, beside the primitive types and tables: NULL and the numbers that
--- are cdata.
---@param kind string its type
---@param value any
---@return boolean
function image.is_scalar(kind, value)
  if kind == "userdata" then return value == NULL end
  if kind ~= "cdata" then return false end
  local istype = require("ffi").istype
  return istype("int64_t", value) or istype("uint64_t", value) or istype("complex", value)
end

local is_scalar = image.is_scalar

-- How a node was reached, where that is no key and no upvalue.
local METATABLE, KEY, PARENT, INNER = { "metatable" }, { "key" }, { "parent class" }, {}

---@class lacuna.exec.ImageWriter
---@field nodes table[]
---@field objects any[] node -> what it stands for
---@field ids table<any, integer> the reverse
---@field parents integer[] node -> the node it was first reached from
---@field via any[] node -> by which key, upvalue or mark
---@field count integer how many nodes there are
---@field classes table<integer, true> the nodes that are metatables or have an __index: they have an identity
---@field buffers lacuna.SharedBuffer[]? those whose handles are in the image
---@field keeps_buffers boolean whether they are kept until the image has been read
---@field root_label string what the values of the root are called
local Writer = {}
Writer.__index = Writer

local function step_label(parent, key, label)
  if key == METATABLE or key == KEY or key == PARENT then return label .. (label == "" and "" or ": ") .. key[1] end
  if key == INNER then return label end
  if type(parent) == "function" then
    return label .. (label == "" and "" or ": ") .. functions.upvalue_label(parent, key)
  end
  if type(key) ~= "string" then return ("%s[%s]"):format(label, tostring(key)) end
  if key:find("^[%a_][%w_]*$") then return label .. "." .. key end
  return ("%s[%q]"):format(label, key)
end

-- The path to `key` of a node: "argument 2.callbacks[3]", "upvalue 'f': upvalue 'sock'".
function Writer:path(id, key)
  local steps, length = { key }, 1
  local ids = { id }
  while id ~= 1 do
    length = length + 1
    steps[length], id = self.via[id], self.parents[id]
    ids[length] = id
  end
  local label = self.root_label(steps[length], length == 1)
  for i = length - 1, 1, -1 do label = step_label(self.objects[ids[i]], steps[i], label) end
  return label
end

-- Raises: what is reached from node `id` by `key` cannot travel.
function Writer:refuse(id, key, what)
  error(errors.TypeError(self:path(id, key) .. ": " .. what), 0)
end

-- Makes a value the next node; without `node` it is written when its turn comes.
function Writer:add(value, id, key, node)
  local count = self.count + 1
  self.count = count
  self.ids[value], self.objects[count], self.nodes[count] = count, value, node
  self.parents[count], self.via[count] = id, key
  return count
end

-- The module and field of what travels by name; nil if it has to be written out.
local function name_of(value, kind, is_class)
  local module, field = names.of(value)
  if module then return module, field end
  if kind == "table" then
    if is_class or rawget(value, "__index") ~= nil then return names.of_class(value) end
    return nil
  end
  if kind == "userdata" then return names.search(value) end
  if kind == "function" then
    local bytecode = functions.bytecode(value)
    if not bytecode or bytecode.is_own then return names.search(value) end
  end
  return nil
end

local SHARED_BUFFER = "lacuna.exec.shared_buffer" -- which nobody has loaded who has no buffer

local function shared_buffer_behind(value)
  local module = loaded[SHARED_BUFFER]
  return module and module.buffer_behind(value)
end

-- Why a value that has no name cannot be written out.
local function obstacle(value, kind)
  if kind == "table" then return nil end
  if kind == "cdata" then return "cdata of type " .. tostring(require("ffi").typeof(value)) end
  if kind ~= "function" then return kind end
  local bytecode = functions.bytecode(value)
  if not bytecode then return "C function" end
  return bytecode.is_own and "function of lacuna that no module holds" or nil
end

-- The node of a value that is neither primitive nor scalar, reached from node `id` by `key`.
function Writer:reference(value, id, key)
  local known = self.ids[value]
  if known then return known end
  local kind = type(value)
  local module, field = name_of(value, kind, key == METATABLE)
  if module then return self:add(value, id, key, { NAMED, module, field }) end
  if kind == "function" and coroutines.iscoroutinefunction(value) then
    return self:add(value, id, key, { ASYNC_FUNCTION })
  end
  local buffer = (kind == "cdata" or kind == "table") and shared_buffer_behind(value)
  if buffer then
    self.buffers = self.buffers or {}
    self.buffers[#self.buffers + 1] = buffer
    return self:add(value, id, key, { SHARED, loaded[SHARED_BUFFER].pack(value, self.keeps_buffers) })
  end
  local reason = obstacle(value, kind)
  if reason then self:refuse(id, key, reason) end
  return self:add(value, id, key)
end

-- Writes the entries of a table as parts into a node, from its second field on.
function Writer:write_parts(node, id, source, skip)
  local plain, refs, pairs = {}, nil, nil
  for key, value in next, source do
    if not (skip and skip(source, key, value)) then
      local key_kind, kind = type(key), type(value)
      local key_is_node = not (is_primitive[key_kind] or is_scalar(key_kind, key))
      local value_is_node = not (is_primitive[kind] or is_scalar(kind, value))
      if key_is_node then
        pairs = pairs or {}
        local n = #pairs
        pairs[n + 1], pairs[n + 2] = self:reference(key, id, KEY), value_is_node
        if value_is_node then value = self:reference(value, id, key) end
        pairs[n + 3] = value
      elseif value_is_node then
        refs = refs or {}
        local n = #refs
        refs[n + 1], refs[n + 2] = key, self:reference(value, id, key)
      else
        plain[key] = value
      end
    end
  end
  node[2], node[3], node[4] = plain, refs, pairs
end

-- A class of the script: its own fields travel, what `subclass` gave it is made anew.
local inherited = { __tostring = true, __concat = true }

local function is_made_by_subclass(class, key, value)
  return key == "name" or key == "subclass_of" or (key == "__index" and value == class)
    or (inherited[key] and value == errors.BaseError[key])
end

local function is_error_class(value) return rawget(value, "subclass_of") ~= nil end

-- The objects of lacuna itself are those whose class holds functions of lacuna that have no name of their own. Those
-- that are mere data say `can_travel`, and their class is a field of its module.
local is_bound_class = setmetatable({}, { __mode = "k" })

local function holds_own_function(class)
  for _, value in next, class do
    if type(value) == "function" and not names.of(value) then
      local bytecode = functions.bytecode(value)
      if bytecode and bytecode.is_own then return true end
    end
  end
  return false
end

local function is_bound(class)
  local known = is_bound_class[class]
  if known == nil then
    local index = rawget(class, "__index")
    known = not is_error_class(class) and not rawget(class, "can_travel")
      and (holds_own_function(class) or (type(index) == "table" and index ~= class and holds_own_function(index)))
    is_bound_class[class] = known
  end
  return known
end

-- The node of an error class of the script.
function Writer:write_error_class(id, class)
  local node = { ERROR_CLASS }
  self:write_parts(node, id, class, is_made_by_subclass)
  node[5], node[6], node[7] = self:reference(class.subclass_of, id, PARENT), identity.of(class), class.name
  return node
end

-- The node of a table, with its metatable.
function Writer:write_table(id, source)
  if is_error_class(source) then return self:write_error_class(id, source) end
  local class = getmetatable(source)
  local node = { TABLE }
  if class then
    if is_bound(class) then
      local what = class.is_coroutine and "coroutine object" or "object of lacuna that belongs to its loop"
      self:refuse(self.parents[id], self.via[id], what)
    end
  end
  self:write_parts(node, id, source)
  if class then
    node[5] = self:reference(class, id, METATABLE)
    self.classes[node[5]] = true
  end
  if rawget(source, "__index") ~= nil then self.classes[id] = true end
  return node
end

-- The node of a Lua function. Each of its upvalues is a node too, unless a function written before has it as well.
function Writer:write_function(id, fn)
  local bytecode = functions.bytecode(fn)
  local node = { FUNCTION, bytecode.bytes }
  if bytecode.count == 0 then return node end
  local upvalues = {}
  for i = 1, bytecode.count do
    local cell = upvalueid(fn, i)
    local known = self.ids[cell]
    if not known then
      local _, value = getupvalue(fn, i)
      local kind = type(value)
      local is_node = not (is_primitive[kind] or is_scalar(kind, value))
      local written = { UPVALUE, is_node }
      known = self:add(cell, id, i, written)
      if is_node then value = self:reference(value, id, i) end
      written[3] = value
    end
    upvalues[i] = known
  end
  node[3] = upvalues
  return node
end

local function draw(root_label, count, values, keeps_buffers)
  names.refresh()
  local writer = setmetatable({
    nodes = {}, objects = { values }, ids = {}, parents = { 0 }, via = { 0 }, classes = {}, root_label = root_label,
    keeps_buffers = keeps_buffers, count = 1,
  }, Writer)
  local nodes, objects = writer.nodes, writer.objects
  local root = { TABLE }
  writer:write_parts(root, 1, values)
  nodes[0], nodes[1] = count, root
  local id = 2
  while id <= writer.count do
    local object, node = objects[id], nodes[id]
    if not node then
      if type(object) == "table" then
        nodes[id] = writer:write_table(id, object)
      else
        nodes[id] = writer:write_function(id, object)
      end
    elseif node[1] == ASYNC_FUNCTION then
      node[2] = writer:reference(functions.inside_async(object), id, INNER)
    end
    id = id + 1
  end
  for class in next, writer.classes do
    if nodes[class][1] == TABLE then nodes[class][6] = identity.of(objects[class]) end
  end
  return writer
end

--- The image of some values.
--- Errors: TypeError that names the path to what cannot travel.
---@param root_label fun(index: integer, is_last: boolean): string what a message calls the value at an index
---@param count integer
---@param values any[]
---@param keeps_buffers boolean whether shared buffers are kept until the image has been read
---@return table
---@return lacuna.SharedBuffer[]? buffers that someone has to keep until then, if not
function image.write(root_label, count, values, keeps_buffers)
  local writer = draw(root_label, count, values, keeps_buffers)
  return writer.nodes, writer.buffers
end

-- What a node may be in the image of a stateless function; TABLE is only the root.
local is_stateless = { [NAMED] = true, [FUNCTION] = true, [UPVALUE] = true, [ASYNC_FUNCTION] = true }

--- The image of a function that is stateless (see codec_stateless), and the upvalues that it holds for.
--- Errors: as for `write`.
---@param root_label fun(index: integer, is_last: boolean): string
---@param fn function
---@return table? nil if it is not stateless
---@return any[]? upvalues function, index, value, …
---@return integer? length of that list
function image.write_stateless(root_label, fn)
  local writer = draw(root_label, 1, { fn }, false)
  local nodes, objects = writer.nodes, writer.objects
  local upvalues, length = {}, 0
  for id = 2, writer.count do
    local op, object = nodes[id][1], objects[id]
    if not is_stateless[op] or op == FUNCTION and functions.assigns_upvalues(object) then return nil end
    if op == FUNCTION then
      for index = 1, functions.bytecode(object).count do
        local _, value = getupvalue(object, index)
        upvalues[length + 1], upvalues[length + 2], upvalues[length + 3] = object, index, value
        length = length + 3
      end
    end
  end
  return nodes, upvalues, length
end

-- Reading: all objects are made first, so that they can then be filled in any order.

local create

local function object_of(nodes, objects, id)
  local object = objects[id]
  if object == nil then
    object = create[nodes[id][1]](nodes, objects, nodes[id])
    objects[id] = object
  end
  return object
end

create = {
  [TABLE] = function(_, _, node)
    if not node[6] then return node[2] end
    local known = identity.find(node[6])
    if known then
      node[1] = NAMED -- it is filled already
      return known
    end
    return identity.assign(node[2], node[6])
  end,
  [NAMED] = function(_, _, node) return names.value(node[2], node[3]) end,
  [FUNCTION] = function(_, _, node)
    return functions.instantiate(node[2], node[3] and #node[3] or 0)
  end,
  [UPVALUE] = function() return false end,
  [ASYNC_FUNCTION] = function(nodes, objects, node) return coroutines.async(object_of(nodes, objects, node[2])) end,
  [ERROR_CLASS] = function(nodes, objects, node)
    local known = identity.find(node[6])
    if known then
      node[1] = NAMED
      return known
    end
    return identity.assign(object_of(nodes, objects, node[5]):subclass(node[7]), node[6])
  end,
  [SHARED] = function(_, _, node) return require("lacuna.exec.shared_buffer").unpack(node[2]) end,
}

local function fill_refs(objects, target, refs, pairs)
  if refs then
    for i = 1, #refs, 2 do rawset(target, refs[i], objects[refs[i + 1]]) end
  end
  if pairs then
    for i = 1, #pairs, 3 do
      local value = pairs[i + 2]
      if pairs[i + 1] then value = objects[value] end
      rawset(target, objects[pairs[i]], value)
    end
  end
end

-- A cell of upvalues belongs to the first function that has it; the others join it.
local function fill_upvalues(nodes, objects, fn, upvalues, owners)
  for i = 1, #upvalues do
    local cell = upvalues[i]
    local owner = owners[cell]
    if owner then
      upvaluejoin(fn, i, owner[1], owner[2])
    else
      owners[cell] = { fn, i }
      local value = nodes[cell][3]
      if nodes[cell][2] then value = objects[value] end
      setupvalue(fn, i, value)
    end
  end
end

--- The values of an image, which is used up.
---@param nodes table
---@return any ...
function image.read(nodes)
  local objects, owners = {}, {}
  for id = 1, #nodes do object_of(nodes, objects, id) end
  for id = 1, #nodes do
    local node = nodes[id]
    local op, object = node[1], objects[id]
    if op == TABLE then
      fill_refs(objects, object, node[3], node[4])
      if node[5] then debug.setmetatable(object, objects[node[5]]) end
    elseif op == FUNCTION then
      if node[3] then fill_upvalues(nodes, objects, object, node[3], owners) end
    elseif op == ERROR_CLASS then
      for key, value in next, node[2] do rawset(object, key, value) end
      fill_refs(objects, object, node[3], node[4])
    end
  end
  return unpack(objects[1], 1, nodes[0])
end

return image
