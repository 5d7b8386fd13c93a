-- ten_requests: the same ten requests, blocking and together, measured: about ten times faster. Takes an address.

local async = require "lacuna"
local http = require "lacuna.http"
local requests = require "lacuna.requests"
local site = require "support.site"
local time = require "lacuna.time"
local await = async.await

local function seconds_blocking(url, count)
  local began = time.time()
  for _ = 1, count do requests.get(url) end
  return time.time() - began
end

local function seconds_together(url, count)
  local began = time.time()
  async.with(http.ClientSession(), function(session)
    local gets = {}
    for i = 1, count do gets[i] = session:get(url) end
    await(async.gather(gets))
  end)
  return time.time() - began
end

async.with(site(arg[1]), function(address)
  local url = address .. "/delay/0.2"
  local blocking, together = seconds_blocking(url, 10), seconds_together(url, 10)
  print(("blocking: %.2f s"):format(blocking))
  print(("together: %.2f s"):format(together))
  print(("%.1f times faster"):format(blocking / together))
end)
