-- shared_buffer: async.SharedBuffer, memory for numbers that all workers see, threads and processes, without copying.
-- A buffer travels as a handle; whoever receives it maps the same memory. A View is a typed, bounds-checked window on
-- it, a cdata that the JIT compiles to plain loads and stores. Nothing here orders accesses of several workers but the
-- atomic operations of views.

local errors = require "lacuna.kernel.errors"
local ffi = require "ffi"
local native = require "lacuna.native.shared_memory"

local shared_buffer = {}

-- Before the bytes stands a counter: how many messages hold the buffer's handle and have not been received.
local HEADER_BYTES = 64

---@class lacuna.SharedBuffer
---@field bytes integer its size
local SharedBuffer = {}
SharedBuffer.__index = SharedBuffer

local buffer_of = setmetatable({}, { __mode = "k" }) -- view -> its buffer, which it keeps alive
local element_of = setmetatable({}, { __mode = "k" }) -- view -> the name of its type
local known = setmetatable({}, { __mode = "v" }) -- inode -> the buffer that maps it in this state

local operations = {} -- number of a C type -> its atomic operations, typed
for name, addresses in pairs(native.operations) do
  local T = name == "double" and name or name .. "_t"
  operations[tonumber(ffi.typeof(T))] = {
    add = ffi.cast(("%s (*)(%s *, %s)"):format(T, T, T), addresses.add),
    load = ffi.cast(("%s (*)(%s *)"):format(T, T), addresses.load),
    store = ffi.cast(("void (*)(%s *, %s)"):format(T, T), addresses.store),
    compare_exchange = ffi.cast(("%s (*)(%s *, %s, %s)"):format(T, T, T, T), addresses.compare_exchange),
  }
end
local count_in_flight = operations[tonumber(ffi.typeof("int32_t"))]

-- ---- views ----

local function refuse_index(view, index)
  local what
  if type(index) ~= "number" then
    what = "number expected as index, got " .. tostring(index)
  elseif view.length == 0 then
    what = ("index %.14g of an empty view"):format(index)
  else
    what = ("index %.14g is outside 0 … %d"):format(index, view.length - 1)
  end
  error(errors.ValueError("SharedBuffer view: " .. what), 3)
end

local function is_inside(view, index)
  return type(index) == "number" and index >= 0 and index < view.length
end

local function check_atomic(found, element)
  if not found then
    local types = "int32_t, uint32_t, int64_t, uint64_t and double"
    error(errors.TypeError(("SharedBuffer view: atomic operations take %s, not %s"):format(types, element)), 3)
  end
end

local function view_class(element)
  local atomic = operations[tonumber(ffi.typeof(element))]
  local methods = {}

  --- Adds to an element in one step, whatever other workers do.
  --- Source: JavaScript's Atomics.add.
  ---@param index integer
  ---@param amount number
  ---@return number before what was there before; exact up to 2^53
  function methods.add(view, index, amount)
    check_atomic(atomic, element)
    if not is_inside(view, index) then refuse_index(view, index) end
    return tonumber(atomic.add(view.data + index, amount))
  end

  --- Reads an element; no read or write of this worker moves across it.
  ---@param index integer
  ---@return number
  function methods.load(view, index)
    check_atomic(atomic, element)
    if not is_inside(view, index) then refuse_index(view, index) end
    return tonumber(atomic.load(view.data + index))
  end

  --- Writes an element; no read or write of this worker moves across it.
  ---@param index integer
  ---@param value number
  function methods.store(view, index, value)
    check_atomic(atomic, element)
    if not is_inside(view, index) then refuse_index(view, index) end
    atomic.store(view.data + index, value)
  end

  --- Writes an element if it is as expected, in one step.
  --- Source: JavaScript's Atomics.compareExchange.
  ---@param index integer
  ---@param expected number
  ---@param value number
  ---@return number before what was there; equal to expected if the value has been written
  function methods.compare_exchange(view, index, expected, value)
    check_atomic(atomic, element)
    if not is_inside(view, index) then refuse_index(view, index) end
    return tonumber(atomic.compare_exchange(view.data + index, expected, value))
  end

  return ffi.metatype(("struct { %s *data; double length; }"):format(element), {
    __index = function(view, key)
      if is_inside(view, key) then return view.data[key] end
      return methods[key] or refuse_index(view, key)
    end,
    __newindex = function(view, key, value)
      if not is_inside(view, key) then refuse_index(view, key) end
      view.data[key] = value
    end,
    __len = function(view) return view.length end,
  })
end

local classes = {} -- type name -> its class of views

-- ---- buffers ----

local function check_open(buffer)
  if not buffer.memory then error(errors.ValueError("SharedBuffer: the buffer is closed"), 3) end
end

local function new_buffer(memory, bytes)
  local start = ffi.cast("uint8_t *", memory:address())
  local buffer = setmetatable({
    memory = memory, start = start + HEADER_BYTES, in_flight = ffi.cast("int32_t *", start),
    views = setmetatable({}, { __mode = "k" }), bytes = bytes,
  }, SharedBuffer)
  local _, _, inode = memory:handle()
  known[inode] = buffer
  return buffer
end

-- Handles whose receivers have not taken them yet must stay good: their buffers are kept here until then. Looked
-- through at every collection while there are any.
local kept = {}

local function sweep()
  for buffer in pairs(kept) do
    if not buffer.memory or count_in_flight.load(buffer.in_flight) <= 0 then kept[buffer] = nil end
  end
end

local function sweep_at_collections()
  local mark = newproxy(true)
  getmetatable(mark).__gc = function()
    sweep()
    if next(kept) then sweep_at_collections() end
  end
