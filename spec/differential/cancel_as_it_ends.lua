-- A cancellation before, in, and after the turn in which a task or a future ends.
local async = require "lacuna"
local await = async.await

local waits_for = async(function(fut)
  return async.try(function() return await(fut) end, { [async.CancelledError] = function(err)
    print("cancelled " .. err)
    error(err)
  end })
end)

async.run(async(function()
  for _, order in ipairs { "result first", "cancel first" } do
    for turns = 0, 3 do
      local fut = async.Future()
      local inner = async.create_task(waits_for(fut))
      local outer = async.create_task(waits_for(inner))
      await(async.sleep(0))
      await(async.sleep(0))
      local function complete()
        if not fut:done() then fut:set_result("value") end
      end
      local function cancel() print("asked " .. tostring(outer:cancel("late"))) end
      local first, second = cancel, complete
      if order == "result first" then first, second = complete, cancel end
      first()
      for _ = 1, turns do await(async.sleep(0)) end
      second()
      local ok, value = pcall(await, outer)
      print(("%s %d %s"):format(order, turns, ok and value or "CancelledError " .. value))
      print(("inner %s %d %d"):format(inner:cancelled() and "cancelled" or inner:result(), inner:cancelling(),
        outer:cancelling()))
    end
  end
end)())
