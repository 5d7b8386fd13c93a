-- lines: what comes in pieces, given out line by line to any number of tasks.
-- Tasks stand in line; whoever is first takes the next line when it runs, and wakes the one behind. So a cancelled task
-- loses nothing, and tasks of several loops may read. A line may be as long as memory; it is put together once.

local await = require("lacuna.kernel.trap").await
local op = require "lacuna.io.op"

---@class lacuna.io.Lines
local Lines = {}
Lines.__index = Lines

-- Whether there is something to take: a line, the end, or an error.
local function is_ready(lines)
  return lines.newline ~= nil or lines.is_ended
end

local function find_newline(lines)
  lines.newline = lines.chunk:find("\n", lines.at, true)
  if lines.newline then return end
  if lines.at <= #lines.chunk then table.insert(lines.pieces, lines.chunk:sub(lines.at)) end
  lines.chunk = ""
end

-- The line that is there, without its newline; nil at the end; raises the error that reading met. `is_whole` says then
-- whether there was a newline.
local function take(lines)
  local last = lines.newline and lines.chunk:sub(lines.at, lines.newline - 1)
  if not last and #lines.pieces == 0 then
    if lines.problem then error(lines.problem, 0) end
    return nil
  end
  lines.is_whole = last ~= nil
  local line = last or ""
  if #lines.pieces > 0 then
    line = table.concat(lines.pieces) .. line
    lines.pieces = {}
  end
  if last then
    lines.at = lines.newline + 1
    find_newline(lines)
  end
  return line
end

--- Takes what was read; neither error nor bytes is the end.
---@param err lacuna.BaseError?
---@param bytes string?
function Lines:feed(err, bytes)
  if err or not bytes then
    self.is_ended, self.problem = true, err
  else
    if self.newline then bytes = self.chunk:sub(self.at) .. bytes end -- not taken yet
    self.chunk, self.at = bytes, 1
    find_newline(self)
  end
  local first = self.queue[1]
  if first and is_ready(self) then
    self.source.stop()
    first.wake()
  end
end

local function leave(lines, waiter)
  for i, each in ipairs(lines.queue) do
    if each == waiter then
      table.remove(lines.queue, i)
      break
    end
  end
  local first = lines.queue[1]
  if not first then
    lines.source.stop()
  elseif is_ready(lines) then
    first.wake()
  end
end

local function wait(lines, waiter)
  return await(op(lines.description, function(complete)
    waiter.wake = complete
    if not is_ready(lines) then lines.source.start() end
  end))
end

--- The next line, without its newline; nil at the end. Suspends until it is there; a cancelled task leaves it to the
--- next. Errors: those of the source, once what came before them has been taken.
---@return string?
function Lines:read()
  if not self.queue[1] and is_ready(self) then return take(self) end
  local waiter = {}
  table.insert(self.queue, waiter)
  local ok, result = true, nil
  while ok and not (self.queue[1] == waiter and is_ready(self)) do ok, result = pcall(wait, self, waiter) end
  if ok then ok, result = pcall(take, self) end
  leave(self, waiter)
  if not ok then error(result, 0) end
  return result
end

-- Gives back what was taken.
local function put_back(lines, text)
  local rest = lines.newline and lines.chunk:sub(lines.at) or ""
  lines.chunk, lines.at = text .. table.concat(lines.pieces) .. rest, 1
  lines.pieces = {}
  find_newline(lines)
end

local function collect(lines, parts)
  for line in function() return lines:read() end do
    parts[#parts + 1] = line
    if lines.is_whole then parts[#parts + 1] = "\n" end
  end
  return table.concat(parts)
end

--- All that is left, newlines included; "" at the end. Suspends until the end; a cancelled task loses nothing.
--- Errors: as of read; what came before is read again.
---@return string
function Lines:read_all()
  local parts = {}
  local ok, result = pcall(collect, self, parts)
  if ok then return result end
  put_back(self, table.concat(parts))
  error(result, 0)
end

local lines_module = {}

--- A reader of lines; the source is opened when the first is asked for.
---@param description string what a waiting task is said to wait for
---@param open fun(on_bytes: fun(err: lacuna.BaseError?, bytes: string?)): lacuna.io.Source
---@return lacuna.io.Lines
function lines_module.new(description, open)
  local lines = setmetatable({
    description = description, chunk = "", at = 1, newline = nil, pieces = {}, queue = {}, is_ended = false,
  }, Lines)
  lines.source = {
    start = function()
      lines.source = open(function(err, bytes) lines:feed(err, bytes) end)
      lines.source.start()
    end,
    stop = function() end,
  }
  return lines
end

return lines_module
