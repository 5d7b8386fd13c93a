-- plain: reads inputs line by line, from a pipe, a file, or a terminal that cannot be edited on.

local await = require("lacuna.kernel.trap").await
local future = require "lacuna.kernel.future"
local native = require "lacuna.native.lineedit"
local syntax = require "lacuna.cli.repl.syntax"

local STDIN, STDOUT = 0, 1

---@class lacuna.cli.PlainReader
---@field screen file*? where a person who types looks: the standard output, or stderr where that goes elsewhere
local Plain = {}
Plain.__index = Plain

local plain = {}

local function nothing() end

--- Opens the standard input.
---@param settings {prompts: fun(): string, string; on_wait: fun(is_idle: boolean)}
---@return lacuna.cli.PlainReader
function plain.open(settings)
  io.stdin:setvbuf("no") -- what an input reads itself comes right after its line
  local reader = setmetatable({ prompts = settings.prompts, on_wait = settings.on_wait }, Plain)
  if native.is_terminal(STDIN) then reader.screen = native.is_terminal(STDOUT) and io.stdout or io.stderr end
  local function on_done(has_line)
    reader.line:set_result(has_line)
  end
  reader.input = native.open(false, on_done, settings.on_wait, nothing)
  return reader
end

-- Waits for a line; nil at the end of the input.
local function read_line(reader, prompt)
  if reader.screen then
    io.stdout:flush()
    reader.screen:write(prompt)
    reader.screen:flush()
  end
  local stdin = package.loaded["lacuna.stdin"]
  if stdin then -- an input has used it, and it may hold lines that follow
    reader.on_wait(true)
    return await(stdin:readline())
  end
  reader.line = future.Future()
  reader.input:start()
  local ok, has_line = pcall(await, reader.line)
  if not ok then
    reader.input:stop()
    error(has_line, 0)
  end
  return has_line and reader.input:line() or nil
end

--- Reads one input, of as many lines as the parser wants. Suspends; a cancellation gives the input up.
---@return string? text nil at the end
function Plain:read()
  local first, following = self.prompts()
  local text = read_line(self, first)
  while text and syntax.is_incomplete(text) do
    local line = read_line(self, following)
    if not line then return text end
    text = text .. "\n" .. line
  end
  if not text and self.screen then self.screen:write("\n") end
  return text
end

--- Says that the input that was being read has been given up.
function Plain:interrupted()
  if self.screen then self.screen:write("\n") end
end

--- Lets go of the standard input.
function Plain:close()
  self.input:close()
end

return plain
