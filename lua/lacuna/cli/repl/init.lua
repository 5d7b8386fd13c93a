-- repl: the prompt: read, evaluate, print, until the input ends.
-- It runs in the script's main task, so an input may do what a script may, and Ctrl-C, which cancels that task, is met
-- either by the reader, which gives the line up, or by what the input awaits. The loop goes on while the user types.

local build = require "lacuna.native.build"
local commands = require "lacuna.cli.repl.commands"
local errors = require "lacuna.kernel.errors"
local home = require "lacuna.async.home"
local interruption = require "lacuna.async.interruption"
local loop_module = require "lacuna.kernel.loop"
local luv = require "luv"
local native = require "lacuna.native.lineedit"
local paths = require "lacuna.cli.repl.paths"
local report = require "lacuna.async.report"
local session_module = require "lacuna.cli.repl.session"
local show = require "lacuna.cli.repl.show"
local sleep = require "lacuna.kernel.sleep"
local trap = require "lacuna.kernel.trap"
local unretrieved = require "lacuna.kernel.unretrieved"

local INTERRUPTED = 130 -- the status

---@class lacuna.cli.Repl
---@field session lacuna.cli.Session
---@field is_leaving boolean
local Repl = {}
Repl.__index = Repl

--- Prints a line of the REPL's own.
---@param text string
function Repl:say(text)
  io.stdout:write(text, "\n")
end

--- Prints what is wrong with what was asked of the REPL itself.
---@param text string
function Repl:refuse(text)
  io.stdout:flush()
  io.stderr:write(show.error(text), "\n")
end

--- Prints an error, and keeps it in `_err`.
---@param err any
---@param stack? string where it was raised
function Repl:show_error(err, stack)
  rawset(_G, "_err", err)
  io.stdout:flush()
  io.stderr:write(show.error(err, stack), "\n")
end

-- Prints what an input gave, and keeps the first value in `_`.
local function print_values(...)
  local text = show.values(...)
  if not text then return end
  io.stdout:write(text, "\n")
  if (...) ~= nil then rawset(_G, "_", (...)) end
end

-- Ctrl-C has been met: the main task is not being cancelled any more.
local function forget_interrupts(task)
  if task:cancelling() == 0 then return false end
  while task:cancelling() > 0 do task:uncancel() end
  pcall(trap.await, sleep(0)) -- takes a request that has not been raised yet
  return true
end

local function finish(repl, is_ok, ...)
  local task = trap.current()
  local err = ...
  local is_interrupted = interruption.task == task -- code that never waited
  is_interrupted = forget_interrupts(task) or is_interrupted
  if is_ok then
    local ok, problem = trap.pcall(print_values, ...)
    if not ok then repl:show_error(problem) end
  elseif is_interrupted and errors.isinstance(err, errors.CancelledError) then
    if native.is_terminal(0) then io.stdout:write("\n") end -- it shows ^C
    repl:show_error(errors.quiet(errors.CancelledError, err.message == "" and "interrupted" or err.message))
  else
    repl:show_error(err, task.caught_error == err and task.caught_stack or nil)
  end
  task.caught_error, task.caught_stack = nil, nil
  return is_ok
end

--- Runs a function in the foreground and prints what it returns or raises. Ctrl-C cancels what it awaits.
---@param fn function
---@return boolean ok false if it raised an error
function Repl:run(fn)
  return finish(self, trap.pcall(fn))
end

--- Compiles an input and runs it.
---@param text string
---@param name? string what messages call it
---@return boolean ok
function Repl:evaluate(text, name)
  local chunk, problem = self.session:compile(text, name)
  if chunk then return self:run(chunk) end
  self:show_error(problem)
  return false
end

--- Runs a file as if it were typed: its outermost locals stay visible.
---@param path string
---@return boolean ok
function Repl:load(path)
  local file, problem = io.open(path, "rb")
  local text = file and file:read("*a")
  if file then file:close() end
  if not text then
    self:refuse(("cannot read %s"):format(problem or path))
    return false
  end
  return self:evaluate((text:gsub("^#[^\n]*", "")), "@" .. path)
