-- history: what was typed before, in this session and in others.
-- The file holds an entry a line, the oldest first, newlines written as \n. Several prompts may share it: each change
-- is made under a lock to what the file holds then, so no entry is lost, and none stands in it twice.

local ffi = require "ffi"
local luv = require "luv"

ffi.cdef "int flock(int descriptor, int operation);"

local LOCK_EX, EINTR = 2, 4
local READ_WRITE_CREATE = luv.constants.O_RDWR + luv.constants.O_CREAT
local MOST_ENTRIES = 2000

---@class lacuna.cli.History
---@field entries string[] the newest last
---@field path string?
local History = {}
History.__index = History

local history = {}

local function encode(entry)
  return (entry:gsub("\\", "\\\\"):gsub("\n", "\\n"))
end

local function decode(line)
  return (line:gsub("\\(.)", { n = "\n", ["\\"] = "\\" }))
end

local function parse(text)
  local entries = {}
  for line in text:gmatch("([^\n]+)\n?") do entries[#entries + 1] = decode(line) end
  return entries
end

-- Appends an entry, and takes away an older one that is the same.
local function append(entries, entry)
  local has_moved = false
  for index = #entries, 1, -1 do
    if entries[index] == entry then
      table.remove(entries, index)
      has_moved = true
    end
  end
  entries[#entries + 1] = entry
  return has_moved
end

local function make_folders(path)
  local folder = path:match("^(.+)/[^/]*$")
  if not folder or luv.fs_stat(folder) then return end
  make_folders(folder)
  luv.fs_mkdir(folder, 448) -- 0700
end

local function lock(descriptor)
  while ffi.C.flock(descriptor, LOCK_EX) ~= 0 and ffi.errno() == EINTR do end -- luacheck: ignore 542
end

local function write_all(descriptor, text, at)
  while #text > 0 do
    local count, problem = luv.fs_write(descriptor, text, at)
    if not count then return problem end
    text, at = text:sub(count + 1), at + count
  end
end

-- Calls change(text) with what the file holds, under its lock, and writes what it returns: a text, and where it goes.
local function edit(path, change)
  local descriptor, problem = luv.fs_open(path, READ_WRITE_CREATE, 384) -- 0600
  if not descriptor then return problem end
  lock(descriptor)
  local size = luv.fs_fstat(descriptor).size
  local text, at = change(luv.fs_read(descriptor, size, 0) or "")
  problem = write_all(descriptor, text, at)
  if not problem then luv.fs_ftruncate(descriptor, at + #text) end
  luv.fs_close(descriptor) -- lets go of the lock
  return problem
end

--- The history that a file holds; one that is forgotten with the session without a file.
---@param path? string
---@return lacuna.cli.History
function history.open(path)
  local file = path and io.open(path, "rb")
  local entries = {}
  if file then
    for _, entry in ipairs(parse(file:read("*a"))) do append(entries, entry) end
    file:close()
  end
  return setmetatable({ entries = entries, path = path }, History)
end

--- Adds an entry, here and in the file. A blank one, and one that begins with a blank, is not kept.
---@param entry string
---@return string? problem why the file cannot be written, the first time
function History:add(entry)
  entry = entry:gsub("%s+$", "")
  if entry == "" or entry:find("^%s") then return end
  append(self.entries, entry)
  if not self.path then return end
  make_folders(self.path)
  local problem = edit(self.path, function(text)
    local entries = parse(text)
    local has_moved = append(entries, entry)
    local is_whole = text == "" or text:sub(-1) == "\n"
    if not has_moved and is_whole and #entries <= MOST_ENTRIES then return encode(entry) .. "\n", #text end
    local lines = {}
    for index = math.max(1, #entries - MOST_ENTRIES + 1), #entries do lines[#lines + 1] = encode(entries[index]) end
    return table.concat(lines, "\n") .. "\n", 0
  end)
  if problem then self.path = nil end
  return problem
end

--- The number of the newest entry that holds a text, from one entry on towards older ones.
---@param text string
---@param from integer
---@return integer?
function History:find(text, from)
  for index = from, 1, -1 do
    if self.entries[index]:find(text, 1, true) then return index end
  end
end

return history
