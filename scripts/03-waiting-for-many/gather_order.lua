-- gather_order: gather gives results in the order of the call, whatever order they end in.

local async = require "lacuna"
local await = async.await

local job = async(function(name, seconds)
  print(name .. " begins")
  await(async.sleep(seconds))
  print(name .. " ends")
  return "result of " .. name
end)

local results = await(async.gather(job("first", 2), job("second", 1), job("third", 3)))
print(table.concat(results, ", "))

-- A list of any length goes in as it is.
local jobs = {}
for i = 1, 3 do jobs[i] = job("number " .. i, 2) end
print(#await(async.gather(jobs)) .. " results")
