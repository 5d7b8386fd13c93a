-- main: a script from its text to its exit status.
-- The script's top level is the task "main" of the main loop. A supervisor, a task of a loop of its own, runs the main
-- loop just as a script runs a loop of its own: to the end of its main task, then through what that left behind.

local errors = require "lacuna.kernel.errors"
local generator = require "lacuna.kernel.generator"
local layout = require "lacuna.kernel.layout"
local loop_module = require "lacuna.kernel.loop"
local native = require "lacuna.native.scheduler"
local report = require "lacuna.async.report"
local runner = require "lacuna.async.runner"
local script = require "lacuna.async.script"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"
local unretrieved = require "lacuna.kernel.unretrieved"

local OK, FAILED, INTERRUPTED = 0, 1, 130

local function say(text)
  io.stdout:flush()
  io.stderr:write("lacuna: ", text, "\n")
end

-- Reports the failed tasks that nobody will look at; at the end also those that somebody still could.
local function report_unretrieved(is_end)
  for _, fut in ipairs(unretrieved.take(is_end)) do
    fut:get_loop():call_exception_handler {
      message = fut.class_name .. " exception was never retrieved",
      exception = fut[layout.RESULT],
      future = fut,
      is_failed_task = fut.stack ~= nil, -- a future that failed by hand is reported, and no more
    }
  end
end

-- Debug mode and the task tree are loaded when they are first needed.
local function checks()
  return require "lacuna.debug.checks"
end

--- Runs a script to its end.
---@param kind "file"|"string"
---@param source string a path, "-", or the text
---@param name string what messages call it
---@param arguments string[]
---@param finish fun(status: integer) called when all has ended
local function run_main(kind, source, name, arguments, finish)
  local main_task, supervisor
  local is_interrupted = false
  local has_failed_task = false -- one that nobody looked at: it went to the report, not to a handler of the script's

  loop_module.install {
    report = function(_, context)
      has_failed_task = has_failed_task or context.is_failed_task
      report.print(context)
    end,
    may_run = function()
      local task = trap.current()
      return task and (task == main_task or task == supervisor)
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
      finish(FAILED)
    end,
    interrupted = function()
      is_interrupted = true
      if main_task then main_task:cancel() end
    end,
    notified = function()
      report_unretrieved(false)
      if package.loaded["lacuna.debug.checks"] then checks().report_never_awaited(false) end
    end,
  }
  generator.install()
  local root, main_loop = loop_module.new(), loop_module.new()
  root.is_hidden = true
  loop_module.main_loop = main_loop

  local function run_script(chunk)
    main_task = task_module.new(main_loop, function() return chunk(unpack(arguments)) end, "main", "main")
    local ok, err = pcall(main_loop.run_until_complete, main_loop, main_task)
    local status = OK
    if not ok then
      if is_interrupted and errors.isinstance(err, errors.CancelledError) then
        status = INTERRUPTED
      else
        status = FAILED
        say(report.describe(errors.wrap(err, main_task.stack)))
      end
    end
    main_task = nil
    runner.cancel_all(main_loop)
    main_loop:close()
    report_unretrieved(true)
    if has_failed_task and status == OK then status = FAILED end
    return status
  end

  root.is_running_now = true
  root.when_stopped = { set_result = function() end }
  native.start(root[layout.NATIVE], root)
  supervisor = task_module.new(root, function()
    local chunk, problem, status = script.load(kind, source, name)
    if not chunk then
      say(problem)
    else
      script.prepare(source, kind, arguments)
      status = run_script(chunk)
    end
    root:stop()
    finish(status)
  end, "supervisor", "main")
end

return run_main
