-- run: what the command line asks for, step by step, in the script's main task.
-- host/cli/options.c lists the steps as words: a kind and its value each, then "--" and the arguments. A command line
-- that is one script needs none of this and does not come here.

local errors = require "lacuna.kernel.errors"
local names = require "lacuna.cli.names"
local report = require "lacuna.async.report"
local script = require "lacuna.async.script"
local trap = require "lacuna.kernel.trap"

local CODE_NAME = "=(command line)"

local function compile(kind, source, name)
  local chunk, problem, status = script.load(kind, source, name)
  if chunk then return chunk end
  io.stdout:flush()
  io.stderr:write("lacuna: ", problem, "\n")
  os.exit(status)
end

-- Strings as they are, everything else as inspect has it.
local function print_values(...)
  local count = select("#", ...)
  if count == 0 then return end
  local texts = {}
  for i = 1, count do
    local value = select(i, ...)
    texts[i] = type(value) == "string" and value or require "lacuna.inspect"(value)
  end
  io.stdout:write(table.concat(texts, "\t"), "\n")
end

local steps = {}

function steps.code(text, arguments)
  names.install()
  compile("string", text, CODE_NAME)(unpack(arguments))
end

function steps.expression(text, arguments)
  names.install()
  print_values(compile("string", "return " .. text, CODE_NAME)(unpack(arguments)))
end

function steps.module(name)
  local ok, result = pcall(require, name)
  if not ok then error(type(result) == "string" and result:gsub("^%[lacuna[^%]]*%]:%d+: ", "") or result, 0) end
  rawset(_G, name:match("[^.]*$"), result)
end

function steps.file(path, arguments)
  script.enter(path, "file", arguments)
  compile("file", path)(unpack(arguments))
end

function steps.command(name, arguments)
  local status = require("lacuna.cli." .. name)(arguments)
  if status ~= 0 then
    io.stdout:flush()
    os.exit(status)
  end
end

-- The prompt: lua/lacuna/cli/repl.lua is a function that returns when the user leaves.
function steps.prompt()
  names.install()
  require "lacuna.cli.repl"()
end

local function read_words(...)
  local words, plan, arguments = { ... }, {}, {}
  local i = 1
  while words[i] ~= "--" do
    plan[#plan + 1] = { kind = words[i], value = words[i + 1] }
    i = i + 2
  end
  for k = i + 1, #words do arguments[#arguments + 1] = words[k] end
  return plan, arguments
end

-- Runs a step before the prompt: what it raises is reported, and the prompt comes all the same.
local function attempt(step, arguments)
  local ok, err = trap.pcall(steps[step.kind], step.value, arguments)
  if ok then return end
  local task = trap.current()
  io.stdout:flush()
  io.stderr:write("lacuna: ", report.describe(errors.wrap(err, task.caught_error == err and task.caught_stack)), "\n")
end

--- Runs the steps. What one raises ends the script, unless the prompt is to follow: then it is reported.
---@param ... string kind, value, …, "--", arguments
local function run(...)
  local plan, arguments = read_words(...)
  local has_prompt = plan[#plan].kind == "prompt"
  arg = { [0] = arg[0], unpack(arguments) } -- luacheck: globals arg
  for i, step in ipairs(plan) do
    if has_prompt and i < #plan then
      attempt(step, arguments)
    else
      steps[step.kind](step.value, arguments)
    end
  end
end

return run
