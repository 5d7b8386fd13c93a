-- semaphore: a hundred visits to a museum that lets five in at a time.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local inside, most = 0, 0

local visit = async(function(door, visitor)
  return async.with(door, function()
    inside = inside + 1
    most = math.max(most, inside)
    await(async.sleep(0.1))
    inside = inside - 1
    return visitor
  end)
end)

local door, visits, began = async.Semaphore(5), {}, time.time()
for visitor = 1, 100 do visits[visitor] = visit(door, visitor) end
local visitors = await(async.gather(visits))
print(("%d visitors, never more than %d inside, %.1f s"):format(#visitors, most, time.time() - began))
