-- The command line: its options and their order, and what is written from the same tables.

local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")
local BUILD = os.getenv("LACUNA_BUILD") or "build"

local function run(arguments, environment)
  return shell.run(("%s %s %s"):format(environment or "", LACUNA, arguments))
end

local function expect_output(expected, arguments, environment)
  assert.same({status = 0, stdout = expected, stderr = ""}, run(arguments, environment))
end

describe("wrong usage", function()
  local cases = { -- arguments, what stderr says, environment
    {"--nonsense", "unknown option: --nonsense"},
    {"-x", "unknown option: -x"},
    {"-vx", "unknown option: -vx"},
    {"--clockwise=virtual", "unknown option: --clockwise=virtual"},
    {"-e", "option without its value: -e"},
    {"-p 1 -e", "option without its value: -e"},
    {"-l", "option without its value: -l"},
    {"--clock", "option without its value: --clock"},
    {"--clock=fast -e ''", "wrong value for --clock: fast"},
    {"--clock fast", "wrong value for --clock: fast"},
    {"--clock=", "wrong value for --clock: "},
    {"--shuffle=0 -e ''", "wrong value for --shuffle: 0"},
    {"--shuffle=1x -e ''", "wrong value for --shuffle: 1x"},
    {"--debug=1", "option that takes no value: --debug=1"},
    {"-e ''", "wrong value for LACUNA_CLOCK: fast", "LACUNA_CLOCK=fast"},
  }
  for _, case in ipairs(cases) do
    it(("is said in a line, with the usage: %s %s"):format(case[3] or "", case[1]), function()
      local result = run(case[1], case[3])
      assert.equal(2, result.status)
      assert.equal("", result.stdout)
      local usage = "usage: lacuna [options] [script.lua | - | command] [arguments]\nlacuna --help lists the options\n"
      assert.equal(("lacuna: %s\n%s"):format(case[2], usage), result.stderr)
    end)
  end
end)

