-- graceful_shutdown: SIGTERM and Ctrl-C cancel the tasks, whose clean-up runs. After 2.5 s it signals itself.

local async = require "lacuna"
local uv = require "luv"
local await = async.await

local worker = async(function(name)
  async.try(function()
    while true do
      print(name .. " works")
      await(async.sleep(1))
    end
  end, {finally = function()
    await(async.sleep(0.5)) -- clean-up may wait
    print(name .. " has tidied up")
  end})
end)

local shutdown = async(function(loop, signal)
  print("received " .. signal)
  local tasks = {}
  for _, task in ipairs(async.all_tasks()) do
    if task ~= async.current_task() then
      task:cancel()
      tasks[#tasks + 1] = task
    end
  end
  await(async.gather(tasks, {return_exceptions = true}))
  loop:stop()
end)

local loop = async.new_event_loop()
for _, signal in ipairs{"SIGTERM", "SIGINT"} do
  loop:add_signal_handler(signal, function() loop:create_task(shutdown(loop, signal)) end)
end
loop:create_task(worker("archivist"))
loop:create_task(worker("librarian"))
loop:call_later(2.5, uv.kill, uv.os_getpid(), "sigterm")
loop:run_forever()
loop:close()
print("closed in good order")
