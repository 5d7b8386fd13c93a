-- runner: a loop from its making to its closing, for async.run and for the script itself.

local await_all = require("lacuna.async.gather").gather
local errors = require "lacuna.kernel.errors"
local loop_module = require "lacuna.kernel.loop"
local loops = require "lacuna.async.loops"
local options_module = require "lacuna.kernel.options"
local task_module = require "lacuna.kernel.task"

local runner = {}

--- Cancels what is pending on a loop that is not running and runs the loop until all of it has ended.
---@param loop lacuna.Loop
function runner.cancel_all(loop)
  local tasks = task_module.pending(loop)
  if #tasks == 0 then return end
  for i = 1, #tasks do tasks[i]:cancel() end
  loop:run_until_complete(await_all(tasks, { return_exceptions = true }))
  for _, task in ipairs(tasks) do
    local err = not task:cancelled() and task:exception()
    if err then
      loop:call_exception_handler {
        message = "unhandled exception during async.run() shutdown",
        exception = err,
        task = task,
        is_failed_task = true,
      }
    end
  end
end

local function nothing() end

local function wind_down(loop)
  runner.cancel_all(loop)
  -- Where asyncio shuts down its generators and its executor, which gives the last callbacks a few turns.
  for _ = 1, 2 do loop:run_until_complete(nothing) end
end

local function finish(loop, ok, ...)
  local has_wound_down, err = pcall(wind_down, loop)
  loops.set_event_loop(nil)
  loop:close()
  if not has_wound_down then error(err, 0) end -- cancelled meanwhile
  if not ok then error((...), 0) end
  return ...
end

--- Runs an awaitable on a fresh loop to its end, then cancels and awaits what it left behind, and closes the loop. The
--- calling task waits; tasks that the top level of the script started go on meanwhile.
--- Errors: RuntimeError inside a running task other than the script's top level, TypeError for what is not awaitable,
--- and whatever the awaitable raises.
--- Source: asyncio.run.
---@param awaitable any
---@param options? {debug?: boolean}
---@return any ... its values
function runner.run(awaitable, options)
  options = options_module.check("run", options, { debug = "any" })
  if not loop_module.may_run() then
    error(errors.RuntimeError("async.run() cannot be called from a running event loop: await the coroutine"), 2)
  end
  local loop = loop_module.new()
  if options.debug ~= nil then loop:set_debug(options.debug) end
  local main = task_module.new(loop, awaitable, nil, "run")
  loops.set_event_loop(loop)
  return finish(loop, pcall(loop.run_until_complete, loop, main))
end

return runner
