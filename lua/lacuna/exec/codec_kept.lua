-- codec_kept: a table that forgets. It has two generations of bounded size; what was not asked for while one filled is
-- gone when the next has.

local MOST_KEPT = 512 -- a generation

---@class lacuna.exec.Kept
local Kept = {}
Kept.__index = Kept

local kept = {}

---@return lacuna.exec.Kept
function kept.new()
  return setmetatable({ young = {}, old = {}, count = 0 }, Kept)
end

--- The value of a key, or nil.
---@param key any
---@return any
function Kept:get(key)
  local value = self.young[key]
  if value ~= nil then return value end
  value = self.old[key]
  if value ~= nil then self:keep(key, value) end
  return value
end

--- Sets the value of a key.
---@param key any
---@param value any
---@return any value
function Kept:keep(key, value)
  if self.count == MOST_KEPT then self.young, self.old, self.count = {}, self.young, 0 end
  self.young[key], self.count = value, self.count + 1
  return value
end

return kept
