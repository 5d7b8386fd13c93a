-- terminal: reads inputs from a terminal, edited by libedit and drawn here.
-- libedit calls `keys` for those that mean something to a prompt, and edits all else itself. Whenever the loop is about
-- to wait, the screen is made what it ought to be: output of background tasks, which has taken the prompt away
-- (host/mod/lineedit.c), stands above it then.

local await = require("lacuna.kernel.trap").await
local complete = require "lacuna.cli.repl.complete"
local future = require "lacuna.kernel.future"
local loop_module = require "lacuna.kernel.loop"
local luv = require "luv"
local native = require "lacuna.native.lineedit"
local screen = require "lacuna.cli.repl.screen"
local syntax = require "lacuna.cli.repl.syntax"

local PASTE_ON, PASTE_OFF, PASTE_END = "\27[?2004h", "\27[?2004l", "\27[201~"
local INDENT = "  " -- what Tab puts before the first word of a line
local CTRL_D, CTRL_G, CTRL_R = "\4", "\7", "\18"

---@class lacuna.cli.TerminalReader
---@field input userdata of host/mod/lineedit.c
---@field history lacuna.cli.History
---@field place integer? which entry of the history is shown; nil for none
---@field draft string? what was typed before the history was asked
---@field search {pattern: string, index: integer?, from: integer}? while Ctrl-R searches
---@field is_suspended boolean? the terminal has been given back, by Ctrl-Z
---@field paste string[]? the keys of a paste that has not ended
local Terminal = {}
Terminal.__index = Terminal

-- ---- the screen ----

-- The entry that a search has found, and the bytes left of what was searched for.
local function found(reader)
  local entry = reader.search.index and reader.history.entries[reader.search.index]
  if entry then return entry, entry:find(reader.search.pattern, 1, true) - 1 end
end

local function view_of(reader)
  local prompt, continuation = reader.prompts()
  local text, cursor = reader.input:line()
  if reader.search then
    local entry, at = found(reader)
    prompt = ("(%s '%s') "):format(entry and "search" or "not found", reader.search.pattern)
    if entry then text, cursor = entry, at end
  end
  return { prompt = prompt, continuation = continuation, text = text, cursor = cursor }
end

local function draw(reader, view)
  local columns, height = native.size()
  local bytes, erasure = screen.draw(view, columns, height)
  local is_drawn, is_line_open = reader.input:drawn()
  if is_drawn and bytes == reader.bytes then return end
  local before = is_drawn and reader.erasure or is_line_open and "\r\n" or ""
  reader.bytes, reader.erasure = bytes, erasure
  reader.input:draw(before .. bytes, erasure)
end

-- Leaves the text on the screen, with the cursor below it.
local function leave_line(reader, mark)
  local view = view_of(reader)
  view.text = view.text .. (mark or "")
  view.cursor = #view.text
  draw(reader, view)
  reader.input:draw("\r\n" .. PASTE_OFF)
end

-- ---- keys ----

local keys = {}

