-- lacuna.lua threads|processes sums|strings SIZE
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local Executor = arg[1] == "threads" and async.ThreadPoolExecutor or async.ProcessPoolExecutor
local size = tonumber(arg[3])

local work = {}

function work.sums(n)
  local sum = 0
  for i = 0, n - 1 do sum = sum + i * i end
  return sum
end

-- Tables and strings are made and dropped: nothing that a compiler could leave out.
function work.strings(n)
  local words = {}
  for i = 1, n do
    local word = ("w%d"):format(i * 7 % 50021)
    words[word] = (words[word] or 0) + 1
  end
  local count = 0
  for _ in pairs(words) do count = count + 1 end
  return count
end

local fn = work[arg[2]]
local started = time.perf_counter()
local expected
for _ = 1, 4 do expected = fn(size) end
local serial = time.perf_counter() - started

started = time.perf_counter()
async.with(Executor(2), function(pool)
  for _, result in ipairs(await(pool:map(fn, {size, size, size, size}))) do assert(result == expected) end
end)
print(("wall_s %f\nserial_s %f"):format(time.perf_counter() - started, serial))
