-- home: what a runtime has besides its scripts.
-- Its own loop runs from the first use to the end and holds the tasks that the embedding program starts; the
-- supervisors of scripts have a loop beside it. Here too is what the scheduler and the loops ask of whoever hosts them.

local generator = require "lacuna.kernel.generator"
local interruption = require "lacuna.async.interruption"
local layout = require "lacuna.kernel.layout"
local loop_module = require "lacuna.kernel.loop"
local native = require "lacuna.native.scheduler"
local report = require "lacuna.async.report"
local script = require "lacuna.async.script"
local stacks = require "lacuna.kernel.stacks"
local trap = require "lacuna.kernel.trap"
local unretrieved = require "lacuna.kernel.unretrieved"

local home = {
  running = false, -- the script that lacuna_run_* runs: {task, is_interrupted, finish}
  failed_task_count = 0, -- of scripts: those that nobody looked at, and that were reported
}

-- Debug mode and the task tree are loaded when they are first needed.
local function checks()
  return require "lacuna.debug.checks"
end

--- Reports the failed tasks that nobody will look at; at the end of a script also those that somebody still could.
---@param is_end boolean
function home.report_unretrieved(is_end)
  for _, fut in ipairs(unretrieved.take(is_end and home.loop)) do
    fut:get_loop():call_exception_handler {
      message = fut.class_name .. " exception was never retrieved",
      exception = fut[layout.RESULT],
      future = fut,
      is_failed_task = fut.stack ~= nil, -- a future that failed by hand is reported, and no more
    }
  end
end

-- Makes a loop that runs until the runtime ends.
local function start_loop()
  local loop = loop_module.new()
  loop.is_running_now = true
  loop.when_stopped = { set_result = function() end }
  native.start(loop[layout.NATIVE], loop)
  return loop
end

loop_module.install {
  report = function(loop, context)
    if context.is_failed_task and loop ~= home.loop then home.failed_task_count = home.failed_task_count + 1 end
    report.unhandled(context)
  end,
  may_run = function()
    local task = trap.current()
    return task and task.is_top_level
  end,
  set_checks = function(is_on) checks().set(is_on) end,
  check_closing = function(loop) checks().on_close(loop) end,
  slow = function(loop, seconds, thread) checks().report_slow(loop, seconds, thread) end,
  print_tree = function() require("lacuna.debug.tree").print_tasks() end,
  deadlock = function()
    for loop in loop_module.each() do
      if loop.signal_handlers then return end -- a signal may come
    end
    require("lacuna.debug.tree").print_deadlock()
    if home.running then home.running.finish() end
  end,
  interrupted = function()
    local running, broken_off = home.running, interruption.task
    interruption.task = false
    if not running then return end
    running.is_interrupted = true
    if running.task and running.task ~= broken_off then running.task:cancel() end -- else it is cleaning up
  end,
  notified = function()
    home.report_unretrieved(false)
    if package.loaded["lacuna.debug.checks"] then checks().report_never_awaited(false) end
  end,
}
generator.install()
stacks.install()
script.install()
home.supervisor_loop = start_loop()
home.supervisor_loop.is_hidden = true
home.loop = start_loop()
loop_module.main_loop = home.loop

return home
