-- images: a hundred images downloaded at once, as bytes; async.fetch is the shortest way to a body.

local async = require "lacuna"
local site = require "support.site"
local await = async.await

local download = async(function(url)
  return await(await(async.fetch(url)):read())
end)

async.with(site(arg[1]), function(address)
  local downloads, bytes = {}, 0
  for i = 1, 100 do downloads[i] = download(("%s/bytes/%d"):format(address, 1000 * i)) end
  local images = await(async.gather(downloads))
  for _, image in ipairs(images) do bytes = bytes + #image end
  print(("%d images, %d bytes; the first has %d, the last %d"):format(#images, bytes, #images[1], #images[100]))
end)
