-- file_sizes: three files at once, each for a time in proportion to its size.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local MEGABYTES_PER_SECOND = 20
local FILES = {["letters.txt"] = 10, ["photos.zip"] = 50, ["film.mkv"] = 100} -- megabytes

local pack = async(function(name, megabytes)
  await(async.sleep(megabytes / MEGABYTES_PER_SECOND))
  print(("%-12s %3d MB packed"):format(name, megabytes))
  return megabytes
end)

local began, total = time.time(), 0
local jobs = {}
for name, megabytes in pairs(FILES) do jobs[#jobs + 1] = pack(name, megabytes) end
for _, megabytes in ipairs(await(async.gather(jobs))) do total = total + megabytes end
print(("%d MB in %.1f s"):format(total, time.time() - began))
