-- retry: tries again after 1, 2, 4 … seconds; the last failure is raised.

local async = require "lacuna"
local await = async.await

local fetch_with_retry = async(function(fetch, max_attempts, base_seconds)
  for attempt = 1, max_attempts do
    local ok, result = async.pcall(await, fetch()) -- a cancellation is no reason to try again: it passes through
    if ok then return result end
    if attempt == max_attempts then error(result, 0) end
    local seconds = base_seconds * 2 ^ (attempt - 1)
    print(("attempt %d: %s; again in %d s"):format(attempt, result.message, seconds))
    await(async.sleep(seconds))
  end
end)

local function failing(times)
  return async(function()
    times = times - 1
    if times >= 0 then error(async.ConnectionError("the line is dead")) end
    return "got through"
  end)
end

print(await(fetch_with_retry(failing(2), 4, 1)))
print(pcall(await, fetch_with_retry(failing(9), 4, 1)))
