-- authorization: the Authorization header of a user and a password (RFC 7617).

local bit = require "bit"

local authorization = {}

local digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

local function digit(value, shift)
  local position = bit.band(bit.rshift(value, shift), 63) + 1
  return digits:sub(position, position)
end

local function base64(text)
  local out = {}
  for i = 1, #text, 3 do
    local a, b, c = text:byte(i, i + 2)
    local value = a * 65536 + (b or 0) * 256 + (c or 0)
    local third, fourth = b and digit(value, 6) or "=", c and digit(value, 0) or "="
    out[#out + 1] = digit(value, 18) .. digit(value, 12) .. third .. fourth
  end
  return table.concat(out)
end

--- The value of the header.
---@param auth {[1]: string, [2]: string} user and password
---@return string? value
---@return string? reason
function authorization.basic(auth)
  local user, password = auth[1], auth[2] or ""
  if type(user) ~= "string" or type(password) ~= "string" then return nil, "{user, password} expected" end
  if user:find(":", 1, true) then return nil, "a user's name cannot have a colon in it" end
  return "Basic " .. base64(user .. ":" .. password)
end

return authorization
