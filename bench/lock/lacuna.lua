-- lacuna.lua bare|with|closure N: with: one body for all; closure: a new one each time, as written inline.
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local mode, n = arg[1], tonumber(arg[2])
local lock, with = async.Lock(), async.with
local started, started_cpu = time.perf_counter(), os.clock()
if mode == "bare" then
  for _ = 1, n do
    await(lock:acquire())
    lock:release()
  end
elseif mode == "with" then
  local count = 0
  local function body() count = count + 1 end
  for _ = 1, n do with(lock, body) end
  assert(count == n)
else
  local count = 0
  for _ = 1, n do
    with(lock, function() count = count + 1 end)
  end
  assert(count == n)
end
print(("wall_s %f\ncpu_s %f"):format(time.perf_counter() - started, os.clock() - started_cpu))
