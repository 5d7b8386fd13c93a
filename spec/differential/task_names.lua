-- The numbers that tasks get for names; see task_names.py.
local async = require "lacuna"
local await = async.await

local name = async(function() return async.current_task():get_name() end)

local main = async(function()
  print(await(name()))
  print(await(async.create_task(name())))
  print(table.concat(await(async.gather(name(), name())), " "))
  print(await(async.wait_for(name(), 1)))
  local numbered, named
  async.with(async.TaskGroup(), function(group)
    numbered = group:create_task(name())
    named = group:create_task(name(), { name = "named" })
  end)
  print(numbered:result() .. " " .. named:result())
  print(await(async.create_task(name(), { name = "also named" })))
  print(await(async.get_running_loop():create_task(name(), { name = "by the loop" })))
  print(await(async.shield(name())))
  for each in async.as_completed { name() } do print(await(each)) end
  print(await(async.create_task(name())))
end)

async.run(main())
async.run(main())
