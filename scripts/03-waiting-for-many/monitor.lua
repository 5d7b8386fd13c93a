-- monitor: five simulated sites checked at once, statistics, and again after 5 s. An argument seeds the luck.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local SITES = {{"encyclopedia", 0.5}, {"newspaper", 1.0}, {"library", 0.8}, {"question board", 1.2}, {"지도", 0.9}}

local check = async(function(name, base_seconds)
  local seconds = base_seconds + 0.5 + 1.5 * math.random()
  await(async.sleep(seconds))
  if math.random() < 0.1 then error(async.ConnectionError(name .. " does not answer")) end
  return {name = name, seconds = seconds}
end)

local monitor = async(function()
  local began, checks = time.time(), {}
  for i, site in ipairs(SITES) do checks[i] = check(unpack(site)) end
  local results = await(async.gather(checks, {return_exceptions = true}))

  local answered, sum, failed = {}, 0, 0
  for _, result in ipairs(results) do
    if async.isinstance(result, async.Error) then
      failed = failed + 1
      print("  " .. result.message)
    else
      answered[#answered + 1], sum = result, sum + result.seconds
      print(("  %s: %.2f s"):format(result.name, result.seconds))
    end
  end
  table.sort(answered, function(a, b) return a.seconds < b.seconds end)
  print(("%d answered, %d failed, in %.2f s"):format(#answered, failed, time.time() - began))
  if #answered == 0 then return end
  local fastest, slowest = answered[1], answered[#answered]
  print(("mean %.2f s, fastest %s, slowest %s"):format(sum / #answered, fastest.name, slowest.name))
end)

math.randomseed(tonumber(arg[1]) or os.time())
await(monitor())
print("\nagain in 5 s\n")
await(async.sleep(5))
await(monitor())
