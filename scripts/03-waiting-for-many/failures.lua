-- failures: with return_exceptions, gather puts a failure into its slot and the others go on.

local async = require "lacuna"
local await = async.await

local deliver = async(function(parcel, seconds)
  await(async.sleep(seconds))
  if parcel == "vase" then error(async.ValueError(parcel .. " is broken")) end
  return parcel .. " delivered"
end)

local results = await(async.gather(
  deliver("book", 1), deliver("vase", 0.5), deliver("lamp", 1.5), {return_exceptions = true}))

for i = 1, results.n do
  if async.isinstance(results[i], async.Error) then
    print(("%d failed: %s"):format(i, results[i].message))
  else
    print(("%d: %s"):format(i, results[i]))
  end
end

-- Without it, the first failure is raised at once, and the others go on unobserved.
print(pcall(await, async.gather(deliver("book", 1), deliver("vase", 0.5))))