describe("-e", function()
  it("runs code, which may await, and prints nothing by itself", function()
    expect_output("", "-e 'await(sleep(0.001, 5))'")
    expect_output("7\n", "-e 'print(await(sleep(0.001, 7)))'")
  end)

  it("takes its code from the same word too", function() expect_output("7\n", "-e'print(7)'") end)

  it("passes the arguments in arg and in ...", function()
    expect_output("-e\ta\t2\ta\t-b\n", "-e 'print(arg[0], arg[1], #arg, ...)' a -b")
  end)

  it("finds what the prompt finds, without require", function()
    expect_output("true\ttrue\ttrue\ttrue\n", [[-e 'print(async == require "lacuna", gather == async.gather,
      time == require "lacuna.time", http == require "lacuna.http")']])
  end)

  it("finds nil under any other name", function()
    expect_output("nil\tnil\tnil\n", "-e 'print(nonsense, native, Kernel)'")
  end)

  it("lets a script have its own", function()
    expect_output("mine\tmine\n", "-e 'sleep = [[mine]] print(sleep, _G.sleep)'")
  end)

  it("runs several in their order, in one set of globals", function()
    expect_output("1\n2\n", "-e 'x = 1 print(x)' -e 'print(x + 1)'")
  end)

  it("reports an error as a script's", function()
    local result = run("-e 'local function f() error([[bad]]) end f()'")
    assert.equal(1, result.status)
    assert.equal("lacuna: (command line):1: bad\nstack traceback:\n\t(command line):1: in function 'f'\n"
      .. "\t(command line):1: in main chunk\n", result.stderr)
    result = run("-e 'x = = 1'")
    assert.same({status = 1, stdout = "", stderr = "lacuna: (command line):1: unexpected symbol near '='\n"}, result)
  end)

  it("stops at the first that fails", function()
    local result = run("-e 'error([[first]], 0)' -e 'print(2)'")
    assert.equal(1, result.status)
    assert.equal("", result.stdout)
  end)
end)

describe("-p", function()
  local cases = {
    {"1 + 1", "2\n"},
    {'"text"', "text\n"},
    {"nil", "nil\n"},
    {"(function() end)()", ""},
    {"1, nil, {1, {a = 2}}", "1\tnil\t{1, {a = 2}}\n"},
    {"await(sleep(0.001, 5, 6))", "5\t6\n"},
    {"await(gather(sleep(0, 1), sleep(0, 2)))", "{1, 2, n = 2}\n"},
    {'"한국"', "한국\n"},
  }
  for _, case in ipairs(cases) do
    it("prints " .. case[1], function() expect_output(case[2], "-p " .. shell.quote(case[1])) end)
  end

  it("says that something is no expression", function()
    assert.equal("lacuna: (command line):1: unexpected symbol near 'local'\n", run("-p 'local x'").stderr)
  end)
end)

describe("-l", function()
  it("requires a module into the global of its last name, before what follows", function()
    expect_output("[1,2]\n", "-l cjson -p 'cjson.encode{1, 2}'")
    expect_output("{1}\n", "-llacuna.json -p 'json.decode(\"[1]\")'")
  end)

  it("sets the global for a script too", function()
    local path = os.tmpname()
    shell.write_file(path, "print(type(lfs.currentdir()), arg[0] == ..., select(2, ...))")
    expect_output("string\ttrue\t-e\n", ("-l lfs %s %s -e"):format(path, path))
    os.remove(path)
  end)

  it("says where it looked for a module that is missing", function()
    local result = run("-l no.such -e 'print(1)'")
    assert.equal(1, result.status)
    assert.truthy(result.stderr:find("^lacuna: module 'no.such' not found:\n"))
  end)
end)

describe("-i", function()
  local function type_in(input, arguments)
    return shell.run(("echo %s | LACUNA_STARTUP= LACUNA_HISTORY= %s %s"):format(shell.quote(input), LACUNA, arguments))
  end

  it("goes on at the prompt, which sees what the code left", function()
    local result = type_in("print(x + 1)", "-i -e 'x = 41'")
    assert.equal(0, result.status)
    assert.truthy(result.stdout:find("42\n", 1, true))
  end)

  it("goes on after code that failed, whose error it shows", function()
    local result = type_in("print(x + 1)", "-e 'x = 41 error([[bad]])' -i")
    assert.truthy(result.stderr:find("(command line):1: bad\nstack traceback:\n", 1, true))
    assert.truthy(result.stdout:find("42\n", 1, true))
  end)

  it("goes on after a script that cannot be read", function()
    local result = type_in("print(6 * 7)", "-i nowhere.lua")
    assert.truthy(result.stderr:find("cannot open script nowhere.lua", 1, true))
    assert.truthy(result.stdout:find("42\n", 1, true))
  end)
end)

describe("the other options", function()
  it("end at --", function()
    local folder = shell.make_folder()
    shell.run(("echo 'print(...)' >%s/-e"):format(folder))
    assert.equal("x\t-p\n", shell.run(("cd %s && %s -- -e x -p"):format(folder, LACUNA)).stdout)
    shell.run("rm -r " .. folder)
  end)

  it("set the clock and the mode for code as for scripts", function()
    expect_output("1\n", "--clock virtual -p 'await(sleep(36000, 1))'")
    expect_output("1\n", "-p 'await(sleep(36000, 1))' --clock=virtual")
    assert.truthy(run("--debug -e 'sleep(1)'").stderr:find("never awaited", 1, true))
  end)

  it("print the version, whatever follows", function()
    assert.truthy(run("-v nowhere.lua").stdout:find("^lacuna %d+%.%d+%.%d+\n$"))
    assert.equal(run("-v").stdout, run("--version").stdout)
  end)
end)

describe("the standard input", function()
  it("is the script without one, and for -", function()
    assert.equal("1\t0\n", shell.run("echo 'print(1, #arg)' | " .. LACUNA).stdout)
    assert.equal("x\n", shell.run("echo 'print(...)' | " .. LACUNA .. " - x").stdout)
    assert.equal("1\n", shell.run("echo 'print(lfs and 1)' | " .. LACUNA .. " -l lfs").stdout)
  end)

  it("is left to -e and -p", function()
    assert.equal("line\n", shell.run("echo line | " .. LACUNA .. " -p 'io.read()'").stdout)
  end)
end)

-- "  NAME  TEXT" of --help, by the titles above them.
local function help_rows()
  local rows, title = {}, nil
  for line in run("--help").stdout:gmatch("[^\n]+") do
    title = line:match("^(%l+):$") or title
    local name, text = line:match("^  (%S.-)%s%s+(.+)$")
    if not name then name, text = line:match("^  (%-.-)%s(.+)$") end
    if name and title then rows[#rows + 1] = {title = title, name = name, text = text} end
  end
  return rows
end

describe("the tables behind --help", function()
  local rows = help_rows()

  it("hold options, commands and environment", function()
    local count = {}
    for _, row in ipairs(rows) do count[row.title] = (count[row.title] or 0) + 1 end
    assert.is_true(count.options >= 9 and count.commands >= 1 and count.environment >= 3)
  end)

  it("equal those of docs/command-line.md", function()
    local page = tree.read("docs/command-line.md")
    for _, row in ipairs(rows) do
      local line = ("| `%s` | %s |"):format(row.name:gsub("|", "\\|"), row.text)
      assert.is_truthy(page:find(line, 1, true), line)
    end
  end)

  it("name every environment variable that lacuna reads", function()
    local known = {}
    for _, row in ipairs(rows) do known[row.name:match("^[%u_]+") or ""] = true end
    local paths = tree.files("lua", ".lua")
    for _, path in ipairs(tree.files("host", ".c")) do paths[#paths + 1] = path end
    local unknown = {}
    for _, path in ipairs(paths) do
      for name in tree.read(path):gmatch('getenv%s*%(?%s*"(%u*_[%u_]+)"') do
        if not known[name] then unknown[#unknown + 1] = path .. " reads " .. name end
      end
    end
    assert.same({}, unknown)
  end)

  it("make the manual page", function()
    local page = tree.read(BUILD .. "/lacuna.1")
    for _, row in ipairs(rows) do
      local term = ".B " .. row.name:gsub("%-", "\\-")
      assert.is_truthy(page:find("\n" .. term .. "\n", 1, true), term)
    end
  end)

  it("make the completion of bash", function()
    local function complete(...)
      local words = {...}
      for i, word in ipairs(words) do words[i] = shell.quote(word) end
      local script = [[source %s/lacuna.bash; COMP_WORDS=(lacuna %s); COMP_CWORD=%d; _lacuna; echo "= ${COMPREPLY[*]}"]]
      script = script:format(BUILD, table.concat(words, " "), #words)
      return shell.run("bash -c " .. shell.quote(script)).stdout:match("^= (.*)\n$")
    end
    assert.equal("--debug", complete("--d"))
    assert.equal("--clock=", complete("--cl"))
    assert.equal("real virtual", complete("--clock", "=", ""))
    assert.equal("virtual", complete("--clock", "=", "v"))
    assert.truthy(complete("che"):find("^check"))
    assert.equal("README.md", complete("READ"))
    assert.equal("README.md", complete("-i", "READ"))
    for _, row in ipairs(rows) do
      local name = row.title == "options" and row.name:match("^%-[%w-]+")
      if name then assert.is_truthy(complete("-"):find(name, 1, true), name) end
    end
  end)
end)
