-- timeout_block: a time-out around a block of code, however many waits are in it.

local async = require "lacuna"
local await = async.await

local climb = async(function(hours)
  for hour = 1, hours do
    await(async.sleep(1))
    print(("  %d h"):format(hour))
  end
  return "at the top"
end)

for _, hours in ipairs{3, 8} do
  print(("a climb of %d hours, at most 5"):format(hours))
  async.try(function()
    print("  " .. async.with(async.timeout(5), function() return await(climb(hours)) end))
  end, {
    [async.TimeoutError] = function() print("  turned back: too late") end,
  })
end

print("a climb of 2 hours, at most 1, but the deadline moves on the way")
async.with(async.timeout(1), function(deadline)
  deadline:reschedule(async.get_running_loop():time() + 10)
  print("  " .. await(climb(2)))
end)
