-- strings: how inspect writes a string, and how many columns a text takes on a terminal.
-- What is well-formed UTF-8 stays as it is; every other byte becomes an escape that Lua reads back. The widths are
-- those of the blocks that people write in, not Unicode's whole table.

local utf8 = require "lacuna.utf8"

local strings = {}

local named = {
  ["\a"] = "\\a", ["\b"] = "\\b", ["\f"] = "\\f", ["\n"] = "\\n", ["\r"] = "\\r", ["\t"] = "\\t", ["\v"] = "\\v",
  ['"'] = '\\"', ["\\"] = "\\\\",
}

local function escape(character, digit)
  local format = digit == "" and "\\%d" or "\\%03d" -- "\1" before a "2" is no "\12"
  return (named[character] or format:format(character:byte())) .. digit
end

local function escape_malformed(bytes)
  local parts, first = {}, 1
  while first <= #bytes do
    local _, malformed = utf8.len(bytes, first)
    local last = (malformed or #bytes + 1) - 1
    parts[#parts + 1] = bytes:sub(first, last):gsub("\194([\128-\159])", function(control)
      return ("\\194\\%d"):format(control:byte())
    end)
    if malformed then parts[#parts + 1] = ("\\%d"):format(bytes:byte(malformed)) end
    first = last + 2
  end
  return table.concat(parts)
end

--- A string as Lua source: quoted, control characters and what is no UTF-8 escaped.
---@param text string
---@return string
function strings.quote(text)
  text = text:gsub('([%c"\\])(%d?)', escape):gsub("[\128-\255]+", escape_malformed)
  return '"' .. text .. '"'
end

-- First and last of the blocks whose characters take two columns: Hangul, kana, ideographs, full-width forms, emoji.
local wide = {
  0x1100, 0x115F, 0x2E80, 0x303E, 0x3041, 0xA4CF, 0xA960, 0xA97F, 0xAC00, 0xD7A3, 0xF900, 0xFAFF, 0xFE30, 0xFE6F,
  0xFF00, 0xFF60, 0xFFE0, 0xFFE6, 0x1F300, 0x1F64F, 0x1F900, 0x1F9FF, 0x20000, 0x3FFFD,
}

-- The blocks whose characters stand on the one before: accents, Hangul vowels and finals, joiners, variants.
local combining = { 0x0300, 0x036F, 0x1160, 0x11FF, 0x200B, 0x200F, 0x20D0, 0x20FF, 0xFE00, 0xFE0F }

local function is_in(blocks, code)
  for i = 1, #blocks, 2 do
    if code >= blocks[i] and code <= blocks[i + 1] then return true end
  end
  return false
end

--- The columns that a line of text takes on a terminal.
---@param text string
---@return integer
function strings.width(text)
  if not text:find("[\128-\255]") then return #text end
  local columns = 0
  for character in text:gmatch("[^\128-\191][\128-\191]*") do
    if #character == 1 or not utf8.len(character) then
      columns = columns + 1
    else
      local code = utf8.codepoint(character)
      columns = columns + (is_in(combining, code) and 0 or is_in(wide, code) and 2 or 1)
    end
  end
  return columns
end

return strings
