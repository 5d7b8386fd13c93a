-- lacuna.lua URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY tasks; prints requests/s and CPU µs each.
local async = require "lacuna"
local http = require "lacuna.http"
local uv = require "luv"
local await = async.await

local url, count, concurrency = arg[1], tonumber(arg[2]), tonumber(arg[3])
local left, bytes = count, 0

local function cpu_us()
  local usage = uv.getrusage()
  return (usage.utime.sec + usage.stime.sec) * 1e6 + usage.utime.usec + usage.stime.usec
end

local session = http.ClientSession{limit = concurrency}

local worker = async(function()
  while left > 0 do
    left = left - 1
    local response = await(session:get(url))
    bytes = bytes + #await(response:read())
  end
end)

local workers = {}
for i = 1, concurrency do workers[i] = worker() end

await(session:get(url)) -- loads libcurl, as the other program's imports load aiohttp
local started_ns, started_cpu_us = uv.hrtime(), cpu_us()
await(async.gather(workers))
local seconds, used_us = (uv.hrtime() - started_ns) / 1e9, cpu_us() - started_cpu_us
session:close()

print(("%.0f %.2f %d"):format(count / seconds, used_us / count, bytes))
