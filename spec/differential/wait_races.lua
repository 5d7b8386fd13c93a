-- wait and as_completed: conditions and time-outs that come true in one turn, cancellation at each turn.
local async = require "lacuna"
local await = async.await

local ends = async(function(seconds, how)
  await(async.sleep(seconds))
  if how == "fails" then error(async.ValueError(how)) end
  if how == "cancels" then error(async.CancelledError(how)) end
  return how
end)

local function state(task)
  if not task:done() then return "pending" end
  if task:cancelled() then return "cancelled" end
  return task:exception() and "failed" or task:result()
end

local function states(tasks)
  local texts = {}
  for i, task in ipairs(tasks) do texts[i] = state(task) end
  return table.concat(texts, " ")
end

local wait = async(function(tasks, timeout, return_when)
  local done, pending = await(async.wait(tasks, { timeout = timeout, return_when = return_when }))
  print(#done .. " " .. #pending .. " " .. states(tasks))
end)

local complete = async(function(coro, timeout)
  for aw in async.as_completed({ coro }, { timeout = timeout }) do
    local ok, value = async.pcall(await, aw)
    print("completed " .. (ok and value or value.name))
  end
end)

async.run(async(function()
  for _, condition in ipairs { "ALL_COMPLETED", "FIRST_COMPLETED", "FIRST_EXCEPTION" } do
    for i = 1, 5 do
      local timeout = ({ 0, 1, 2, 3 })[i]
      local tasks = {
        async.create_task(ends(1, "cancels")),
        async.create_task(ends(2, "fails")),
        async.create_task(ends(2, "returns")),
        async.create_task(ends(3, "returns")),
      }
      print(condition .. " " .. (timeout or "None"))
      await(wait(tasks, timeout, condition))
      await(async.wait(tasks))
    end
  end
  for turns = 0, 5 do
    local tasks = { async.create_task(ends(0, "returns")), async.create_task(ends(1, "returns")) }
    local waiting = async.create_task(wait(tasks, 1, "FIRST_COMPLETED"))
    for _ = 1, turns do await(async.sleep(0)) end
    print(turns .. " " .. tostring(waiting:cancel()))
    async.try(function() await(waiting) end, { [async.CancelledError] = function()
      print("cancelled " .. states(tasks))
    end })
    await(async.wait(tasks))
  end
  for seconds = 0, 2 do
    for i = 1, 4 do
      local timeout = ({ 0, 1, 2 })[i]
      print(seconds .. " " .. (timeout or "None"))
      await(complete(ends(seconds, timeout == 2 and "fails" or "returns"), timeout))
      await(async.sleep(3))
    end
  end
end)())
