-- lacuna.lua N: N messages, there and back.
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local n = tonumber(arg[1])
local there, back = async.Queue(1), async.Queue(1)

local ask = async(function()
  for i = 1, n / 2 do
    await(there:put(i))
    await(back:get())
  end
end)

local answer = async(function()
  for _ = 1, n / 2 do await(back:put(await(there:get()))) end
end)

local started, started_cpu = time.perf_counter(), os.clock()
await(async.gather(ask(), answer()))
print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
