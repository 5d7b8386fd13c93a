-- run: what the command line asks for, step by step, in the script's main task.
-- host/cli/options.c lists the steps as words: a kind and its value each, then "--" and the arguments. A command line
-- that is one script needs none of this and does not come here.

local names = require "lacuna.cli.names"
local script = require "lacuna.async.script"

local CODE_NAME = "=(command line)"

-- Where a prompt follows, what it runs first is an input of its session, whose locals stay.
local function compile(session, kind, source, name)
  local chunk, problem, status, text = script.load(kind, source, name)
  if session and text then chunk = session:compile(text, name or "@" .. source) end
  if chunk then return chunk end
  if session then error(problem, 0) end
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

function steps.code(text, arguments, session)
  names.install()
  compile(session, "string", text, CODE_NAME)(unpack(arguments))
end

function steps.expression(text, arguments, session)
  names.install()
  print_values(compile(session, "string", "return " .. text, CODE_NAME)(unpack(arguments)))
end

function steps.module(name)
  local ok, result = pcall(require, name)
  if not ok then error(type(result) == "string" and result:gsub("^%[lacuna[^%]]*%]:%d+: ", "") or result, 0) end
  rawset(_G, name:match("[^.]*$"), result)
end

function steps.file(path, arguments, session)
  script.enter(path, "file", arguments)
  compile(session, "file", path)(unpack(arguments))
end

function steps.command(name, arguments)
  local status = require("lacuna.cli." .. name)(arguments)
  if status ~= 0 then
    io.stdout:flush()
    os.exit(status)
  end
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

-- Runs the steps, and then the prompt. What a step raises is shown, and the prompt comes all the same.
local function run_with_prompt(plan, arguments)
  names.install()
  local repl = require("lacuna.cli.repl").new()
  for _, step in ipairs(plan) do
    repl:run(function() steps[step.kind](step.value, arguments, repl.session) end)
  end
  repl:prompt()
end

--- Runs the steps. What one raises ends the script, unless the prompt is to follow.
---@param ... string kind, value, …, "--", arguments
local function run(...)
  local plan, arguments = read_words(...)
  arg = { [0] = arg[0], unpack(arguments) } -- luacheck: globals arg
  if plan[#plan].kind == "prompt" then
    plan[#plan] = nil
    return run_with_prompt(plan, arguments)
  end
  for _, step in ipairs(plan) do steps[step.kind](step.value, arguments) end
end

return run
