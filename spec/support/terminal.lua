-- terminal: a pseudo-terminal with a program in it, for specs that type and look.
-- It keeps the screen that a person would see, so a spec says what stands there and not by which bytes it came. It
-- understands what line editors send: moving, erasing, wrapping at the right edge, wide and combining characters.
-- Waiting is for something to appear, with one deadline that only a failure meets.

local async = require "lacuna"
local bit = require "bit"
local ffi = require "ffi"
local luv = require "luv"

local DEADLINE_SECONDS = 30

ffi.cdef [[
int posix_openpt(int flags);
int grantpt(int descriptor);
int unlockpt(int descriptor);
int ptsname_r(int descriptor, char *name, size_t size);
struct spec_winsize { unsigned short rows, columns, x, y; };
int ioctl(int descriptor, unsigned long request, ...);
]]

local O_RDWR, O_NOCTTY, O_CLOEXEC, TIOCSWINSZ = 2, 256, 0x80000, 0x5414

---@class spec.Terminal
local Terminal = {}
Terminal.__index = Terminal

local terminal = {}

-- ---- the screen ----

local function code_point(char)
  local first = char:byte()
  if first < 0x80 then return first end
  local value = first < 0xE0 and first % 0x20 or first < 0xF0 and first % 0x10 or first % 0x08
  for i = 2, #char do value = value * 0x40 + char:byte(i) % 0x40 end
  return value
end

-- The columns that a terminal gives a character: those that the specs type, by the Unicode tables.
local function width_of(char)
  local c = code_point(char)
  if c >= 0x300 and c <= 0x36F or c >= 0x1160 and c <= 0x11FF then return 0 end
  local is_wide = c >= 0x1100 and c <= 0x115F or c >= 0x2E80 and c <= 0xA4CF or c >= 0xAC00 and c <= 0xD7A3
    or c >= 0xFF00 and c <= 0xFF60 or c >= 0x1F300 and c <= 0x1FAFF
  return is_wide and 2 or 1
end

local function row_of(self, number)
  self.screen[number] = self.screen[number] or {}
  return self.screen[number]
end

local function new_line(self)
  self.row = self.row + 1
  if self.row <= self.height then return end
  table.remove(self.screen, 1)
  self.screen[self.height] = {}
  self.row = self.height
end

local function put(self, char)
  local width = width_of(char)
  local row = row_of(self, self.row)
  if width == 0 then -- with the cell to the left; of a wide character that is the second one
    local column = row[self.column - 1] == "" and self.column - 2 or self.column - 1
    row[column] = (row[column] or " ") .. char
    return
  end
  if self.column + width - 1 > self.width then
    self.column = 1
    new_line(self)
    row = row_of(self, self.row)
  end
  row[self.column] = char
  if width == 2 then row[self.column + 1] = "" end
  self.column = self.column + width
end

local function erase(row, first, last)
  for column = first, last do row[column] = nil end
end

local control = {}
function control.A(self, count) self.row = math.max(1, self.row - count) end
function control.B(self, count) self.row = math.min(self.height, self.row + count) end
function control.C(self, count) self.column = math.min(self.width, self.column + count) end
function control.D(self, count) self.column = math.max(1, self.column - count) end
function control.H(self) self.row, self.column = 1, 1 end
function control.K(self) erase(row_of(self, self.row), self.column, self.width) end
function control.J(self, _, argument)
  if argument ~= "2" then erase(row_of(self, self.row), self.column, self.width) end
  for number = argument == "2" and 1 or self.row + 1, self.height do self.screen[number] = {} end
end
function control.m() end
function control.h() end
control.l = control.h

