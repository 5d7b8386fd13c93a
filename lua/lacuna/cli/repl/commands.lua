-- commands: what the REPL understands besides Lua: lines that begin with a colon.

local show = require "lacuna.cli.repl.show"
local task_module = require "lacuna.kernel.task"
local time = require "lacuna.time"
local trap = require "lacuna.kernel.trap"
local tree = require "lacuna.debug.tree"

local commands = {}

-- The tasks that were started at the prompt and have not ended.
local function background_tasks()
  local tasks, own = {}, trap.current()
  for _, task in ipairs(task_module.pending(own:get_loop())) do
    if task ~= own then tasks[#tasks + 1] = task end
  end
  return tasks
end

--- A line for each task that was started at the prompt and has not ended.
---@return string[]
function commands.task_lines()
  local lines = {}
  for _, task in ipairs(background_tasks()) do
    lines[#lines + 1] = ("  %s %s, %s"):format(task:get_name(), tree.describe(task), tostring(task:get_coro()))
  end
  return lines
end

local function list_tasks(repl)
  local lines = commands.task_lines()
  repl:say(#lines > 0 and table.concat(lines, "\n") or "no tasks")
end

local function kill(repl, id)
  for _, task in ipairs(background_tasks()) do
    local name = task:get_name()
    if name == id or name == "Task-" .. id then
      task:cancel("killed at the prompt")
      return repl:say("asked to end: " .. name)
    end
  end
  repl:refuse(("no task %s is running; :tasks lists those that are"):format(id))
end

local function measure(repl, text)
  local started = time.perf_counter()
  repl:evaluate(text)
  repl:say(show.note(("%.6f s"):format(time.perf_counter() - started)))
end

-- Loads a module anew; the global and the local of the prompt that hold the old one get the new one.
local function reload(repl, name)
  local old = package.loaded[name]
  package.loaded[name] = nil
  local ok = repl:run(function() require(name) end)
  if not ok then
    package.loaded[name] = old
  elseif old ~= nil then
    repl.session:replace(old, package.loaded[name])
    for global, value in pairs(_G) do
      if value == old then rawset(_G, global, package.loaded[name]) end
    end
  end
end

local function document(repl, name)
  local has_documents, documents = pcall(require, "lacuna.cli.doc")
  local text = has_documents and documents.lookup(name)
  if text then repl:say(text) else repl:refuse("nothing is known of " .. name) end
end

local function leave(repl)
  repl.is_leaving = true
end

local help

-- Name, what its argument is called, what it does, run(repl, argument).
local rows = {
  { "help", nil, "this list", function(repl) help(repl) end },
  { "tasks", nil, "the tasks that run in the background", list_tasks },
  { "tree", nil, "all live tasks, and which waits for which", function() tree.print_tasks() end },
  { "kill", "ID", "cancel a task, by its name or the number in it", kill },
  { "time", "EXPR", "evaluate, and print the seconds it took", measure },
  { "load", "FILE", "run a file as if it were typed", function(repl, path) repl:load(path) end },
  { "reload", "MODULE", "load a module anew", reload },
  { "doc", "NAME", "what a function of lacuna does", document },
  { "quit", nil, "leave, as Ctrl-D does", leave },
}

function help(repl)
  for _, row in ipairs(rows) do
    repl:say(("  %-16s %s"):format(":" .. row[1] .. (row[2] and " " .. row[2] or ""), row[3]))
  end
  repl:say [[
  Everything else is Lua, and may await. _ is the last value, _err the last error.
  Ctrl-C gives up the line, or what is awaited; Ctrl-D leaves.]]
end

--- The names of the commands.
---@return string[]
function commands.names()
  local names = {}
  for i, row in ipairs(rows) do names[i] = row[1] end
  return names
end

--- Runs a line that begins with a colon.
---@param repl lacuna.cli.Repl
---@param text string
function commands.run(repl, text)
  local name, argument = text:match("^%s*:(%S+)%s*(.-)%s*$")
  for _, row in ipairs(rows) do
    if row[1] == name then
      if row[2] and argument == "" then
        return repl:refuse((":%s needs %s"):format(name, row[2]))
      end
      return row[4](repl, argument)
    end
  end
  repl:refuse(("unknown command :%s; :help lists them"):format(name))
end

return commands
