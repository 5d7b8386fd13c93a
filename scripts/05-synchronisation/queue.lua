-- queue: one producer, three consumers, room for five: put waits while the queue is full, join for the last item.

local async = require "lacuna"
local await = async.await

local produce = async(function(queue)
  for i = 1, 10 do
    await(queue:put("item " .. i))
    print("put  item " .. i)
    await(async.sleep(0.1))
  end
end)

local consume = async(function(name, queue, seconds)
  while true do
    local item = await(queue:get())
    await(async.sleep(seconds))
    print(("%s has done %s"):format(name, item))
    queue:task_done()
  end
end)

local queue, consumers = async.Queue(5), {}
for i, seconds in ipairs{1.03, 1.27, 1.51} do -- no two end at the same time
  consumers[i] = async.create_task(consume("consumer " .. i, queue, seconds))
end

await(produce(queue))
await(queue:join())
print("every item is done")

for _, consumer in ipairs(consumers) do consumer:cancel() end -- they would wait for more for ever
