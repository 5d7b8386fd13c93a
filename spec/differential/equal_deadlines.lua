-- Sleeps, callbacks and time-outs that are due at the same moment.
local async = require "lacuna"
local await = async.await

local sleeper = async(function(name, seconds)
  await(async.sleep(seconds))
  print(name)
end)

async.run(async(function()
  local loop = async.get_running_loop()
  local tasks = {}
  for i = 0, 2 do tasks[i + 1] = async.create_task(sleeper("sleeper " .. i, 1)) end
  loop:call_later(1, print, "callback set early")
  await(async.sleep(0))
  loop:call_later(1, print, "callback set late")
  await(async.gather(tasks))
  for seconds = 1, 2 do
    async.try(function()
      async.with(async.timeout(1), function() await(async.sleep(seconds)) end)
      print(seconds .. " in time")
    end, { [async.TimeoutError] = function() print(seconds .. " too late") end })
  end
  local deadline = loop:time() + 1
  local outer, inner = async.timeout_at(deadline), async.timeout_at(deadline)
  async.try(function()
    async.with(outer, function()
      async.try(function()
        async.with(inner, function() await(async.sleep(5)) end)
      end, { [async.TimeoutError] = function() print("inner") end })
    end)
  end, { [async.TimeoutError] = function() print("outer") end })
  print(("%s %s %d"):format(tostring(outer:expired()), tostring(inner:expired()), async.current_task():cancelling()))
end)())
