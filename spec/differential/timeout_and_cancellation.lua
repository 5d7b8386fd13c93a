-- A time-out, a cancellation from outside and the end of the block, in each order, nested, and around a group.
local async = require "lacuna"
local await = async.await

local blocks = {}

function blocks.sleep() await(async.sleep(2)) end

blocks["slow clean-up"] = function()
  async.try(function() await(async.sleep(9)) end, { finally = function() await(async.sleep(1)) end })
end

function blocks.nested()
  async.with(async.timeout(1), function() await(async.sleep(9)) end)
end

function blocks.swallow()
  async.try(function() await(async.sleep(9)) end, { [async.CancelledError] = function()
    print("swallowed " .. async.current_task():cancelling())
  end })
  await(async.sleep(1))
end

function blocks.group()
  async.with(async.TaskGroup(), function(group)
    group:create_task(async.sleep(9))
    group:create_task(blocks["slow clean-up"])
  end)
end

local limited = async(function(kind)
  local timeout = async.timeout(2)
  async.try(function()
    async.with(timeout, blocks[kind])
    print("through")
  end, { finally = function()
    print(("expired %s %d"):format(tostring(timeout:expired()), async.current_task():cancelling()))
  end })
end)

async.run(async(function()
  local loop = async.get_running_loop()
  for _, kind in ipairs { "sleep", "slow clean-up", "nested", "swallow", "group" } do
    for _, seconds in ipairs { 1, 2, 3, 9 } do
      for turns = 0, 2 do
        local task = async.create_task(limited(kind))
        local function hop(left)
          if left > 0 then
            loop:call_soon(hop, left - 1)
          else
            print("asked " .. tostring(task:cancel("outside")))
          end
        end
        loop:call_later(seconds, hop, turns)
        print(("%s %d %d"):format(kind, seconds, turns))
        local ok, err = pcall(await, task)
        if not ok then print(err.name) end
        await(async.sleep(20))
      end
    end
  end
end)())
