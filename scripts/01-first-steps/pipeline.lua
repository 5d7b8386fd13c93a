-- pipeline: three steps, each of which takes what the step before returned.

local async = require "lacuna"
local await = async.await

local step = async(function(name, input)
  print(("%s begins with %s"):format(name, input))
  await(async.sleep(1))
  return ("%s(%s)"):format(name, input)
end)

local pipeline = async(function(source)
  local fetched = await(step("fetch", source))
  local parsed = await(step("parse", fetched))
  return await(step("store", parsed))
end)

print("result: " .. async.run(pipeline("page")))
