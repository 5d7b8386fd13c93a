-- virtual: runs the body of a spec on a loop of its own whose time passes at once, and watches what it leaves behind.
local async = require "lacuna"

local virtual = {}

---A fresh loop on the virtual clock. `loop.reports` lists the contexts that its exception handler was given.
---@return lacuna.Loop
function virtual.new_loop()
  local loop = async.new_event_loop { clock = "virtual" }
  loop.reports = {}
  loop:set_exception_handler(function(_, context) loop.reports[#loop.reports + 1] = context end)
  return loop
end

---Cancels what a loop that is not running still has, waits for it, and closes the loop.
---@param loop lacuna.Loop
function virtual.close(loop)
  local tasks = async.all_tasks(loop)
  for _, task in ipairs(tasks) do task:cancel() end
  if #tasks > 0 then loop:run_until_complete(async.wait(tasks)) end
  for _, task in ipairs(tasks) do
    if not task:cancelled() then task:exception() end
  end
  loop:close()
end

local function finish(loop, ok, ...)
  virtual.close(loop)
  if not ok then error((...), 0) end
  return ...
end

---Runs a function as a task on a fresh loop and returns what it returns.
---@param fn fun(loop: lacuna.Loop): ...
---@return any ...
function virtual.run(fn)
  local loop = virtual.new_loop()
  return finish(loop, pcall(loop.run_until_complete, loop, function() return fn(loop) end))
end

---The same as a body for `it`.
---@param fn fun(loop: lacuna.Loop)
---@return fun()
function virtual.body(fn)
  return function() virtual.run(fn) end
end

---Lets every other ready task take its turn, `count` times.
---@param count? integer 1 unless given
function virtual.turns(count)
  for _ = 1, count or 1 do async.await(async.sleep(0)) end
end

---Calls fn and gives the error that it raises, which must be of a class.
---@param class table
---@param fn function
---@param ... any
---@return lacuna.BaseError
function virtual.raised(class, fn, ...)
  local ok, err = pcall(fn, ...)
  if ok then error("no error was raised, " .. class.name .. " expected", 2) end
  if not async.isinstance(err, class) then error(class.name .. " expected, got " .. tostring(err), 2) end
  return err
end

return virtual
