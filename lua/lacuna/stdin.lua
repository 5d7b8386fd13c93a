-- stdin: the standard input, line by line, without blocking the loop.
-- A terminal, a pipe, a socket or a file. Nothing is read before somebody waits; what io.read has buffered it does not
-- see, so a script uses one or the other.

local descriptor = require "lacuna.io.descriptor"
local lines = require "lacuna.io.lines"
local method = require "lacuna.async.method"

local STANDARD_INPUT = 0

local input = lines.new("a line of the standard input", function(on_bytes)
  return descriptor.source(STANDARD_INPUT, "the standard input", on_bytes)
end)

local stdin = {}

local function read_line(start)
  return (input:read())
end

local ReadLine = method.class("stdin.readline", read_line)

function ReadLine.__await(coro)
  return read_line(method.begin(coro))
end

--- The next line, without its newline. Suspends until there is one; readers are served in order of arrival. A cancelled
--- one loses nothing: the line goes to the next.
--- Errors, when awaited: OSError.
--- Source: asyncio.StreamReader.readline over the standard input.
---@return lacuna.Coroutine of the line, nil at the end of the input
function stdin:readline()
  return method.new(ReadLine, self)
end

local function read_all(start)
  return (input:read_all())
end

local ReadAll = method.class("stdin.read", read_all)

function ReadAll.__await(coro)
  return read_all(method.begin(coro))
end

--- All that is left of the input. Suspends until its end; a cancelled task loses nothing.
--- Errors, when awaited: OSError.
--- Source: asyncio.StreamReader.read over the standard input.
---@return lacuna.Coroutine of the text, "" at the end of the input
function stdin:read()
  return method.new(ReadAll, self)
end

--- Iterates over the lines that are left. Each step suspends until there is one. Errors: OSError.
--- Source: Python's `async for line in reader`.
---@return fun(): string?
function stdin.lines()
  return function() return input:read() end
end

local Input = method.class("input", read_line)

function Input.__await(coro)
  local prompt, start = coro[method.ARGUMENT], method.begin(coro)
  if prompt ~= nil then io.stdout:write(tostring(prompt)) end
  io.stdout:flush()
  return read_line(start)
end

--- Prints a prompt and reads a line, while other tasks go on; what `async.input` is.
--- Errors, when awaited: OSError.
--- Source: Python's input, in a thread of its own.
---@param prompt? any printed without a newline
---@return lacuna.Coroutine of the line, nil at the end of the input
function stdin.input(prompt)
  return method.new(Input, stdin, prompt)
end

return stdin
