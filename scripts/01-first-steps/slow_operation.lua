-- slow_operation: await gives the result of something slow, and whoever awaits goes on only then.

local async = require "lacuna"
local await = async.await

local count_stars = async(function()
  print("  counting …")
  await(async.sleep(2))
  print("  counted")
  return 6000
end)

local main = async(function()
  print("main begins")
  local stars = await(count_stars())
  print(("main has the result: %d stars"):format(stars))
  print("main ends")
end)

async.run(main())
