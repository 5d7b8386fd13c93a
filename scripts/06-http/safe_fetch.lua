-- safe_fetch: a page, a time-out and a refused connection, each reported as what it is; the program goes on.

local async = require "lacuna"
local http = require "lacuna.http"
local site = require "support.site"
local await = async.await

-- The page's text, or nil after saying why not.
local safe_fetch = async(function(session, url)
  return async.try(function()
    return async.with(session:get(url, {timeout = 0.5}), function(response) return await(response:text()) end)
  end, {
    [async.TimeoutError] = function() print("timed out: " .. url:match("[^/]*$")) end,
    [http.ClientConnectorError] = function() print("refused: " .. url:match("[^/]*$")) end,
    [http.ClientError] = function(err) print("failed: " .. err.message) end,
  })
end)

async.with(site(arg[1]), function(address)
  async.with(http.ClientSession(), function(session)
    -- Nobody listens on port 9.
    for _, url in ipairs{address .. "/delay/0.1/quick", address .. "/delay/3/slow", "http://127.0.0.1:9/nobody"} do
      local text = await(safe_fetch(session, url))
      if text then print("fetched: " .. text) end
    end

    -- A limit on the whole, above the limit on each.
    local all = async.gather(
      safe_fetch(session, address .. "/delay/0.4/one"), safe_fetch(session, address .. "/delay/0.4/two"))
    async.try(function() await(async.wait_for(all, 0.2)) end, {
      [async.TimeoutError] = function() print("the whole took too long") end,
    })
  end)
end)
