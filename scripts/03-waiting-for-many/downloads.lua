-- downloads: the same three downloads, blocking and asynchronous, timed.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local FILES = {"map.png", "song.ogg", "data.csv"}

local function download_blocking(name)
  time.sleep(2)
  return name .. " (complete)"
end

local download = async(function(name)
  await(async.sleep(2))
  return name .. " (complete)"
end)

local function timed(title, body)
  local began = time.time()
  local results = body()
  local seconds = time.time() - began
  print(("%-12s %.1f s  %s"):format(title, seconds, table.concat(results, ", ")))
  return seconds
end

local blocking = timed("blocking", function()
  local results = {}
  for i, name in ipairs(FILES) do results[i] = download_blocking(name) end
  return results
end)

local asynchronous = timed("asynchronous", function()
  local downloads = {}
  for i, name in ipairs(FILES) do downloads[i] = download(name) end
  return await(async.gather(downloads))
end)

print(("%.1f times faster"):format(blocking / asynchronous))
