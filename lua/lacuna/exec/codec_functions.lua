-- codec_functions: Lua functions as bytecode and back.
-- string.dump leaves upvalues out, and loading what it wrote makes a new prototype, whose traces the JIT must compile
-- anew. So loaded bytecode is kept as a factory: each call of it makes a closure of the one prototype with upvalues of
-- its own, as the code around the original does.

local coroutines = require "lacuna.kernel.coroutine"
local jit_util = require "jit.util"
local kept = require "lacuna.exec.codec_kept"
local names = require "lacuna.exec.codec_names"

local functions = {}

local byte, char, dump, sub = string.byte, string.char, string.dump, string.sub
local band = bit.band
local funcbc, funcinfo, funck = jit_util.funcbc, jit_util.funcinfo, jit_util.funck
local getinfo, getupvalue, loadstring, type = debug.getinfo, debug.getupvalue, loadstring, type

---@class lacuna.exec.Bytecode what travels of a function beside the values of its upvalues
---@field bytes string
---@field count integer how many upvalues it has
---@field is_own boolean one of lacuna's functions, which are there in every state
---@field is_self_contained boolean nothing but the bytes has to travel

local bytecode_of = setmetatable({}, { __mode = "k" }) -- function -> lacuna.exec.Bytecode

--- The bytecode of a Lua function; dumped once for each function.
---@param fn function
---@return lacuna.exec.Bytecode? nil for a C function
function functions.bytecode(fn)
  local found = bytecode_of[fn]
  if found then return found end
  local info = getinfo(fn, "Su")
  if info.what == "C" then return nil end
  local is_own = names.is_own_source(info.source)
  found = { bytes = dump(fn), count = info.nups, is_own = is_own, is_self_contained = info.nups == 0 and not is_own }
  bytecode_of[fn] = found
  return found
end

--- What a message calls the upvalue; the functions of stripped bytecode have no names for theirs.
---@param fn function
---@param index integer
---@return string
function functions.upvalue_label(fn, index)
  local name = getupvalue(fn, index)
  if name == nil or name == "" then return "upvalue " .. index end
  return "upvalue '" .. name .. "'"
end

-- How this LuaJIT numbers the instructions that assign to an upvalue: those of values, strings, numbers and primitives
-- follow each other.
local function find_assignments()
  local upvalue
  local function probe()
    upvalue = probe
    upvalue = "string"
    upvalue = 1
    upvalue = nil
  end
  local first = band(funcbc(probe, 2), 0xff) -- after the header, and the load of `probe`
  return first, first + 3, upvalue
end

local first_assignment, last_assignment = find_assignments()

local function assigns_upvalues(prototype)
  local position = 1
  while true do
    local instruction = funcbc(prototype, position)
    if not instruction then break end
    local operation = band(instruction, 0xff)
    if operation >= first_assignment and operation <= last_assignment then return true end
    position = position + 1
  end
  for i = 1, funcinfo(prototype).gcconsts do
    local constant = funck(prototype, -i)
    if type(constant) == "proto" and assigns_upvalues(constant) then return true end
  end
  return false
end

local assigns = kept.new() -- bytecode -> whether it does

--- Whether calling a Lua function may change an upvalue, its own or one of a function inside it.
---@param fn function
---@return boolean
function functions.assigns_upvalues(fn)
  local bytes = functions.bytecode(fn).bytes
  local known = assigns:get(bytes)
  if known == nil then known = assigns:keep(bytes, assigns_upvalues(fn)) end
  return known
end

-- Among the upvalues of what `async` returns, which one is the function that it was given?
local function find_wrapped()
  local probe = function() end
  local async_function = coroutines.async(probe)
  local index = 1
  while select(2, getupvalue(async_function, index)) ~= probe do index = index + 1 end
  return index
end

local wrapped = find_wrapped()

--- The function inside an async function.
---@param async_function function
---@return function
function functions.inside_async(async_function)
  return select(2, getupvalue(async_function, wrapped))
end

-- The layout of LuaJIT's bytecode files (its lj_bcdump.h): a header, the prototypes, inner ones first, and a zero byte.

local HEADER = "\27LJ\2"
local STRIPPED = 2 -- flag in the header: no debug information, no chunk name
local LOCAL = 0x80 -- flag in the upper byte of an upvalue: a local of the enclosing function, the lower byte its slot

local function read_uleb128(text, position)
  local value, scale = 0, 1
  while true do
    local part = byte(text, position)
    position = position + 1
    value = value + part % 128 * scale
    if part < 128 then return value, position end
    scale = scale * 128
  end
end

local function skip_header(bytes)
  local flags, position = read_uleb128(bytes, #HEADER + 1)
  local is_stripped = flags % (2 * STRIPPED) >= STRIPPED
  if is_stripped then return position, true end
  local length
  length, position = read_uleb128(bytes, position)
  return position + length, false
end

-- The last prototype, the function itself: where its length is written, where it begins, where it ends.
local function find_outermost(bytes, position)
  local before, start
  while byte(bytes, position) ~= 0 do
    local length
    before = position
    length, start = read_uleb128(bytes, position)
    position = start + length
  end
  return before, start, position - 1
end

local function skip_uleb128(bytes, position, times)
  for _ = 1, times do
    while byte(bytes, position) >= 128 do position = position + 1 end
    position = position + 1
  end
  return position
end

-- Where the descriptions of a prototype's upvalues begin.
local function find_upvalues(bytes, start, is_stripped)
  local position = start + 4 -- flags, parameters, frame size, number of upvalues
  local instructions
  position = skip_uleb128(bytes, position, 2) -- how many constants that are collected, and numbers
  instructions, position = read_uleb128(bytes, position)
  if not is_stripped then
    local debug_bytes
    debug_bytes, position = read_uleb128(bytes, position)
    if debug_bytes > 0 then position = skip_uleb128(bytes, position, 2) end -- first line, number of lines
  end
  return position + 4 * instructions
end

-- The prototype of `local v1, …, vn; return function … end`, whose inner function is the prototype before it.
local function enclosing_prototype(count, is_stripped)
  local locals = {}
  for i = 1, count do locals[i] = "v" .. i end
  local source = ("local %s; return function() return v1 end"):format(table.concat(locals, ", "))
  local bytes = dump(loadstring(source, "=factory"), is_stripped)
  local before, _, last = find_outermost(bytes, (skip_header(bytes)))
  return sub(bytes, before, last)
end

local function load_factory(bytes, count)
  local position, is_stripped = skip_header(bytes)
  local _, start, last = find_outermost(bytes, position)
  local upvalues = find_upvalues(bytes, start, is_stripped)
  local slots = {}
  for i = 1, count do slots[i] = char(i - 1, LOCAL) end
  return loadstring(sub(bytes, 1, upvalues - 1) .. table.concat(slots) .. sub(bytes, upvalues + 2 * count, last)
    .. enclosing_prototype(count, is_stripped) .. "\0")
end

local factories = kept.new() -- bytecode -> fun(): a new closure

--- A new closure, whose upvalues are nil and its own.
---@param bytes string
---@param count integer how many upvalues it has
---@return function
function functions.instantiate(bytes, count)
  if count == 0 then return assert(loadstring(bytes)) end
  local factory = factories:get(bytes) or factories:keep(bytes, assert(load_factory(bytes, count)))
  return factory()
end

return functions
