-- service: a server that the programs under test talk to, started when its address is first asked for and ended with
-- the run. nginx.lua and postgres.lua say how.
local async = require "lacuna"
local launch = require "runner.launch"
local uv = require "luv"
local await = async.await

local Service = {}
Service.__index = Service

--- What its start has set as .addresses. Starts it if it is not running; raises if it does not start.
---@return any
Service.addresses_of = async(function(self)
  if not self.place then await(self.start(self)) end
  if not self.addresses then error(async.RuntimeError(self.name .. " did not start")) end
  return self.addresses
end)

function Service.__aenter() end

function Service.__aexit(self)
  if self.running then
    if not self.running.status:done() then uv.kill(self.running.pid, self.signal) end
    await(self.running.status)
  end
  if self.place then await(launch.check{"rm", "-rf", self.place}) end
end

local service = {}

--- A service; a context manager at whose end it is ended, if it was started.
---@param name string what messages call it
---@param signal string that ends it
---@param start fun(self) an async function that sets `.place`, its folder, `.running`, and `.addresses` once it answers
function service.new(name, signal, start)
  return setmetatable({name = name, signal = signal, start = start}, Service)
end

return service
