-- retry_test: a test of a retry policy that waits a quarter of an hour, on a virtual clock: exact, and over at once.

local async = require "lacuna"
local await = async.await

-- The policy: 1, 2, 4 … but at most 300 seconds between attempts.
local persist = async(function(attempt, max_attempts)
  for number = 1, max_attempts do
    local ok, result = async.pcall(attempt, number)
    if ok then return result end
    await(async.sleep(math.min(2 ^ (number - 1), 300)))
  end
end)

local loop = async.new_event_loop{clock = "virtual"}
local began, moments = loop:time(), {}

local result = loop:run_until_complete(persist(function(number)
  moments[number] = loop:time() - began
  if number < 11 then error("not yet") end
  return "at last"
end, 20))
loop:close()

local expected = {0, 1, 3, 7, 15, 31, 63, 127, 255, 511, 811}
for i, moment in ipairs(expected) do assert(moments[i] == moment, "attempt " .. i) end
assert(#moments == #expected and result == "at last")
print(("%d attempts within %d s: as promised"):format(#moments, moments[#moments]))
