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

local STDOUT, STDERR = 1, 2

-- Whether colours go well there: https://no-color.org.
local function has_color(descriptor)
  local is_refused, terminal = os.getenv "NO_COLOR" or "", os.getenv "TERM" or "dumb"
  return is_refused == "" and terminal ~= "dumb" and native.is_terminal(descriptor)
end

local function paint(descriptor, colour, text)
  return has_color(descriptor) and colour .. text .. PLAIN or text
end

local function describe(value)
  local text = inspect(value, {
    depth = DEEPEST,
    items = MOST_ITEMS,
    width = (native.size()) - 1,
    color = has_color(STDOUT),
  })
  if coroutines.iscoroutine(value) and value[layout.COUNT] >= 0 then
    text = text .. paint(STDOUT, GREY, " (not awaited: write await(…) around the call)")
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

--- An error as text for stderr, with its stack.
---@param err any
---@param stack? string where it was raised, for an error that does not know it itself
---@return string
function show.error(err, stack)
  local text = report.describe(errors.wrap(err, stack))
  local headline, rest = text:match("^(.-)(\nstack traceback:.*)$")
  if not headline then return paint(STDERR, RED, text) end
  return paint(STDERR, RED, headline) .. paint(STDERR, GREY, rest)
end

--- A note of the REPL's own.
---@param text string
---@return string
function show.note(text)
  return paint(STDOUT, GREY, text)
end

return show
