-- lock: a counter that reads, waits and writes. Without a lock updates get lost; with one, none.

local async = require "lacuna"
local await = async.await

local Counter = {}
Counter.__index = Counter

local function new_counter()
  return setmetatable({value = 0, lock = async.Lock()}, Counter)
end

Counter.increment = async(function(self)
  local value = self.value
  await(async.sleep(0.01)) -- meanwhile others read the same value
  self.value = value + 1
end)

Counter.increment_locked = async(function(self)
  async.with(self.lock, function() await(self:increment()) end)
end)

for _, method in ipairs{"increment", "increment_locked"} do
  local counter, calls = new_counter(), {}
  for i = 1, 100 do calls[i] = counter[method](counter) end
  await(async.gather(calls))
  print(("%-16s 100 calls, value %3d"):format(method, counter.value))
end
