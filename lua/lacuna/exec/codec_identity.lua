-- codec_identity: which class here is which class there.
-- A class or metatable that no module holds travels by value, under an identity that is its own in all Lua states;
-- where it arrives a second time, or comes back, it is the one that is there already.

local uv = require "luv"

local identity = {}

local identity_of = setmetatable({}, { __mode = "k" })
local class_of = setmetatable({}, { __mode = "v" })

-- Another state of this process has another address, a later one a later time, another process another number.
local state = ("%d.%p.%d:"):format(uv.os_getpid(), class_of, uv.hrtime())
local made = 0

--- Records the identity under which a class arrived.
---@param class table
---@param id string
---@return table class
function identity.assign(class, id)
  identity_of[class], class_of[id] = id, class
  return class
end

--- The identity of a class; a new one if it has not travelled yet.
---@param class table
---@return string
function identity.of(class)
  local id = identity_of[class]
  if id then return id end
  made = made + 1
  id = state .. made
  identity.assign(class, id)
  return id
end

--- The class that is here under an identity.
---@param id string
---@return table? class nil if it never was, or is collected
function identity.find(id)
  return class_of[id]
end

return identity
