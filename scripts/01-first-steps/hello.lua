-- hello: an async function, run from the top, and its result.

local async = require "lacuna"
local await = async.await

local greet = async(function(name)
  print("hello, " .. name)
  await(async.sleep(0.5))
  return "goodbye, " .. name
end)

print(async.run(greet("world")))
print(await(greet("세계"))) -- a script's top level is a task already: it may await without async.run
