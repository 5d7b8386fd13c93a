-- utf8: characters of UTF-8 text; also the global of that name. What Lua 5.3 has, as Lua 5.3 has it, and `sub`.
-- Positions are bytes, as in the string library; only `sub` counts characters. Overlong forms, surrogates, and codes
-- above U+10FFFF are malformed. As in that library errors are Lua's own texts: scripts for Lua 5.3 find them unchanged.

local byte, char, concat, error, select, type = string.byte, string.char, table.concat, error, select, type

local LARGEST = 0x10FFFF

local utf8 = {
  --- Matches one character, if the text is well-formed. (LuaJIT writes a zero byte in a pattern as %z.)
  charpattern = "[%z\1-\127\194-\244][\128-\191]*",
}

local function is_continuation(code)
  return code ~= nil and code >= 0x80 and code < 0xC0
end

-- The character that starts at a byte, and how many bytes it takes; nil if it is malformed.
local function decode(text, position)
  local first = byte(text, position)
  if first < 0x80 then return first, 1 end
  if first < 0xC2 then return nil end -- a continuation, or an overlong form
  local second = byte(text, position + 1)
  if not is_continuation(second) then return nil end
  if first < 0xE0 then return (first - 0xC0) * 64 + second - 0x80, 2 end
  local third = byte(text, position + 2)
  if not is_continuation(third) then return nil end
  if first < 0xF0 then
    local code = ((first - 0xE0) * 64 + second - 0x80) * 64 + third - 0x80
    if code < 0x800 or code >= 0xD800 and code < 0xE000 then return nil end
    return code, 3
  end
  local fourth = byte(text, position + 3)
  if first > 0xF4 or not is_continuation(fourth) then return nil end
  local code = (((first - 0xF0) * 64 + second - 0x80) * 64 + third - 0x80) * 64 + fourth - 0x80
  if code < 0x10000 or code > LARGEST then return nil end
  return code, 4
end

local function refuse(index, name, problem)
  error(("bad argument #%d to '%s' (%s)"):format(index, name, problem), 3)
end

local function check_text(text, name)
  if type(text) == "string" then return text end
  if type(text) == "number" then return tostring(text) end
  error(("bad argument #1 to '%s' (string expected, got %s)"):format(name, text == nil and "no value" or type(text)), 3)
end

local function check_integer(value, index, name, default)
  if value == nil then value = default end
  local number = tonumber(value)
  if not number then
    error(("bad argument #%d to '%s' (number expected, got %s)"):format(
      index, name, value == nil and "no value" or type(value)), 3)
  end
  if number % 1 ~= 0 then
    error(("bad argument #%d to '%s' (number has no integer representation)"):format(index, name), 3)
  end
  return number
end

-- A position counted from the end if it is negative; 0 if that is before the start.
local function absolute(position, length)
  if position >= 0 then return position end
  return position < -length and 0 or length + position + 1
end

local function encode(code)
  if code < 0x80 then return char(code) end
  local last = char(code % 64 + 0x80)
  code = (code - code % 64) / 64
  if code < 0x20 then return char(code + 0xC0) .. last end
  last = char(code % 64 + 0x80) .. last
  code = (code - code % 64) / 64
  if code < 0x10 then return char(code + 0xE0) .. last end
  return char((code - code % 64) / 64 + 0xF0, code % 64 + 0x80) .. last
end

--- The text of code points. Errors: if one is not in 0 … U+10FFFF.
--- Source: Lua 5.3 utf8.char; Python's chr.
---@param ... integer
---@return string
function utf8.char(...)
  local parts = {}
  for i = 1, select("#", ...) do
    local code = check_integer(select(i, ...), i, "char")
    if code < 0 or code > LARGEST then refuse(i, "char", "value out of range") end
    parts[i] = encode(code)
  end
  return concat(parts)
end

local function next_character(text, position)
  position = position + 1
  if position > 1 then
    while is_continuation(byte(text, position)) do position = position + 1 end
  end
  if position > #text then return nil end
  local code, size = decode(text, position)
  if not code or is_continuation(byte(text, position + size)) then error("invalid UTF-8 code", 2) end
  return position, code
end

