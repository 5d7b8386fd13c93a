-- codec_stateless: functions that leave no trace when they are called, written once.
-- A function is stateless if neither it nor a function among its upvalues assigns to an upvalue, and all these upvalues
-- are primitive or travel by name. Its image is kept, and used again while its upvalues are what they were; whoever
-- reads it keeps the function, too. So the call of such a function costs little more than one without upvalues.

local buffer = require "string.buffer"
local image = require "lacuna.exec.codec_image"
local kept = require "lacuna.exec.codec_kept"

local getupvalue, rawequal = debug.getupvalue, rawequal

local stateless = {}

local MOST_BYTES = 16384 -- of an image that is kept

---@class lacuna.exec.Snapshot
---@field bytes string the image
---@field upvalues any[] what it holds for: function, index, value, …
---@field length integer of that list

local snapshots = kept.new() -- function -> lacuna.exec.Snapshot
local refused = setmetatable({}, { __mode = "k" }) -- the functions that are not stateless

local function holds(snapshot)
  local upvalues = snapshot.upvalues
  for i = 1, snapshot.length, 3 do
    local _, value = getupvalue(upvalues[i], upvalues[i + 1])
    if not rawequal(value, upvalues[i + 2]) then return false end
  end
  return true
end

--- The image of a stateless function, in bytes.
--- Errors: TypeError that names the path to what cannot travel.
---@param root_label fun(index: integer, is_last: boolean): string as for codec_image's `write`
---@param fn function
---@return string? bytes nil if it is not stateless
function stateless.image_of(root_label, fn)
  local snapshot = snapshots:get(fn)
  if snapshot and holds(snapshot) then return snapshot.bytes end
  if refused[fn] then return nil end
  local nodes, upvalues, length = image.write_stateless(root_label, fn)
  local bytes = nodes and buffer.encode(nodes)
  if not bytes or #bytes > MOST_BYTES then
    refused[fn] = true
    return nil
  end
  snapshots:keep(fn, { bytes = bytes, upvalues = upvalues, length = length })
  return bytes
end

return stateless
