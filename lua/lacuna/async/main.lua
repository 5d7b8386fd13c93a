-- main: a script from its text to its exit status.
-- The script's top level is the task "main" of the main loop. A supervisor, a task of a loop of its own, runs the main
-- loop just as a script runs a loop of its own: to the end of its main task, then through what that left behind.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local home = require "lacuna.async.home"
local interruption = require "lacuna.async.interruption"
local log = require("lacuna.native.output").log
local loop_module = require "lacuna.kernel.loop"
local report = require "lacuna.async.report"
local runner = require "lacuna.async.runner"
local script = require "lacuna.async.script"
local task_module = require "lacuna.kernel.task"

local OK, FAILED, INTERRUPTED = 0, 1, 130

local function new_task(loop, fn, name)
  coroutines.names[fn] = name
  local task = task_module.new(loop, fn, name, "main")
  task.is_top_level = true
  return task
end

-- Runs the chunk as the main task and ends what that leaves behind; the status.
local function run_chunk(running, chunk, arguments)
  local main_loop = loop_module.new()
  local failed_before = home.failed_task_count
  loop_module.main_loop = main_loop
  running.task = new_task(main_loop, function() return chunk(unpack(arguments)) end, "main")
  local ok, err = pcall(main_loop.run_until_complete, main_loop, running.task)
  local status = OK
  if not ok then
    if (running.is_interrupted or interruption.task) and errors.isinstance(err, errors.CancelledError) then
      status = INTERRUPTED
    else
      status = FAILED
      report.failure("", errors.wrap(err, running.task.stack))
    end
  end
  running.task = nil
  runner.cancel_all(main_loop)
  main_loop:close()
  loop_module.main_loop = home.loop
  home.report_unretrieved(true)
  if home.failed_task_count > failed_before and status == OK then status = FAILED end
  return status
end

--- Runs a script to its end.
---@param kind "file"|"string"
---@param source string a path, "-", or the text
---@param name string what messages call it
---@param arguments string[]
---@param finish fun(status: integer) called when all has ended
local function run_main(kind, source, name, arguments, finish)
  local running = { is_interrupted = false, finish = function() finish(FAILED) end }
  home.running = running
  new_task(home.supervisor_loop, function()
    local chunk, problem, status = script.load(kind, source, name)
    if not chunk then
      log(problem)
    else
      script.enter(source, kind, arguments)
      status = run_chunk(running, chunk, arguments)
    end
    home.running = false
    finish(status)
  end, "supervisor")
end

return run_main
