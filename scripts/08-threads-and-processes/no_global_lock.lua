-- no_global_lock: Lua code in two threads uses two cores, because threads share no state and so need no lock.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

-- Work that no compiler can leave out: it builds and counts words.
local function count_words(seed, size)
  local words = {}
  for i = 1, size do
    local word = ("w%d"):format((i * seed) % 5003)
    words[word] = (words[word] or 0) + 1
  end
  local distinct = 0
  for _ in pairs(words) do distinct = distinct + 1 end
  return distinct
end

local SIZE = 8000000

local began = time.perf_counter()
local a, b = count_words(7, SIZE), count_words(11, SIZE)
local serial = time.perf_counter() - began
print(("one after the other: %.2f s, %d and %d words"):format(serial, a, b))

began = time.perf_counter()
a, b = unpack(await(async.gather(async.to_thread(count_words, 7, SIZE), async.to_thread(count_words, 11, SIZE))))
local parallel = time.perf_counter() - began
print(("in two threads: %.2f s, %d and %d words"):format(parallel, a, b))
print(("%.1f times faster"):format(serial / parallel))
