-- in_sequence: check the network, download a file, tell somebody, one after the other. An argument seeds the luck.

local async = require "lacuna"
local await = async.await

local SECONDS_PER_MEGABYTE = 0.5

local is_connected = async(function()
  print("checking the connection …")
  await(async.sleep(1))
  return math.random() > 0.1 -- it fails 1 time in 10
end)

local download = async(function(name, megabytes)
  print(("downloading %s, %d MB …"):format(name, megabytes))
  await(async.sleep(megabytes * SECONDS_PER_MEGABYTE))
  return name .. " is here"
end)

local notify = async(function(message)
  await(async.sleep(0.5))
  print("notified: " .. message)
end)

math.randomseed(tonumber(arg[1]) or os.time())

if not await(is_connected()) then return print("no connection: try again later") end
local message = await(download("보고서.pdf", 3))
await(notify(message))
