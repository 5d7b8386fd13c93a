-- limited: twenty fetches, a semaphore lets five out at a time; the site has counted how many it saw at once.

local async = require "lacuna"
local http = require "lacuna.http"
local site = require "support.site"
local await = async.await

local fetch = async(function(session, slots, url)
  return async.with(slots, function()
    return async.with(session:get(url), function(response) return await(response:text()) end)
  end)
end)

async.with(site(arg[1]), function(address)
  async.with(http.ClientSession(), function(session)
    local slots, fetches = async.Semaphore(5), {}
    for i = 1, 20 do fetches[i] = fetch(session, slots, ("%s/delay/0.1/%d"):format(address, i)) end
    local texts = await(async.gather(fetches))
    local answer = await(session:get(address .. "/busiest"))
    print(("%d fetched; the site saw %d at the same time"):format(#texts, await(answer:json()).busiest))
  end)
end)
