-- gather: cancelled at each turn, with and without return_exceptions, while one of many fails and one swallows.
local async = require "lacuna"
local await = async.await

local function show(value)
  if async.isinstance(value, async.BaseError) then return value.name end
  if type(value) ~= "table" then return tostring(value) end
  local texts = {}
  for i = 1, value.n do texts[i] = show(value[i]) end
  return "[" .. table.concat(texts, " ") .. "]"
end

local fails = async(function()
  await(async.sleep(0))
  await(async.sleep(0))
  error(async.ValueError())
end)

local swallows = async(function()
  return async.try(function()
    await(async.sleep(1))
    return "slept"
  end, { [async.CancelledError] = function()
    print("swallowed")
    return "swallowed"
  end })
end)

async.run(async(function()
  for _, return_exceptions in ipairs { false, true } do
    for turns = 0, 6 do
      local children = {}
      for i, coro in ipairs { fails(), swallows(), async.sleep(1, "slept") } do
        children[i] = async.create_task(coro)
      end
      local gathering = async.gather(children, { return_exceptions = return_exceptions })
      local waiter = async.create_task(gathering)
      for _ = 1, turns do await(async.sleep(0)) end
      print(("%d %s"):format(turns, tostring(waiter:cancel())))
      print(show((select(2, pcall(await, waiter)))))
      local states = {}
      for i, child in ipairs(children) do
        states[i] = not child:done() and "pending" or child:cancelled() and "cancelled" or "done"
      end
      print(table.concat(states, " "))
      if gathering:done() and not gathering:cancelled() then
        print("gathering " .. show(gathering:exception() or gathering:result()))
      end
      await(async.sleep(2))
    end
  end
end)())
