-- task_group: results after the block; when one fails, the others are cancelled and the group raises what failed.

local async = require "lacuna"
local await = async.await

local fetch = async(function(name, seconds)
  async.try(function() await(async.sleep(seconds)) end, {
    [async.CancelledError] = function(err)
      print(name .. " is cancelled")
      error(err, 0)
    end,
  })
  if name == "flood" then error(async.ValueError("no such river")) end
  return name .. " fetched"
end)

local first, second, third
async.with(async.TaskGroup(), function(group)
  first = group:create_task(fetch("han", 1))
  second = group:create_task(fetch("geum", 2))
  third = group:create_task(fetch("imjin", 1))
end)
print(first:result(), second:result(), third:result())

async.try(function()
  async.with(async.TaskGroup(), function(group)
    group:create_task(fetch("han", 3))
    group:create_task(fetch("flood", 1))
    group:create_task(fetch("imjin", 3))
  end)
end, {
  [async.ExceptionGroup] = function(failures)
    print(failures.message)
    for _, failure in ipairs(failures.errors) do print("  " .. tostring(failure)) end
  end,
})