end

-- Reports the tasks that have failed while nobody waited for them, once nothing is about to look at them.
local function report_failures(repl, is_idle)
  if not is_idle or unretrieved.count() == repl.failure_count then return end
  repl.failure_count = unretrieved.count()
  home.report_unretrieved(true)
end

local function prompt_of(name, default)
  local prompt = rawget(_G, name)
  return type(prompt) == "string" and prompt or default
end

-- The reader for a terminal that can be edited on, or else the plain one.
local function open_reader(repl)
  local settings = {
    prompts = function() return prompt_of("_PROMPT", "> "), prompt_of("_PROMPT2", ". ") end,
    on_wait = function(is_idle) report_failures(repl, is_idle) end,
    session = repl.session,
  }
  local terminal = os.getenv "TERM"
  if native.is_terminal(0) and native.is_terminal(1) and terminal and terminal ~= "dumb" then
    settings.history = require("lacuna.cli.repl.history").open(paths.history_file())
    local reader, problem = require("lacuna.cli.repl.terminal").open(settings)
    if reader then return reader end
    repl:say(show.note("plain input: " .. problem))
  end
  return require("lacuna.cli.repl.plain").open(settings)
end

local function run_startup_file(repl)
  local path, is_asked_for = paths.startup_file()
  local file = path and io.open(path)
  if file then file:close() end
  if file or is_asked_for then repl:load(path) end
end

-- Reads and evaluates until the user leaves or the input ends.
local function run_inputs(repl)
  local task = trap.current()
  while not repl.is_leaving do
    local ok, text = pcall(repl.reader.read, repl.reader)
    if not ok then
      if not errors.isinstance(text, errors.CancelledError) then error(text, 0) end
      forget_interrupts(task)
      repl.reader:interrupted()
    elseif not text then
      return
    elseif text:find("^%s*:%a") then
      commands.run(repl, text)
    elseif text:find("%S") then
      repl:evaluate(text)
    end
  end
end

-- What still runs is named. It is cancelled after the prompt, as after any script; Ctrl-C then ends the program, for
-- there is nothing left that it could give up.
local function leave(repl)
  local lines = commands.task_lines()
  if #lines == 0 then return end
  local signal = luv.new_signal()
  signal:unref()
  signal:start("sigint", function() os.exit(INTERRUPTED) end)
  repl:say(("still running, now cancelled: %d task%s\n%s"):format(
    #lines, #lines == 1 and "" or "s", table.concat(lines, "\n")))
end

--- Runs the prompt until the user leaves, or the input ends. Suspends.
function Repl:prompt()
  local task, exit, finish_script = trap.current(), os.exit, home.running.finish
  home.running.finish = function() task:cancel("nothing can wake it") end -- a deadlock does not end the prompt
  self.reader = open_reader(self)
  rawset(os, "exit", function(...) -- leaves the terminal as it was found
    self.reader:close()
    exit(...)
  end)
  if native.is_terminal(0) and native.is_terminal(1) then
    self:say(("lacuna %s, %s: await works here, :help lists the commands"):format(build.version, jit.version))
  end
  run_startup_file(self)
  local ok, err = pcall(run_inputs, self)
  self.reader:close()
  rawset(os, "exit", exit)
  home.running.finish = finish_script
  if not ok then error(err, 0) end
  leave(self)
end

local repl_module = {}

--- A session without inputs, whose prompt has not been shown. A task that fails is reported from here on, and does not
--- make the program's status 1.
---@return lacuna.cli.Repl
function repl_module.new()
  loop_module.report = function(_, context) report.unhandled(context) end
  return setmetatable({
    session = session_module.new(_G),
    failure_count = unretrieved.count(),
    is_leaving = false,
  }, Repl)
end

return repl_module
