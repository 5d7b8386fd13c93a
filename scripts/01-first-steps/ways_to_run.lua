-- ways_to_run: the top level, async.run, and a loop made, used and closed by hand.

local async = require "lacuna"
local await = async.await

local work = async(function(name)
  await(async.sleep(1))
  return name .. " has run"
end)

-- 1. A script's top level is a task: just await. This is the way for scripts.
print(await(work("await")))

-- 2. async.run makes a loop, runs one awaitable to its end, cancels what is left and closes the loop.
print(async.run(work("async.run")))

-- 3. What async.run does, by hand. There is hardly ever a reason to.
local loop = async.new_event_loop()
async.set_event_loop(loop)
async.try(function()
  print(loop:run_until_complete(work("run_until_complete")))
  local results = loop:run_until_complete(async(function()
    return await(async.gather(work("one"), work("another")))
  end)())
  print(table.concat(results, ", "))
end, {finally = function()
  async.set_event_loop(nil)
  loop:close()
end})
print("closed:", loop:is_closed())
