-- lacuna.lua URL COUNT CONCURRENCY: GETs one URL COUNT times with CONCURRENCY tasks.
local async = require "lacuna"
local http = require "lacuna.http"
local time = require "lacuna.time"
local await = async.await

local url, count, concurrency = arg[1], tonumber(arg[2]), tonumber(arg[3])
local left, bytes = count, 0
local session = http.ClientSession{limit = concurrency, verify = false}

local worker = async(function()
  while left > 0 do
    left = left - 1
    local response = await(session:get(url))
    local body = await(response:read())
    bytes = bytes + #body
  end
end)

local started, started_cpu = time.perf_counter(), os.clock()
local workers = {}
for i = 1, concurrency do workers[i] = worker() end
await(async.gather(workers))
print(("wall_s %f\ncpu_s %f\nbytes %d"):format(time.perf_counter() - started, os.clock() - started_cpu, bytes))
session:close()
