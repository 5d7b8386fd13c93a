-- The order of done callbacks, call_soon and waking tasks around one future, and around a task that ends.
local async = require "lacuna"
local await = async.await

local waits = async(function(name, fut)
  async.try(function()
    local value = await(fut)
    print(name .. " " .. (value or "None"))
  end, {
    [async.CancelledError] = function() print(name .. " cancelled") end,
    [async.ValueError] = function(err) print(name .. " failed " .. err) end,
  })
end)

async.run(async(function()
  local loop = async.get_running_loop()
  for _, outcome in ipairs { "result", "error", "cancel" } do
    local fut = loop:create_future()
    local tasks = { async.create_task(waits("first", fut)) }
    await(async.sleep(0))
    fut:add_done_callback(function(f) print("callback " .. tostring(f:cancelled())) end)
    fut:add_done_callback(function() loop:call_soon(print, "soon from callback") end)
    local shielded = async.shield(fut)
    tasks[2] = async.create_task(waits("shielded", shielded))
    tasks[3] = async.create_task(waits("second", fut))
    local gathering = async.gather(fut, { return_exceptions = true })
    tasks[4] = async.create_task(waits("wrapped", tasks[1]))
    await(async.sleep(0))
    loop:call_soon(print, "soon before")
    if outcome == "result" then
      fut:set_result("value")
    elseif outcome == "error" then
      fut:set_exception(async.ValueError("value"))
    else
      fut:cancel()
    end
    loop:call_soon(print, "soon after")
    fut:add_done_callback(function() print("late callback") end)
    tasks[5] = async.create_task(waits("late", fut))
    for i = 0, 4 do
      print(("turn %d %s %s"):format(i, tostring(shielded:done()), tostring(gathering:done())))
      await(async.sleep(0))
    end
    local done, pending = await(async.wait(tasks))
    print(#done .. " " .. #pending)
  end
end)())
