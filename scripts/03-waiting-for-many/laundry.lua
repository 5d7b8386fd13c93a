-- laundry: gathers one after another: what must wait for the machine is in order, what need not goes on beside it.

local async = require "lacuna"
local await = async.await

local MINUTE = 0.1 -- seconds: here a minute passes in a tenth of a second
local loop = async.get_running_loop()
local began = loop:time()
local function log(event) print(("%2.0f min  %s"):format((loop:time() - began) / MINUTE, event)) end

local go_on = async(function(what, minutes)
  log(what .. " …")
  await(async.sleep(minutes * MINUTE))
  log(what .. ": done")
end)

await(async.gather(go_on("the washing machine runs", 30), go_on("coffee in the café", 25)))
await(async.gather(go_on("the dryer runs", 20), go_on("a chapter of the book", 15)))
log("clothes are clean and dry, and nobody watched a drum turn")
