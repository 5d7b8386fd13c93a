-- screen: how a prompt and the text behind it look on a terminal, as the bytes that draw them and take them away again.
-- What stands on one line of the text may take several rows. Combining characters stay with what they combine with, and
-- a character of two columns is never cut in half. It draws nothing itself.

local width_of = require("lacuna.native.lineedit").width

local TAB = 8

local screen = {}

local function code_point(char)
  local first = char:byte()
  if first < 0x80 then return first end
  local value = first < 0xE0 and first % 0x20 or first < 0xF0 and first % 0x10 or first % 0x08
  for i = 2, #char do value = value * 0x40 + char:byte(i) % 0x40 end
  return value
end

local CHARACTER = "[%z\1-\127\194-\244][\128-\191]*"

-- What is shown of a character, and the columns that it takes.
local function shape(char, column)
  local byte = char:byte()
  if char == "\t" then
    local blanks = TAB - column % TAB
    return (" "):rep(blanks), blanks
  elseif byte < 32 then
    return "^" .. string.char(byte + 64), 2
  elseif byte == 127 then
    return "^?", 2
  elseif byte < 127 then
    return char, 1
  end
  local width = width_of(code_point(char))
  if width then return char, width end
  return "\239\191\189", 1 -- U+FFFD for what no terminal shows
end

--- The columns that a text takes, without the escape sequences in it.
---@param text string
---@return integer
function screen.width(text)
  local columns = 0
  for char in text:gsub("\27%[[%d;]*m", ""):gmatch(CHARACTER) do
    columns = columns + select(2, shape(char, columns))
  end
  return columns
end

-- Appends characters to the last row, and begins new ones where a row is full.
local function add_text(rows, text, cursor, columns)
  local row = rows[#rows]
  local at = 1
  for char in text:gmatch(CHARACTER) do
    local shown, width = shape(char, row.width)
    if row.width + width > columns then
      row = { text = "", width = 0, is_continued = true }
      rows[#rows + 1] = row
    end
    if at - 1 == cursor then rows.cursor_row, rows.cursor_column = #rows, row.width end
    row.text = row.text .. shown
    row.width = row.width + width
    at = at + #char
  end
end

-- The rows that a view takes; cursor_row and cursor_column are the cursor's.
local function lay_out(view, columns)
  local rows = {}
  local cursor = view.cursor
  for line in (view.text .. "\n"):gmatch("([^\n]*)\n") do
    local prompt = #rows == 0 and view.prompt or view.continuation
    rows[#rows + 1] = { text = prompt, width = screen.width(prompt) }
    add_text(rows, line, cursor, columns)
    if cursor == #line then
      if rows[#rows].width == columns then rows[#rows + 1] = { text = "", width = 0, is_continued = true } end
      rows.cursor_row, rows.cursor_column = #rows, rows[#rows].width
    end
    cursor = cursor - #line - 1
  end
  return rows
end

-- The first and last row that are shown where the screen is too low for all: the cursor's is among them.
local function visible(rows, height)
  if #rows <= height then return 1, #rows end
  local first = math.max(1, math.min(rows.cursor_row, #rows - height + 1))
  return first, math.min(#rows, first + height - 1)
end

local function move(count, letter)
  return count > 0 and ("\27[%d%s"):format(count, letter) or ""
end

---@class lacuna.cli.View
---@field prompt string may hold colours
---@field continuation string the prompt of the following lines
---@field text string
---@field cursor integer bytes left of it

--- The bytes that draw a view where the cursor stands, at the beginning of a row, and put the cursor into it.
---@param view lacuna.cli.View
---@param columns integer of the terminal
---@param height integer its rows
---@return string bytes
---@return string erasure the bytes that take it away, and bring the cursor back
function screen.draw(view, columns, height)
  local rows = lay_out(view, columns)
  local first, last = visible(rows, height)
  local parts = {}
  for index = first, last do
    local row = rows[index]
    -- A full row wraps by itself, so that copying it from the terminal gives one line.
    if index > first and (not row.is_continued or row.text == "") then parts[#parts + 1] = "\r\n" end
    parts[#parts + 1] = row.text
  end
  parts[#parts + 1] = move(last - rows.cursor_row, "A") .. "\r" .. move(rows.cursor_column, "C")
  return table.concat(parts), move(rows.cursor_row - first, "A") .. "\r\27[J"
end

local function is_combining(char)
  return char:byte() >= 0xCC and width_of(code_point(char)) == 0
end

--- Where the character right of a place ends, with what combines with it.
---@param text string
---@param at integer bytes left of the place
---@return integer
function screen.next_character(text, at)
  local char = text:match("^" .. CHARACTER, at + 1)
  if not char then return math.min(at + 1, #text) end
  at = at + #char
  while true do
    char = text:match("^" .. CHARACTER, at + 1)
    if not char or not is_combining(char) then return at end
    at = at + #char
  end
end

--- Where the character left of a place begins, with what combines with it.
---@param text string
---@param at integer bytes left of the place
---@return integer
function screen.previous_character(text, at)
  while at > 0 do
    at = at - 1
    while at > 0 and text:byte(at + 1) >= 0x80 and text:byte(at + 1) < 0xC0 do at = at - 1 end
    local char = text:match("^" .. CHARACTER, at + 1)
    if not char or not is_combining(char) then return at end
  end
  return 0
end

return screen
