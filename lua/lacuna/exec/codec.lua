-- codec: how functions and values travel between Lua states, as one string.
-- Plain data goes to LuaJIT's string.buffer as it is, after a look at whether that keeps all there is to it: no
-- functions, no metatables, no table met twice. Anything else is drawn as an image first (codec_image). A call of a
-- function that has no state of its own, with plain arguments, is that function, whose bytes are the same each time,
-- before plain data. The first value of a message tells which it is: a number, how many plain values follow; a string,
-- the function that comes before those, as bytecode or as an image in bytes; a table, an image.

local buffer = require "string.buffer"
local ffi = require "ffi"
local functions = require "lacuna.exec.codec_functions"
local image = require "lacuna.exec.codec_image"
local kept = require "lacuna.exec.codec_kept"
local names = require "lacuna.exec.codec_names"
local stateless = require "lacuna.exec.codec_stateless"

local byte = string.byte
local getmetatable, next, select, type, unpack = debug.getmetatable, next, select, type, unpack
local is_scalar = image.is_scalar

local codec = {}

local BYTECODE = 27 -- the first byte of bytecode, and of no image
local DEEPEST = 90 -- string.buffer refuses what is nested deeper than 100
local MOST_KEPT_BYTES = 65536 -- a buffer that grew beyond is given back
local MOST_KEPT_IN_PLACE = 4 * 1024 * 1024 -- the same where every message is written into it: new pages cost as much

local out, input = buffer.new(), buffer.new()

local is_primitive = { ["nil"] = true, boolean = true, number = true, string = true }

local is_plain_table

local function is_plain(value, seen, depth)
  local kind = type(value)
  if is_primitive[kind] then return true end
  if kind == "table" then return is_plain_table(value, seen, depth) end
  return is_scalar(kind, value)
end

function is_plain_table(source, seen, depth)
  if depth == 0 or seen[source] or getmetatable(source) or names.of(source) then return false end
  seen[source] = true
  for key, value in next, source do
    local key_kind, kind = type(key), type(value)
    if key_kind ~= "string" and key_kind ~= "number" and key_kind ~= "boolean" then return false end
    if not is_primitive[kind] and not is_plain(value, seen, depth - 1) then return false end
  end
  return true
end

-- Missing values are nil, which is plain. A table is met twice if it was seen among the values before.
local function are_plain(seen, count, a, b, c, ...)
  if not is_primitive[type(a)] or not is_primitive[type(b)] or not is_primitive[type(c)] then
    if not seen then
      seen = {}
      names.refresh()
    end
    if not (is_plain(a, seen, DEEPEST) and is_plain(b, seen, DEEPEST) and is_plain(c, seen, DEEPEST)) then
      return false
    end
  end
  return count <= 3 or are_plain(seen, count - 3, ...)
end

local function append(count, a, b, c, ...)
  if count == 0 then return end
  out:encode(a)
  if count == 1 then return end
  out:encode(b)
  if count == 2 then return end
  out:encode(c)
  return append(count - 3, ...)
end

local function take(_, buffers)
  local message = out:tostring()
  if #message > MOST_KEPT_BYTES then out:free() end
  return message, buffers
end

local function write_image(root_label, keeps_buffers, ...)
  local nodes, buffers = image.write(root_label, select("#", ...), { ... }, keeps_buffers)
  return out:reset():encode(nodes), buffers
end

local function label_value(index) return "value " .. index end

local function label_success(index) return "result " .. index - 2 end

local function label_failure() return "error" end

local function label_call(index, is_last)
  if index > 1 then return "argument " .. index - 1 end
  return is_last and "function" or ""
end

local function write(root_label, keeps_buffers, ...)
  local count = select("#", ...)
  if not are_plain(nil, count, ...) then return write_image(root_label, keeps_buffers, ...) end
  out:reset():encode(count)
  append(count, ...)
  return out
end

--- Writes values, nils and their number included. It may be decoded any number of times.
--- Errors: TypeError that names the path to what cannot travel, as in "value 2.callbacks[3]: userdata".
---@param ... any
---@return string
---@return lacuna.SharedBuffer[]? buffers that the caller keeps as long as somebody may decode it
function codec.encode(...)
  return take(write(label_value, false, ...))
end

--- The same for values that are decoded once: until then shared buffers are kept here.
--- Errors: TypeError as for `encode`.
---@param ... any
---@return string
function codec.encode_message(...)
  return (take(write(label_value, true, ...)))
