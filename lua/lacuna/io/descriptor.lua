-- descriptor: reading and writing a descriptor that the process was started with.
-- Such a descriptor is shared with other processes, and O_NONBLOCK would be set for all of them, and for the print that
-- goes to the same terminal or socket. So a pipe is opened anew, a terminal by libuv in the same way, a socket is asked
-- each time not to wait, and a file is read on libuv's threads. Nothing is read that nobody waits for. What would not
-- wait anyway, or cannot be opened anew, is written as print does.

local bit = require "bit"
local errors = require "lacuna.kernel.errors"
local ffi = require "ffi"
local uv = require "luv"

local CHUNK_BYTES = 65536

local descriptor = {}

---@class lacuna.io.Source
---@field start fun() begins to read, unless it has begun
---@field stop fun() stops; what was read already still arrives

local function os_error(action, name, code)
  local err = errors.OSError(("cannot %s %s: %s"):format(action, name, code))
  err.code = code:match("^%u+")
  return err
end

-- A libuv stream that owns its descriptor.
local function stream_source(stream, on_bytes)
  return {
    start = function() stream:read_start(on_bytes) end,
    stop = function() stream:read_stop() end,
  }
end

-- A file, which is always ready: one request at a time, on libuv's threads, from where the file stands.
local function file_source(fd, on_bytes)
  local is_wanted, is_reading = false, false
  local function read()
    is_reading = true
    uv.fs_read(fd, CHUNK_BYTES, -1, function(err, bytes)
      is_reading = false
      on_bytes(err, bytes ~= "" and bytes or nil)
      if is_wanted and not err and bytes ~= "" and not is_reading then read() end
    end)
  end
  return {
    start = function()
      is_wanted = true
      if not is_reading then read() end
    end,
    stop = function() is_wanted = false end,
  }
end

local function open_library()
  if pcall(function() return ffi.C.lacuna_recv end) then return ffi.C end -- declared by another state of the process
  ffi.cdef [[
    int lacuna_fcntl(int fd, int command, ...) asm("fcntl");
    intptr_t lacuna_recv(int fd, void *buffer, size_t size, int flags) asm("recv");
    int lacuna_close(int fd) asm("close");
    int lacuna_fileno(void *file) asm("fileno");
  ]]
  return ffi.C
end

local F_GETFL, F_SETFL, F_DUPFD_CLOEXEC, MSG_DONTWAIT = 3, 4, 1030, 0x40

-- A socket. uv_poll makes its descriptor not wait, which is taken back at once.
local function socket_source(fd, on_bytes)
  local C = open_library()
  local own = C.lacuna_fcntl(fd, F_DUPFD_CLOEXEC, ffi.cast("int", 3))
  local flags = C.lacuna_fcntl(fd, F_GETFL)
  local poll = uv.new_poll(own)
  C.lacuna_fcntl(fd, F_SETFL, ffi.cast("int", flags))
  local buffer = ffi.new("char[?]", CHUNK_BYTES)
  local sentinel = newproxy(true) -- the handle does not own the descriptor
  getmetatable(sentinel).__gc = function() C.lacuna_close(own) end
  local function read(err)
    if err then return on_bytes(err) end
    local count = tonumber(C.lacuna_recv(own, buffer, CHUNK_BYTES, MSG_DONTWAIT))
    if count > 0 then return on_bytes(nil, ffi.string(buffer, count)) end
    if count == 0 then return on_bytes(nil, nil) end
    local problem = uv.translate_sys_error(ffi.errno()) -- "EIO: i/o error"
    if not problem:find("^EAGAIN") and not problem:find("^EINTR") then on_bytes(problem) end
  end
  return {
    start = function() poll:start("r", read) end,
    stop = function() poll:stop() end,
    sentinel = sentinel,
  }
end

local O_RDONLY, O_WRONLY, O_NONBLOCK, O_CLOEXEC = 0, 1, 0x800, 0x80000

-- A pipe, opened anew; nil for what calls itself a pipe and is a socket.
local function open_pipe(fd, mode)
  local own = uv.fs_open("/proc/self/fd/" .. fd, bit.bor(mode, O_NONBLOCK, O_CLOEXEC), 0)
  if not own then return nil end
  local pipe = uv.new_pipe(false)
  pipe:open(own)
  return pipe
end

--- Opens a descriptor for reading. on_bytes(err, bytes) is called with what comes: an OSError, bytes, or nothing at the
--- end. Does not suspend.
---@param fd integer
---@param name string what it is called in errors
---@param on_bytes fun(err: lacuna.BaseError?, bytes: string?)
---@return lacuna.io.Source
function descriptor.source(fd, name, on_bytes)
  local function deliver(err, bytes)
    if err then on_bytes(os_error("read", name, err)) else on_bytes(nil, bytes) end
  end
  local kind = uv.guess_handle(fd)
  if kind == "tty" then return stream_source(uv.new_tty(fd, true), deliver) end
  local pipe = kind == "pipe" and open_pipe(fd, O_RDONLY)
  if pipe then return stream_source(pipe, deliver) end
  if kind == "pipe" or kind == "tcp" or kind == "udp" then return socket_source(fd, deliver) end
  return file_source(fd, deliver)
end

--- Opens what a file of the io library writes to. write(text, complete) calls complete(err) when all is written.
--- Does not suspend.
---@param file file* such as io.stdout
---@param name string what it is called in errors
---@return fun(text: string, complete: fun(err: lacuna.BaseError?)) write
function descriptor.sink(file, name)
  local fd = open_library().lacuna_fileno(file) -- -1: the program that embeds lacuna takes what is written
  local kind = fd >= 0 and uv.guess_handle(fd)
  local stream = kind == "tty" and uv.new_tty(fd, false) or kind == "pipe" and open_pipe(fd, O_WRONLY)
  return function(text, complete)
    local ok, problem = file:flush() -- what was printed comes first
    if ok and not stream then
      ok, problem = file:write(text)
      if ok then ok, problem = file:flush() end
    end
    if not ok then return complete(os_error("write to", name, problem)) end
    if not stream then return complete() end
    stream:write(text, function(err) complete(err and os_error("write to", name, err)) end)
  end
end

return descriptor