local function insert(reader, addition)
  local text, cursor = reader.input:line()
  reader.input:replace(text:sub(1, cursor) .. addition .. text:sub(cursor + 1), cursor + #addition)
end

function keys.enter(reader)
  local text = reader.input:line()
  if not text:find("^%s*:%a") and syntax.is_incomplete(text) then
    insert(reader, "\n")
  else
    reader.input:accept()
  end
end

function keys.left(reader)
  local text, cursor = reader.input:line()
  reader.input:replace(text, screen.previous_character(text, cursor))
end

function keys.right(reader)
  local text, cursor = reader.input:line()
  reader.input:replace(text, screen.next_character(text, cursor))
end

function keys.backspace(reader)
  local text, cursor = reader.input:line()
  local first = screen.previous_character(text, cursor)
  reader.input:replace(text:sub(1, first) .. text:sub(cursor + 1), first)
end

function keys.delete(reader)
  local text, cursor = reader.input:line()
  if text == "" and reader.input:key() == CTRL_D then return reader.input:finish() end
  reader.input:replace(text:sub(1, cursor) .. text:sub(screen.next_character(text, cursor) + 1), cursor)
end

-- The bytes left of the line of the text that the cursor is in, and left of its end.
local function line_around(text, cursor)
  local first = #text:sub(1, cursor):gsub("[^\n]*$", "")
  return first, (text:find("\n", cursor + 1, true) or #text + 1) - 1
end

function keys.home(reader)
  local text, cursor = reader.input:line()
  reader.input:replace(text, (line_around(text, cursor)))
end

function keys.last(reader)
  local text, cursor = reader.input:line()
  reader.input:replace(text, select(2, line_around(text, cursor)))
end

-- Moves the cursor to a line of the text that begins at `first`, as far right as it is.
local function move_to_line(reader, text, cursor, first)
  local own_first = line_around(text, cursor)
  local _, last = line_around(text, first)
  local at = first
  for _ = 1, select(2, text:sub(own_first + 1, cursor):gsub("[^\128-\191]", "")) do
    if at < last then at = screen.next_character(text, at) end
  end
  reader.input:replace(text, at)
end

local function show_entry(reader, place)
  local entries = reader.history.entries
  if place < 1 or place > #entries + 1 or (not reader.place and place > #entries) then return end
  if not reader.place then reader.draft = reader.input:line() end
  reader.place = place <= #entries and place or nil
  local text = reader.place and entries[place] or reader.draft
  reader.input:replace(text, #text)
end

function keys.previous(reader)
  local text, cursor = reader.input:line()
  local first = line_around(text, cursor)
  if first > 0 then return move_to_line(reader, text, cursor, (line_around(text, first - 1))) end
  show_entry(reader, (reader.place or #reader.history.entries + 1) - 1)
end

function keys.next(reader)
  local text, cursor = reader.input:line()
  local _, last = line_around(text, cursor)
  if last < #text then return move_to_line(reader, text, cursor, last + 1) end
  if reader.place then show_entry(reader, reader.place + 1) end
end

function keys.clear(reader)
  local _, erasure = screen.draw(view_of(reader), native.size())
  reader.bytes = nil
  reader.input:draw("\27[H\27[2J", erasure)
end

-- Keys of a paste come one by one until its end; then they are text, none of which is a command.
function keys.paste(reader)
  local paste = reader.paste
  if not paste then
    reader.paste = {}
    return reader.input:more()
  end
  paste[#paste + 1] = reader.input:key()
  local is_over = paste[#paste] == "~" and #paste >= #PASTE_END
    and table.concat(paste, "", #paste - #PASTE_END + 1) == PASTE_END
  if not is_over then return reader.input:more() end
  reader.paste = nil
  local text = table.concat(paste, "", 1, #paste - #PASTE_END):gsub("\r\n?", "\n"):gsub("\n+$", "")
  insert(reader, text)
end

-- Ends the search with what it has found; nothing is taken where that was not wanted.
local function end_search(reader, key)
  local entry, at = found(reader)
  reader.search = nil
  if key == CTRL_G then return end
  if entry then reader.input:replace(entry, at) end
  reader.input:again() -- the key that ended it does what it always does
end

-- Ctrl-R and the keys after it: what they spell is searched for, the newest entry first.
function keys.search(reader)
  local search, key, count = reader.search, reader.input:key(), #reader.history.entries
  if not search then
    reader.search = { pattern = "", from = count }
    return reader.input:more()
  end
  local is_backspace = key == "\8" or key == "\127"
  if key ~= CTRL_R and not is_backspace and key:byte() < 32 then return end_search(reader, key) end
  if is_backspace then
    search.pattern = search.pattern:sub(1, screen.previous_character(search.pattern, #search.pattern))
    search.from = count
  elseif key == CTRL_R then
    if search.index then search.from = search.index - 1 end -- an older one
  else
    search.pattern = search.pattern .. key
  end
  local index = search.pattern ~= "" and reader.history:find(search.pattern, search.from) or nil
  if index or key ~= CTRL_R then search.index = index end
  search.from = search.index or search.from
  reader.input:more()
end

function keys.complete(reader)
  local text, cursor = reader.input:line()
  if cursor > 0 and not text:sub((line_around(text, cursor)) + 1, cursor):find("%S") then
    return insert(reader, INDENT)
  end
  local first, candidates = complete(reader.session, text, cursor)
  if #candidates == 0 then return end
  local common = complete.common_start(candidates)
  local typed = text:sub(first + 1, cursor)
  if #common > #typed then
    reader.input:replace(text:sub(1, first) .. common .. text:sub(cursor + 1), first + #common)
  elseif #candidates > 1 then
    io.stdout:write(complete.columns(candidates, (native.size())))
  end
end

-- ---- signals ----

-- Whether a handler of the user's own sees to a signal.
local function is_handled(name)
  for loop in loop_module.each() do
    if loop.signal_handlers and loop.signal_handlers[name:upper()] then return true end
  end
  return false
end

-- What leaves the terminal behind: it is given back as it was found, and taken again when the program goes on.
local function on_leaving_signal(reader, name)
  if is_handled(name) then return end
  leave_line(reader)
  reader.input:suspend()
  reader.is_suspended = true
  reader.signals[name]:stop() -- the signal does what it does to any program
  luv.kill(luv.os_getpid(), name)
end

local function on_continue(reader)
  reader.input:suspend() -- whoever had the terminal meanwhile may have changed it
  reader.input:resume()
  reader.is_suspended = false
  reader.input:draw("\r\27[J" .. (reader.input:has_paste() and PASTE_ON or ""))
  reader:watch_signals()
end

local function on_resize(reader)
  reader.bytes = nil
end

local handlers = {
  sigtstp = on_leaving_signal,
  sigterm = on_leaving_signal,
  sighup = on_leaving_signal,
  sigcont = on_continue,
  sigwinch = on_resize,
}

--- Watches the signals that concern the terminal, while a line is read.
function Terminal:watch_signals()
  for name, handler in pairs(handlers) do
    self.signals[name]:start(name, function() handler(self, name) end)
  end
end

local function ignore_signals(reader)
  for _, signal in pairs(reader.signals) do signal:stop() end
end

-- ---- reading ----

local function on_command(reader, number)
  keys[native.commands[number]](reader)
end

local function on_wait(reader, is_idle)
  reader.on_wait(is_idle)
  if not reader.paste and not reader.is_suspended then draw(reader, view_of(reader)) end
end

local terminal = {}

--- Opens the terminal.
---@param settings {prompts: (fun(): string, string), on_wait: fun(is_idle: boolean), session: lacuna.cli.Session,
---  history: lacuna.cli.History}
---@return lacuna.cli.TerminalReader? reader
---@return string? problem why it cannot be edited on
function terminal.open(settings)
  local reader = setmetatable({
    prompts = settings.prompts,
    on_wait = settings.on_wait,
    session = settings.session,
    history = settings.history,
    signals = {},
    bytes = nil,
    erasure = "",
  }, Terminal)
  local problem
  reader.input, problem = native.open(
    true,
    function(has_line) reader.line:set_result(has_line) end,
    function(is_idle) on_wait(reader, is_idle) end,
    function(number) on_command(reader, number) end)
  if not reader.input then return nil, problem end
  for name in pairs(handlers) do reader.signals[name] = luv.new_signal() end
  return reader
end

--- Reads one input, of as many lines as the parser wants. Suspends; a cancellation gives the input up.
---@return string? text nil at the end
function Terminal:read()
  self.place, self.search, self.paste, self.bytes = nil, nil, nil, nil
  self.line = future.Future()
  self:watch_signals()
  if self.input:has_paste() then self.input:draw(PASTE_ON) end
  self.input:start()
  local ok, has_line = pcall(await, self.line)
  ignore_signals(self)
  self.search = nil
  if not ok then
    leave_line(self, "^C")
    self.input:stop()
    error(has_line, 0)
  end
  leave_line(self)
  if not has_line then return nil end
  local text = self.input:line()
  local problem = self.history:add(text)
  if problem then io.stderr:write("what is typed is not kept: ", problem, "\n") end
  return text
end

--- Says that the input that was being read has been given up: the screen says it already.
function Terminal:interrupted() -- luacheck: ignore self
end

--- Lets go of the terminal, which is then as it was found, even while an input is being read.
function Terminal:close()
  if self.line and not self.line:done() then
    leave_line(self)
    self.input:suspend()
  end
  ignore_signals(self)
  for _, signal in pairs(self.signals) do signal:close() end
  self.input:close()
end

return terminal