end

local function keep(buffer)
  if next(kept) == nil then sweep_at_collections() end
  kept[buffer] = true
  count_in_flight.add(buffer.in_flight, 1)
end

--- A typed window on the buffer: `view[i]` with i from 0, as in C, `#view`, `view.data`, the raw pointer. An index
--- outside raises ValueError. The view keeps the buffer, `view.data` alone does not. Views travel to workers as buffers
--- do. For int32_t, uint32_t, int64_t, uint64_t and double there are `view:add(i, amount)`, `view:load(i)`,
--- `view:store(i, value)` and `view:compare_exchange(i, expected, value)`, which are atomic.
--- Errors: ValueError if the window does not lie inside the buffer or is not aligned, or the buffer is closed; an
--- error of the FFI for an unknown type.
--- Source: JavaScript's typed arrays.
---@param element? string a C type; "uint8_t" if nil
---@param first_byte? integer where it begins; 0 if nil
---@param length? integer how many elements; as many as there are if nil
---@return lacuna.SharedBuffer.View
function SharedBuffer:view(element, first_byte, length)
  check_open(self)
  element, first_byte = element or "uint8_t", first_byte or 0
  local size = ffi.sizeof(element)
  length = length or math.floor((self.bytes - first_byte) / size)
  local is_aligned = first_byte % ffi.alignof(element) == 0
  if first_byte < 0 or length < 0 or first_byte + length * size > self.bytes or not is_aligned then
    error(errors.ValueError(("SharedBuffer: no %d elements of type %s from byte %d on in %d bytes"):format(
      length, element, first_byte, self.bytes)), 2)
  end
  local class = classes[element]
  if not class then
    class = view_class(element)
    classes[element] = class
  end
  local view = class(ffi.cast(element .. " *", self.start + first_byte), length)
  buffer_of[view], element_of[view], self.views[view] = self, element, true
  return view
end

--- The address of the first byte, a `uint8_t *`, which does not keep the buffer alive.
---@return ffi.cdata*
function SharedBuffer:pointer()
  check_open(self)
  return self.start
end

--- Lets go of the memory before the collector does; other workers keep theirs. Its views are empty from then on.
function SharedBuffer:close()
  if not self.memory then return end
  for view in pairs(self.views) do view.length = 0 end
  local _, _, inode = self.memory:handle()
  known[inode] = nil
  self.memory:close()
  self.memory = nil
end

function SharedBuffer:__tostring()
  return ("<SharedBuffer of %d bytes>"):format(self.bytes)
end

local function raise(code, message)
  local err = errors.OSError(("SharedBuffer: %s: %s"):format(code, message))
  err.code = code
  error(err, 0)
end

--- Memory of so many bytes, all zero, that workers see when it travels to them.
--- It is freed when the last worker has let go of it.
--- Errors: TypeError and ValueError for what is no number of bytes, OSError (`.code`) if the system refuses.
--- Source: JavaScript's SharedArrayBuffer.
---@param bytes integer
---@return lacuna.SharedBuffer
function shared_buffer.SharedBuffer(bytes)
  if type(bytes) ~= "number" then
    error(errors.TypeError("SharedBuffer: a number of bytes was expected, got " .. tostring(bytes)), 2)
  end
  if not (bytes >= 1 and bytes <= 2 ^ 46 and bytes % 1 == 0) then
    error(errors.ValueError(("SharedBuffer: not a number of bytes: %.14g"):format(bytes)), 2)
  end
  local memory, code, message = native.create(bytes + HEADER_BYTES)
  if not memory then -- the collector does not know how much the buffers hold that nobody needs any more
    collectgarbage()
    memory, code, message = native.create(bytes + HEADER_BYTES)
  end
  if not memory then raise(code, message) end
  return new_buffer(memory, bytes)
end

-- ---- for the codec ----

--- The buffer behind a buffer or a view; nil for any other value.
---@param value any
---@return lacuna.SharedBuffer?
function shared_buffer.buffer_behind(value)
  if type(value) == "cdata" then return buffer_of[value] end
  if getmetatable(value) == SharedBuffer then return value end
  return nil
end

--- What travels of a buffer or a view. With `is_kept` the buffer is kept until the message has been received; without,
--- whoever sends the message has to.
---@param value lacuna.SharedBuffer | lacuna.SharedBuffer.View
---@param is_kept boolean
---@return table handle
function shared_buffer.pack(value, is_kept)
  local buffer = shared_buffer.buffer_behind(value)
  check_open(buffer)
  if is_kept then keep(buffer) end
  local handle = { is_kept = is_kept, buffer.memory:handle() }
  if value ~= buffer then
    handle.element, handle.length = element_of[value], value.length
    handle.first_byte = ffi.cast("uint8_t *", value.data) - buffer.start
  end
  return handle
end

--- The buffer or view of a handle.
--- Errors: OSError if its sender has let go of it.
---@param handle table
---@return lacuna.SharedBuffer | lacuna.SharedBuffer.View
function shared_buffer.unpack(handle)
  local pid, descriptor, inode, size = unpack(handle)
  local buffer = known[inode]
  if not buffer then
    local memory, code, message = native.open(pid, descriptor, inode, size)
    if not memory then raise(code, message .. ", its sender has let go of the buffer") end
    buffer = new_buffer(memory, size - HEADER_BYTES)
  end
  if handle.is_kept then count_in_flight.add(buffer.in_flight, -1) end
  if not handle.element then return buffer end
  return buffer:view(handle.element, handle.first_byte, handle.length)
end

return shared_buffer
