-- rules_of_await: each rule broken on purpose, and the error that says so.

local async = require "lacuna"
local await = async.await

local work = async(function()
  await(async.sleep(0.1))
  return "done"
end)
local function plain() return "plain" end

local function attempt(rule, ...)
  local ok, result = pcall(...)
  print(rule)
  print((ok and "  fine: " or "  ") .. tostring(result))
end

attempt("await what can be awaited", await, work())
attempt("a number cannot", await, 123)
attempt("nor what a plain function returned", await, plain())
attempt("nor the async function itself: call it", await, work)

local object = work()
await(object)
attempt("a coroutine object runs once: call the function again for another", await, object)

-- Callbacks of the loop run outside tasks: there is nothing that could wait.
local called = async.Future()
async.get_running_loop():call_soon(function()
  attempt("await needs a task around it", await, work())
  called:set_result()
end)
await(called)

attempt("async.run is for the top level", await, async.create_task(function() return async.run(work()) end))
