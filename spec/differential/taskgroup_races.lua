-- Task groups: failures of one turn, cancellations from outside at each turn, groups in groups.
local async = require "lacuna"
local await = async.await

local function show(err)
  if err.errors then
    local texts = {}
    for i, inner in ipairs(err.errors) do texts[i] = show(inner) end
    return "[" .. table.concat(texts, " ") .. "]"
  end
  return ("%s(%s)"):format(err.name, err.message)
end

local fails = async(function(name, seconds)
  async.try(function() await(async.sleep(seconds)) end, { [async.CancelledError] = function(err)
    print(name .. " cancelled")
    await(async.sleep(0))
    error(err)
  end })
  error(async.ValueError(name))
end)

local grouped = async(function()
  async.with(async.TaskGroup(), function(outer)
    outer:create_task(fails("a", 2))
    outer:create_task(fails("b", 2))
    async.with(async.TaskGroup(), function(inner)
      inner:create_task(fails("c", 2))
      inner:create_task(fails("d", 3))
      await(async.sleep(1))
    end)
    print("not reached")
  end)
end)

async.run(async(function()
  for second = 0, 3 do
    for turns = 0, 6 do
      local task = async.create_task(grouped())
      await(async.sleep(second))
      for _ = 1, turns do await(async.sleep(0)) end
      print(("%d %d %s"):format(second, turns, tostring(task:cancel("outside"))))
      local ok, err = pcall(await, task)
      if not ok then print(("%s %d"):format(show(err), task:cancelling())) end
    end
  end
end)())
