-- json_apis: three JSON interfaces asked with the blocking requests, then gathered: three times faster.

local async = require "lacuna"
local http = require "lacuna.http"
local requests = require "lacuna.requests"
local site = require "support.site"
local time = require "lacuna.time"
local await = async.await

local function fetch_blocking(urls)
  local results = {}
  for i, url in ipairs(urls) do results[i] = requests.get(url):json() end
  return results
end

local fetch = async(function(session, url)
  return async.with(session:get(url), function(response) return await(response:json()) end)
end)

local fetch_together = async(function(urls)
  return async.with(http.ClientSession(), function(session)
    local fetches = {}
    for i, url in ipairs(urls) do fetches[i] = fetch(session, url) end
    return await(async.gather(fetches))
  end)
end)

local function timed(title, body)
  local began = time.time()
  local results = body()
  local seconds = time.time() - began
  print(("%-9s %.2f s  %s %s %s"):format(title, seconds, results[1].path, results[2].path, results[3].path))
  return seconds
end

async.with(site(arg[1]), function(address)
  local urls = {}
  for i, name in ipairs{"/stations", "/tides", "/stars"} do urls[i] = address .. "/delay/0.3" .. name end
  local blocking = timed("blocking", function() return fetch_blocking(urls) end)
  local together = timed("together", function() return await(fetch_together(urls)) end)
  print(("%.1f times faster"):format(blocking / together))
end)