--- Iterates over characters: byte position and code point of each. Raises where the text is malformed.
--- Source: Lua 5.3 utf8.codes.
---@param text string
---@return fun(text: string, position: integer): integer?, integer?
---@return string text
---@return integer position
function utf8.codes(text)
  return next_character, check_text(text, "codes"), 0
end

--- The code points of the characters that start between two byte positions. Raises where the text is malformed.
--- Source: Lua 5.3 utf8.codepoint; Python's ord.
---@param text string
---@param i? integer 1 if nil; negative ones count from the end
---@param j? integer i if nil
---@return integer ...
function utf8.codepoint(text, i, j)
  text = check_text(text, "codepoint")
  local position = absolute(check_integer(i, 2, "codepoint", 1), #text)
  local last = absolute(check_integer(j, 3, "codepoint", position), #text)
  if position < 1 then refuse(2, "codepoint", "out of range") end
  if last > #text then refuse(3, "codepoint", "out of range") end
  local codes = {}
  while position <= last do
    local code, size = decode(text, position)
    if not code then error("invalid UTF-8 code", 2) end
    codes[#codes + 1] = code
    position = position + size
  end
  return unpack(codes)
end

--- Counts the characters that start between two byte positions.
--- Source: Lua 5.3 utf8.len; Python's len.
---@param text string
---@param i? integer 1 if nil; negative ones count from the end
---@param j? integer -1 if nil
---@return integer? count nil if the text is malformed
---@return integer? position of the first malformed byte
function utf8.len(text, i, j)
  text = check_text(text, "len")
  local position = absolute(check_integer(i, 2, "len", 1), #text)
  local last = absolute(check_integer(j, 3, "len", -1), #text)
  if position < 1 or position > #text + 1 then refuse(2, "len", "initial position out of string") end
  if last > #text then refuse(3, "len", "final position out of string") end
  local count = 0
  while position <= last do
    local code, size = decode(text, position)
    if not code then return nil, position end
    count = count + 1
    position = position + size
  end
  return count
end

--- The byte position where the n-th character counted from a position starts; for 0 the one that position is in.
--- Does not look whether the text is well-formed.
--- Source: Lua 5.3 utf8.offset.
---@param text string
---@param n integer negative ones count backwards
---@param i? integer byte position; the start for n >= 0, else just past the end
---@return integer? position nil if the text ends before
function utf8.offset(text, n, i)
  text = check_text(text, "offset")
  n = check_integer(n, 2, "offset")
  local position = absolute(check_integer(i, 3, "offset", n >= 0 and 1 or #text + 1), #text)
  if position < 1 or position > #text + 1 then refuse(3, "offset", "position out of range") end
  if n == 0 then
    while position > 1 and is_continuation(byte(text, position)) do position = position - 1 end
    return position
  end
  if is_continuation(byte(text, position)) then error("initial position is a continuation byte", 2) end
  while n < 0 and position > 1 do
    repeat position = position - 1 until position <= 1 or not is_continuation(byte(text, position))
    n = n + 1
  end
  while n > 1 and position <= #text do
    repeat position = position + 1 until not is_continuation(byte(text, position))
    n = n - 1
  end
  if n == 0 or n == 1 then return position end
  return nil
end

-- The byte position `count` characters after another; just past the end if the text ends before.
local function skip(text, position, count)
  while count > 0 and position <= #text do
    local code, size = decode(text, position)
    if not code then error("invalid UTF-8 code", 3) end
    position = position + size
    count = count - 1
  end
  return position
end

--- The part of a text from its i-th to its j-th character, as string.sub has it for bytes. Raises where it meets a
--- malformed character while it counts.
--- Source: Python's text[i-1:j].
---@param text string
---@param i? integer 1 if nil; negative ones count from the end
---@param j? integer -1 if nil
---@return string
function utf8.sub(text, i, j)
  text = check_text(text, "sub")
  i, j = check_integer(i, 2, "sub", 1), check_integer(j, 3, "sub", -1)
  if i < 0 or j < -1 then
    local length = utf8.len(text)
    if not length then error("invalid UTF-8 code", 2) end
    i, j = absolute(i, length), absolute(j, length)
  end
  if i < 1 then i = 1 end
  local first = skip(text, 1, i - 1)
  if j == -1 then return text:sub(first) end
  return text:sub(first, skip(text, first, j - i + 1) - 1)
end

return utf8
