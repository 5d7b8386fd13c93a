-- users: three users through one shared session, whose connections and settings they have in common.

local async = require "lacuna"
local http = require "lacuna.http"
local site = require "support.site"
local await = async.await

local fetch_user = async(function(session, id)
  return async.with(session:get("/delay/0.2/users/" .. id), function(response)
    response:raise_for_status()
    return await(response:json())
  end)
end)

async.with(site(arg[1]), function(address)
  local settings = {base_url = address, headers = {Accept = "application/json"}, timeout = 5}
  async.with(http.ClientSession(settings), function(session)
    local users = await(async.gather(fetch_user(session, 1), fetch_user(session, 2), fetch_user(session, 3)))
    for i, user in ipairs(users) do print(i, user.path) end
  end)
end)
