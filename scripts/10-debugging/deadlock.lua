-- deadlock: two tasks each hold what the other needs. lacuna sees that nothing can ever happen again, says so and ends.

local async = require "lacuna"
local await = async.await

local pen, paper = async.Lock(), async.Lock()

local write = async(function(first, second)
  async.with(first, function()
    await(async.sleep(0.1))
    async.with(second, function() print("written") end)
  end)
end)

local a = async.create_task(write(pen, paper), {name = "letter"})
local b = async.create_task(write(paper, pen), {name = "diary"})
await(async.gather(a, b))
