-- frames: messages on a stream of bytes. Each is eight bytes of header, its size and its number, and then its bytes.

local buffer = require "string.buffer"
local ffi = require "ffi"

local frames = {}

local HEADER_BYTES = 8
local header = ffi.new("uint32_t[2]")

--- Adds a message to a list of what is to be written, no string of which is empty: libuv would wait for room for it.
---@param parts string[]
---@param number integer
---@param bytes string
---@return string[] parts
function frames.add(parts, number, bytes)
  header[0], header[1] = #bytes, number
  local length = #parts
  parts[length + 1] = ffi.string(header, HEADER_BYTES)
  if bytes ~= "" then parts[length + 2] = bytes end
  return parts
end

--- Writes a list of messages to a pipe. What fits goes out at once, without a turn of the loop.
---@param pipe userdata of luv, that no write is under way on
---@param parts string[]
---@param on_written? fun() called when the rest has gone out
---@return boolean is_written nothing is left, and on_written is not called
function frames.write(pipe, parts, on_written)
  if pipe:get_write_queue_size() > 0 then
    pipe:write(parts, on_written)
    return false
  end
  local written = pipe:try_write(parts) or 0
  local index, count = 1, #parts
  while index <= count and written >= #parts[index] do
    written, index = written - #parts[index], index + 1
  end
  if index > count then return true end
  local rest = { parts[index]:sub(written + 1), unpack(parts, index + 1) }
  pipe:write(rest, on_written)
  return false
end

--- A reader of one stream.
---@return fun(chunk: string?): integer?, string? next call it with each chunk read, then without until it gives nil
function frames.reader()
  local input = buffer.new()
  local size, number -- of the message whose header has been read
  return function(chunk)
    if chunk then input:put(chunk) end
    if not size then
      if #input < HEADER_BYTES then return nil end
      ffi.copy(header, input:get(HEADER_BYTES), HEADER_BYTES)
      size, number = header[0], header[1]
    end
    if #input < size then return nil end
    local bytes = input:get(size)
    size = nil
    return number, bytes
  end
end

return frames
