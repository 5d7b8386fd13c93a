-- pages: thirty pages fetched at once through one session: the time of the slowest, not the sum. Takes an address.

local async = require "lacuna"
local http = require "lacuna.http"
local site = require "support.site"
local time = require "lacuna.time"
local await = async.await

local fetch = async(function(session, url)
  return async.with(session:get(url), function(response) return #await(response:text()) end)
end)

async.with(site(arg[1]), function(address)
  async.with(http.ClientSession(), function(session)
    local fetches, delays = {}, 0
    for i = 1, 30 do
      local delay = i / 100
      fetches[i], delays = fetch(session, ("%s/delay/%.2f/page/%d"):format(address, delay, i)), delays + delay
    end
    local began, bytes = time.time(), 0
    for _, size in ipairs(await(async.gather(fetches))) do bytes = bytes + size end
    print(("%d pages, %d bytes"):format(#fetches, bytes))
    print(("elapsed %.2f s, the delays add up to %.2f s"):format(time.time() - began, delays))
  end)
end)
