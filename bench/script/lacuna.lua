-- lacuna.lua URL COUNT: COUNT GETs, one after the other.
local async = require "lacuna"
local http = require "lacuna.http"
local await = async.await

local url, count = arg[1], tonumber(arg[2])
local bytes = 0
async.with(http.ClientSession(), function(session)
  for _ = 1, count do
    local response = await(session:get(url))
    bytes = bytes + #await(response:read())
  end
end)
print("bytes " .. bytes)
