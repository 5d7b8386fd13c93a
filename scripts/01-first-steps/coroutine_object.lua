-- coroutine_object: calling a plain function runs it; calling an async function makes an object that awaiting runs.

local async = require "lacuna"
local await = async.await

local function measure(length)
  print("plain function: runs from beginning to end")
  return length * 2
end

local measure_slowly = async(function(length)
  print("coroutine: begins")
  await(async.sleep(1)) -- may stop here and go on later
  print("coroutine: ends")
  return length * 2
end)

print("result", measure(10))

local object = measure_slowly(10)
print("nothing has run: " .. tostring(object))
print(("iscoroutine: %s, iscoroutinefunction: %s"):format(
  async.iscoroutine(object), async.iscoroutinefunction(measure_slowly)))
print("result", await(object))

print(pcall(await, object)) -- it has run: there is nothing left to await
