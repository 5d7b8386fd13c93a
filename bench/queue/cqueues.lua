-- cqueues.lua N: N messages, there and back, through a queue of one made of condition variables.
local condition = require "cqueues.condition"
local cqueues = require "cqueues"

local n = tonumber(arg[1])
local Queue = {}
Queue.__index = Queue

local function new_queue()
  return setmetatable({is_full = false, item = nil, getters = condition.new(), putters = condition.new()}, Queue)
end

function Queue:put(item)
  while self.is_full do self.putters:wait() end
  self.is_full, self.item = true, item
  self.getters:signal()
end

function Queue:get()
  while not self.is_full do self.getters:wait() end
  local item = self.item
  self.is_full, self.item = false, nil
  self.putters:signal()
  return item
end

local controller, there, back = cqueues.new(), new_queue(), new_queue()
controller:wrap(function()
  for i = 1, n / 2 do
    there:put(i)
    back:get()
  end
end)
controller:wrap(function()
  for _ = 1, n / 2 do back:put(there:get()) end
end)
local started, started_cpu = cqueues.monotime(), os.clock()
assert(controller:loop())
print(("wall_s %f\ncpu_s %f"):format(cqueues.monotime() - started, os.clock() - started_cpu))
