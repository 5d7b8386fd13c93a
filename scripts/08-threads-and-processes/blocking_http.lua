-- blocking_http: a blocking HTTP call off the loop, with to_thread and with run_in_executor.

local async = require "lacuna"
local requests = require "lacuna.requests"
local site = require "support.site"
local await = async.await

local function length_of(url)
  return #requests.get(url).text -- the thread waits; the loop does not
end

async.with(site(arg[1]), function(address)
  local url = address .. "/delay/0.3/page"
  print("to_thread: " .. await(async.to_thread(length_of, url)) .. " bytes")

  local loop = async.get_running_loop()
  print("run_in_executor: " .. await(loop:run_in_executor(nil, length_of, url)) .. " bytes") -- nil: the default pool
end)
