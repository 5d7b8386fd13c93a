-- traceback: what a person reads of a Lua stack.
-- Frames of lacuna's own modules are left out: a user's error is in the user's code. Each line is "file:line: in what".

local getinfo = debug.getinfo

local MOST_FRAMES = 22 -- first and last half of a deeper stack are shown

-- Modules run from sources (LACUNA_LUA) are shown: whoever does that works on lacuna itself.
local function is_hidden(info)
  return info.what == "C" or info.short_src:find("^%[lacuna") ~= nil
end

local function line_of(info)
  local what
  if info.what == "main" then
    what = "in main chunk"
  elseif info.name then
    what = "in function '" .. info.name .. "'"
  else
    what = ("in function <%s:%d>"):format(info.short_src, info.linedefined)
  end
  return ("\t%s:%d: %s"):format(info.short_src, info.currentline, what)
end

local traceback = {}

local function collect(lines, info)
  if info and not is_hidden(info) then lines[#lines + 1] = line_of(info) end
  return info
end

local function join(lines)
  if #lines <= MOST_FRAMES then return table.concat(lines, "\n") end
  local half = MOST_FRAMES / 2
  return table.concat(lines, "\n", 1, half) .. "\n\t...\n" .. table.concat(lines, "\n", #lines - half + 1)
end

local MOST_LEVELS = 200 -- reaching a level costs as much as it is deep

--- The stack of the running code, innermost first; "" if only lacuna's own code is on it. A very deep one is cut off.
---@param level integer frames to leave out: 1 is the caller
---@return string
function traceback.here(level)
  local lines = {}
  for deeper = level + 1, level + MOST_LEVELS do
    if not collect(lines, getinfo(deeper, "nSl")) then return join(lines) end
  end
  return join(lines) .. "\n\t..."
end

--- The stack of a suspended or failed coroutine, innermost first. Lua does not know the line of a frame that failed by
--- itself; its message does.
---@param thread thread
---@param err? any what it failed with
---@return string
function traceback.of(thread, err)
  local lines, level = {}, 0
  while level < MOST_LEVELS do
    local info = getinfo(thread, level, "nSl")
    if info and info.currentline < 0 then
      info.currentline = type(err) == "string" and tonumber(err:match("^[^\n]-:(%d+):")) or info.linedefined
    end
    if not collect(lines, info) then return join(lines) end
    level = level + 1
  end
  return join(lines) .. "\n\t..."
end

--- The frames of a stack in the user's code, oldest first; of a very deep one the newest.
---@param thread? thread the running code if nil
---@return {file: string, line: integer, name: string}[]
function traceback.frames(thread)
  local frames, first = {}, thread and 0 or 2
  for level = first, first + MOST_LEVELS do
    local info = thread and getinfo(thread, level, "nSl") or not thread and getinfo(level, "nSl")
    if not info then break end
    if not is_hidden(info) then
      local name = info.what == "main" and "main chunk" or info.name or ("function at line " .. info.linedefined)
      local line = math.max(info.currentline, info.linedefined)
      table.insert(frames, 1, { file = info.short_src, line = line, name = name })
    end
  end
  return frames
end

--- Where a coroutine stands in the user's code: "file:line", or nil.
---@param thread thread
---@return string?
function traceback.place(thread)
  local level = 0
  while true do
    local info = getinfo(thread, level, "Sl")
    if not info then return nil end
    if not is_hidden(info) then return info.short_src .. ":" .. info.currentline end
    level = level + 1
  end
end

return traceback
