-- json: JSON text to Lua values. Arrays and objects become tables, null becomes `json.null`.

local errors = require "lacuna.kernel.errors"

local json = {}

local codec

local function open_codec()
  local cjson = require "lacuna.native.json"
  codec = cjson.new()
  json.null = cjson.null
  return codec
end

setmetatable(json, {
  __index = function(_, key)
    if key ~= "null" then return nil end
    open_codec()
    return rawget(json, "null")
  end,
})

--- Decodes a JSON text.
--- Errors: ValueError that says what is wrong and at which byte.
---@param text string
---@return any
function json.decode(text)
  if type(text) ~= "string" then error(errors.TypeError("json.decode: string expected, got " .. type(text)), 2) end
  local value, reason = (codec or open_codec()).decode(text)
  if reason then error(errors.ValueError("json.decode: " .. reason), 2) end
  return value
end

return json
