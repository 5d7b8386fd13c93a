-- show: what the REPL prints of values and errors.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local inspect = require "lacuna.inspect"
local layout = require "lacuna.kernel.layout"
local native = require "lacuna.native.lineedit"
local report = require "lacuna.async.report"

local DEEPEST, MOST_ITEMS = 4, 100 -- of the tables that an expression gives; inspect(_) shows more

local show = {}

local RED, GREY, PLAIN = "\27[31m", "\27[90m", "\27[0m"

--- Whether colours go well where the REPL prints: https://no-color.org.
---@return boolean
function show.has_color()
  local is_refused = os.getenv "NO_COLOR"
  local terminal = os.getenv "TERM"
  return (is_refused == nil or is_refused == "") and terminal ~= nil and terminal ~= "dumb" and native.is_terminal(1)
end

local function paint(colour, text)
  return show.has_color() and colour .. text .. PLAIN or text
end

local function describe(value)
  local text = inspect(value, {
    depth = DEEPEST,
    items = MOST_ITEMS,
    width = (native.size()) - 1,
    color = show.has_color(),
  })
  if coroutines.iscoroutine(value) and value[layout.COUNT] >= 0 then
    text = text .. paint(GREY, " (not awaited: write await(…) around the call)")
  end
  return text
end

--- The values of an expression as text: beside each other, or below each other if one takes several lines. None for no
--- values.
---@param ... any
---@return string?
function show.values(...)
  local count = select("#", ...)
  if count == 0 then return nil end
  local texts = {}
  local separator = "\t"
  for i = 1, count do
    texts[i] = describe((select(i, ...)))
    if texts[i]:find("\n", 1, true) then separator = "\n" end
  end
  return table.concat(texts, separator)
end

--- An error as text, with its stack.
---@param err any
---@param stack? string where it was raised, for an error that does not know it itself
---@return string
function show.error(err, stack)
  local text = report.describe(errors.wrap(err, stack))
  local headline, rest = text:match("^(.-)(\nstack traceback:.*)$")
  if not headline then return paint(RED, text) end
  return paint(RED, headline) .. paint(GREY, rest)
end

--- A note of the REPL's own.
---@param text string
---@return string
function show.note(text)
  return paint(GREY, text)
end

return show