-- Takes one thing from the start of what came: a control sequence, a character. False while it is incomplete.
local function take(self, bytes)
  local argument, letter, last = bytes:match("^\27%[([%d;?]*)([%a])()")
  if letter then
    assert(control[letter], "the screen does not know ESC [ " .. argument .. letter)
    if letter ~= "m" and letter ~= "K" then self.column = math.min(self.column, self.width) end
    control[letter](self, tonumber(argument) or 1, argument)
    return bytes:sub(last)
  end
  local byte = bytes:byte()
  if byte == 27 then
    assert(#bytes < 20, "the screen does not understand " .. ("%q"):format(bytes))
    return nil
  elseif byte == 13 then
    self.column = 1
  elseif byte == 10 then
    new_line(self)
  elseif byte == 9 then
    self.column = math.min(self.width, self.column + 8 - (self.column - 1) % 8)
  elseif byte == 8 then
    self.column = math.max(1, self.column - 1)
  elseif byte >= 32 then
    local char = bytes:match("^[%z\1-\127\194-\244][\128-\191]*")
    local size = byte < 0x80 and 1 or byte < 0xE0 and 2 or byte < 0xF0 and 3 or 4
    if not char or #char < size then return nil end
    put(self, char)
    return bytes:sub(#char + 1)
  end
  return bytes:sub(2)
end

local function feed(self, bytes)
  self.pending = self.pending .. bytes
  while self.pending ~= "" do
    local rest = take(self, self.pending)
    if not rest then return end
    self.pending = rest
  end
end

--- What stands on the screen: its rows without blanks at their end, up to the last that is not empty.
---@return string[]
function Terminal:lines()
  local lines, last = {}, 0
  for number = 1, self.height do
    local cells = {}
    for column = 1, self.width do cells[column] = self.screen[number] and self.screen[number][column] or " " end
    lines[number] = table.concat(cells):gsub("%s+$", "")
    if lines[number] ~= "" then last = number end
  end
  return {unpack(lines, 1, last)}
end

-- ---- the program ----

local function set_size(descriptor, columns, rows)
  ffi.C.ioctl(descriptor, TIOCSWINSZ, ffi.new("struct spec_winsize", rows, columns))
end

---Starts a shell command in a terminal of its own, whose session it leads.
---@param options {command: string, columns?: integer, rows?: integer, environment?: table<string, string>}
---@return spec.Terminal
function terminal.open(options)
  local self = setmetatable({
    width = options.columns or 80, height = options.rows or 24, screen = {}, row = 1, column = 1, pending = "",
    transcript = {}, changed = async.Event(), ended = async.Future(),
  }, Terminal)
  local name = ffi.new("char[64]")
  self.descriptor = ffi.C.posix_openpt(bit.bor(O_RDWR, O_NOCTTY, O_CLOEXEC))
  assert(self.descriptor >= 0 and ffi.C.grantpt(self.descriptor) == 0 and ffi.C.unlockpt(self.descriptor) == 0)
  ffi.C.ptsname_r(self.descriptor, name, 64)
  set_size(self.descriptor, self.width, self.height)
  local child_side = assert(luv.fs_open(ffi.string(name), bit.bor(O_RDWR, O_NOCTTY), 0))
  local environment = {}
  for key, value in pairs(luv.os_environ()) do environment[key] = value end
  environment.TERM, environment.PS1, environment.LACUNA_STARTUP = "xterm", "$ ", ""
  for key, value in pairs(options.environment or {}) do environment[key] = value or nil end
  local list = {}
  for key, value in pairs(environment) do list[#list + 1] = key .. "=" .. value end
  local process, problem = luv.spawn("setsid", {
    args = {"--ctty", "sh", "-c", options.command}, env = list, stdio = {child_side, child_side, child_side},
  }, function(status, signal)
    self.ended:set_result(signal ~= 0 and 128 + signal or status)
    self.changed:set()
  end)
  luv.fs_close(child_side)
  self.process = assert(process, problem)
  self.poll = luv.new_poll(self.descriptor)
  self.poll:start("r", function()
    local bytes = luv.fs_read(self.descriptor, 65536)
    if bytes and bytes ~= "" then
      self.transcript[#self.transcript + 1] = bytes
      feed(self, bytes)
    else
      self.poll:stop() -- nobody holds the other side any more
    end
    self.changed:set()
  end)
  return self
end

---Types bytes.
---@param bytes string
function Terminal:type(bytes)
  while bytes ~= "" do
    local count = luv.fs_write(self.descriptor, bytes)
    if count then bytes = bytes:sub(count + 1) else async.await(async.sleep(0)) end
  end
end

---Waits until is_there() holds; the screen is what the error shows if it never does.
---@param is_there fun(): boolean
---@param what string
function Terminal:wait_until(is_there, what)
  local ok = pcall(async.with, async.timeout(DEADLINE_SECONDS), function()
    while not is_there() do
      self.changed:clear()
      async.await(self.changed:wait())
    end
  end)
  if not ok then
    error(("%s, but the screen shows\n%s\n(cursor: row %d, column %d)"):format(
      what, table.concat(self:lines(), "\n"), self.row, self.column), 3)
  end
end

---Waits until the last lines of the screen are these.
---@param ... string
function Terminal:expect(...)
  local expected = {...}
  self:wait_until(function()
    local lines = self:lines()
    for i = 0, #expected - 1 do
      if lines[#lines - i] ~= expected[#expected - i] then return false end
    end
    return true
  end, "expected\n" .. table.concat(expected, "\n"))
end

---Waits until the cursor is so many columns from the left edge.
---@param columns integer
function Terminal:expect_cursor(columns)
  self:wait_until(function() return self.column - 1 == columns end, "expected the cursor after column " .. columns)
end

---Waits until a text has been printed, wherever it is by now.
---@param text string
function Terminal:expect_printed(text)
  self:wait_until(function()
    return table.concat(self.transcript):find(text, 1, true) ~= nil
  end, ("expected %q"):format(text))
end

---Gives the terminal another size.
---@param columns integer
---@param rows integer
function Terminal:resize(columns, rows)
  self.width, self.height = columns, rows
  set_size(self.descriptor, columns, rows)
end

---Hangs up, as closing the window does.
function Terminal:hang_up()
  self.poll:close()
  luv.fs_close(self.descriptor)
  self.descriptor = nil
end

---Waits for the program to end.
---@return integer status 128 + N for signal N
function Terminal:wait()
  self:wait_until(function()
    return self.ended:done()
  end, "expected the program to end")
  return self.ended:result()
end

---Ends what still runs and closes the terminal.
function Terminal:close()
  if not self.ended:done() then self.process:kill("sigkill") end
  async.await(self.ended)
  if self.descriptor then self:hang_up() end
  self.process:close()
end

return terminal
