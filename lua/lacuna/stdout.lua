-- stdout: the standard output, without blocking the loop.
-- print is for lines that somebody reads as they come; this is for much output to a pipe whose reader may be slow. What
-- was printed before is written before.

local descriptor = require "lacuna.io.descriptor"
local errors = require "lacuna.kernel.errors"
local method = require "lacuna.async.method"
local op = require "lacuna.io.op"
local trap = require "lacuna.kernel.trap"

local stdout = {}

local sink

local function write(text, start)
  sink = sink or descriptor.sink(io.stdout, "the standard output")
  trap.await(op("the standard output", function(complete) sink(text, complete) end))
end

local Write = method.class("stdout.write", write)

function Write.__await(coro)
  return write(coro[method.ARGUMENT], method.begin(coro))
end

--- Writes text, all of it. Suspends while the reader of a pipe, or a terminal, takes no more. A cancelled write may
--- still be written.
--- Errors: TypeError for what is neither string nor number; when awaited, OSError, such as for a reader that has gone.
--- Source: asyncio.StreamWriter.write and drain.
---@param text string|number
---@return lacuna.Coroutine
function stdout:write(text)
  if type(text) ~= "string" and type(text) ~= "number" then
    error(errors.TypeError("stdout:write: text must be a string, got " .. type(text)), 2)
  end
  return method.new(Write, self, tostring(text))
end

return stdout
