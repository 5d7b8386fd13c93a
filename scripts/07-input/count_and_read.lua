-- count_and_read: counts every second for ten seconds and reads what the user types meanwhile, at a terminal or a pipe.

local async = require "lacuna"
local await = async.await

local count = async(function()
  for second = 1, 10 do
    await(async.sleep(1))
    print(("%d s"):format(second))
  end
end)

local read = async(function()
  while true do
    local line = await(async.input("> "))
    if not line then return print("no more input") end
    print("you typed: " .. line)
  end
end)

local reader = async.create_task(read())
await(count())
reader:cancel() -- it may still wait for a line
