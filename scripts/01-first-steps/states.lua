-- states: what a coroutine object goes through, from CREATED to CLOSED.

local async = require "lacuna"
local await = async.await

local errand
local function show(moment) print(("%-22s %s"):format(moment, async.coroutine_state(errand))) end

local go = async(function()
  show("while its code runs")
  await(async.sleep(1))
  return "done"
end)

errand = go()
show("made by the call")

local task = async.create_task(errand)
show("given to a task")

await(async.sleep(0.5)) -- the task has its turn
show("while it sleeps")

await(task)
show("after its end")
