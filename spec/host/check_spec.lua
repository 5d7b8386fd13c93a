-- lacuna check: what it prints, and its status.

local shell = require "spec.support.shell"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

describe("lacuna check", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local function write(name, text) shell.write_file(folder .. "/" .. name, text) end

  local function check(arguments)
    return shell.run(("cd %s && %s check %s"):format(shell.quote(folder), LACUNA, arguments))
  end

  it("is silent about a clean script, and does not run it", function()
    write("clean.lua", "#!/usr/bin/env lacuna\nprint('it runs')")
    assert.same({status = 0, stdout = "", stderr = ""}, check("clean.lua"))
  end)

  it("prints findings of all files with their places, and ends with 1", function()
    write("one.lua", "#!/usr/bin/env lacuna\nlocal async = require 'lacuna'\nasync.sleep(1)\n")
    write("둘.lua", "\239\187\191x = 1\n")
    write("three.lua", "local y = = 2\n")
    assert.same({status = 1, stderr = "", stdout = [[
one.lua:3: async.sleep(…) is never awaited, so it does not run: write await(async.sleep(…))
둘.lua:1: assignment to the global x: write local x
three.lua:1: unexpected symbol near '='
]]}, check("one.lua 둘.lua three.lua"))
  end)

  it("ends with 2 if a file cannot be read, and checks the others", function()
    write("one.lua", "x = 1")
    write("code.luac", string.dump(function() end))
    assert.same({
      status = 2,
      stdout = "one.lua:1: assignment to the global x: write local x\n",
      stderr = "lacuna: check: cannot open script nowhere.lua: No such file or directory\n"
        .. "lacuna: check: code.luac is bytecode, not source\n",
    }, check("nowhere.lua one.lua code.luac"))
  end)

  it("says how it is used without a file", function()
    local result = check("")
    assert.equal(2, result.status)
    assert.equal("lacuna: check: no file to check\nusage: lacuna check FILE...\n", result.stderr)
    result = check("--strict one.lua")
    assert.equal(2, result.status)
    assert.equal("lacuna: check: unknown option: --strict\nusage: lacuna check FILE...\n", result.stderr)
  end)

  it("reads the standard input", function()
    local result = shell.run(("echo 'x = 1' | %s check -"):format(LACUNA))
    assert.same({status = 1, stderr = "", stdout = "stdin:1: assignment to the global x: write local x\n"}, result)
  end)

  it("leaves a script of that name to ./check", function()
    write("check", "print('the script')")
    assert.equal("the script\n", shell.run(("cd %s && %s ./check"):format(folder, LACUNA)).stdout)
  end)
end)