end

-- How a call and its outcome are written for threads: into the buffer that is returned, to be copied before the next.
local in_place = {}

--- Writes how a call ended (exec/call.lua): the results, or the error.
--- Errors: TypeError as for `encode`, as in "result 1: userdata" or "error.connection: userdata".
---@param is_ok boolean
---@param elapsed number|false
---@param ... any
---@return string.buffer
function in_place.encode_outcome(is_ok, elapsed, ...)
  return (write(is_ok and label_success or label_failure, true, is_ok, elapsed, ...))
end

-- The bytes of a function that has no state, or nil.
local function bytes_of_function(fn)
  local bytecode = functions.bytecode(fn)
  if bytecode and bytecode.is_self_contained then return bytecode.bytes end
  return stateless.image_of(label_call, fn)
end

--- Writes a function and the arguments of a call to it.
--- Errors: TypeError as for `encode`, as in "upvalue 'f': upvalue 'connection': userdata" or "argument 1: thread".
---@param fn function
---@param ... any
---@return string.buffer
---@return lacuna.SharedBuffer[]? buffers as for `encode`
function in_place.encode_call(fn, ...)
  local count = select("#", ...)
  local bytes = type(fn) == "function" and are_plain(nil, count, ...) and bytes_of_function(fn)
  if not bytes then return write_image(label_call, false, fn, ...) end
  out:reset():encode(bytes):encode(count)
  append(count, ...)
  return out
end

--- Tells that the bytes have been copied.
---@param size integer how many they were
function in_place.release(size)
  if size > MOST_KEPT_IN_PLACE then out:free() end
end

codec.in_place = in_place

--- in_place.encode_outcome as a string.
---@param is_ok boolean
---@param elapsed number|false
---@param ... any
---@return string
function codec.encode_outcome(is_ok, elapsed, ...)
  return (take(in_place.encode_outcome(is_ok, elapsed, ...)))
end

--- in_place.encode_call as a string.
---@param fn function
---@param ... any
---@return string
---@return lacuna.SharedBuffer[]? buffers
function codec.encode_call(fn, ...)
  return take(in_place.encode_call(fn, ...))
end

local function read_values(count)
  if count == 0 then return end
  if count > 3 then
    local values = {}
    for i = 1, count do values[i] = input:decode() end
    return unpack(values, 1, count)
  end
  local first = input:decode()
  if count == 1 then return first end
  local second = input:decode()
  if count == 2 then return first, second end
  return first, second, input:decode()
end

local loaded = kept.new() -- the bytes of a function that has no state -> the function

local function load_function(bytes)
  local is_bytecode = byte(bytes) == BYTECODE
  return loaded:keep(bytes, is_bytecode and functions.instantiate(bytes, 0) or image.read(buffer.decode(bytes)))
end

-- The message is a string, or stands somewhere in memory.
local function set_input(message, size)
  if size then input:set(ffi.cast("const char *", message), size) else input:set(message) end
end

local function read(message, size)
  set_input(message, size)
  local head = input:decode()
  local kind = type(head)
  if kind == "number" then return read_values(head) end
  if kind ~= "string" then return image.read(head) end
  local fn = loaded:get(head)
  if not fn then
    fn = load_function(head)
    set_input(message, size) -- a module that it required may have used the buffer
    input:decode()
  end
  return fn, read_values(input:decode())
end

--- Reads what one of the above wrote.
--- Errors: those of `require` for modules that are not found here; a string for a message that is cut short.
---@param message string
---@return any ...
function codec.decode(message)
  return read(message)
end

--- Tells that nobody needs what `encode_message` or `encode_outcome` wrote.
---@param message string
function codec.discard(message)
  input:set(message)
  if #input > 0 and type(input:decode()) == "table" then pcall(codec.decode, message) end
end

--- codec.decode of a message that stands somewhere in memory until this returns.
---@param message string|lightuserdata a string, or where it stands
---@param size? integer how many bytes stand there
---@return any ...
function in_place.decode(message, size)
  return read(message, size)
end

--- codec.discard of a message that stands somewhere in memory until this returns.
---@param message string|lightuserdata
---@param size? integer
function in_place.discard(message, size)
  codec.discard(size and ffi.string(message, size) or message)
end

return codec
