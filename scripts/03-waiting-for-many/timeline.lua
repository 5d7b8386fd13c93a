-- timeline: what the loop does, second by second, while three downloads wait.

local async = require "lacuna"
local await = async.await

local loop = async.get_running_loop()
local began = loop:time()
local function log(event) print(("%.1f s  %s"):format(loop:time() - began, event)) end

local download = async(function(name, seconds)
  log(name .. " begins, and waits")
  await(async.sleep(seconds))
  log(name .. " ends")
end)

await(async.gather(download("A", 2), download("B", 1), download("C", 3)))
log("all have ended")
