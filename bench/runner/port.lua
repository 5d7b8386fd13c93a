-- port: TCP ports of the loopback for servers that a benchmark starts.
local async = require "lacuna"
local uv = require "luv"
local await = async.await

local TRIES, PAUSE_S = 500, 0.02

local port = {}

--- A port that nobody listens on.
---@return integer
function port.free()
  local socket = uv.new_tcp()
  assert(socket:bind("127.0.0.1", 0))
  local number = socket:getsockname().port
  socket:close()
  return number
end

--- Waits until somebody listens, ten seconds at most.
---@param number integer
---@param status Future of the program that is to listen: it has ended, and nobody will
---@return boolean is_open
port.wait_for = async(function(number, status)
  for _ = 1, TRIES do
    if status:done() then return false end
    local connected, socket = async.Future(), uv.new_tcp()
    socket:connect("127.0.0.1", number, function(err)
      socket:close()
      connected:set_result(not err)
    end)
    if await(connected) then return true end
    await(async.sleep(PAUSE_S))
  end
  return false
end)

return port
