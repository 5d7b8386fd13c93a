-- The prompt as a black box: what it evaluates, what it says, how it ends. Over a pipe here; on a terminal below.

local shell = require "spec.support.shell"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

describe("the prompt over a pipe", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local function write(name, text)
    local file = assert(io.open(folder .. "/" .. name, "wb"))
    file:write(text)
    file:close()
  end

  -- Types lines into the prompt, without a terminal.
  local function type_in(text, arguments, environment)
    write("input", text .. "\n")
    return shell.run(("cd %s && HOME=%s %s %s -i %s <input"):format(
      shell.quote(folder), shell.quote(folder), environment or "", LACUNA, arguments or ""))
  end

  -- What a session prints that goes well.
  local function printed(text, arguments, environment)
    local result = type_in(text, arguments, environment)
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
    return result.stdout
  end

  it("prints the values of expressions, strings quoted", function()
    assert.equal('2\t"two"\tnil\n{1, 2, a = {b = true}}\n', printed("1 + 1, 'two', nil\n{1, 2, a = {b = true}}"))
  end)

  it("prints nothing for statements and for calls without a result", function()
    assert.equal("said\n", printed("x = 5\nprint('said')"))
  end)

  it("awaits", function()
    assert.equal('"slept"\t3\n', printed('await(async.sleep(0.01, "slept", 3))'))
  end)

  it("goes on to the next line of what the parser finds unfinished", function()
    assert.equal("1\n2\n'a\nb'\n", printed("for i = 1, 2 do\n  print(i)\nend\nprint([['a\nb']])"))
  end)

  it("has the names one types all day, and every battery", function()
    assert.equal("2\n3\t4\ntrue\n", printed("await(sleep(0, 2))\nunpack(await(gather(sleep(0, 3), sleep(0, 4))))\n"
      .. "time.time() > 0 and http.ClientSession ~= nil and inspect{} == '{}'"))
  end)

  it("keeps the last value in _ and the last error in _err", function()
    local result = type_in("6 * 7\n_ + 1\nerror(async.ValueError('wrong'))\n_err.message")
    assert.equal('42\n43\n"wrong"\n', result.stdout)
    assert.equal("ValueError: wrong\nstack traceback:\n\t[3]:1: in function <[3]:1>\n", result.stderr)
    assert.equal(0, result.status)
  end)

  it("says that a coroutine object was not awaited", function()
    local text = printed("f = async(function() return 1 end)\nf()\nawait(f())\n_")
    assert.truthy(text:find(
      "^<coroutine object f at 0x%x+> %(not awaited: write await%(…%) around the call%)\n1\n1\n$"))
  end)

  it("shows errors with their stack and goes on", function()
    local result = type_in("local function f() error('wrong') end\nf()\nx = = 1\nnil + 1\n'on'")
    assert.equal('"on"\n', result.stdout)
    assert.equal(table.concat({
      "[1]:1: wrong", "stack traceback:", "\t[1]:1: in function 'f'", "\t[2]:1: in function <[2]:1>",
      "[3]:1: unexpected symbol near '='",
      "[4]:1: attempt to perform arithmetic on a nil value", "stack traceback:", "\t[4]:1: in function <[4]:1>", "",
    }, "\n"), result.stderr)
    assert.equal(0, result.status)
  end)

  it("says what is unfinished at the end of the input", function()
    local result = type_in("print(1)\nwhile true do")
    assert.equal("1\n", result.stdout)
    assert.equal("[2]:1: 'end' expected near '<eof>'\n", result.stderr)
    assert.equal(0, result.status)
  end)

  describe("keeps locals from input to input", function()
    it("as one variable for the functions that captured them", function()
      assert.equal("1\n2\n2\n10\n11\n", printed(
        "local n = 1\nn\nlocal function more() n = n + 1 return n end\nmore()\nn\nn = 10\nn\nmore()"))
    end)

    it("anew where the name is declared again", function()
      assert.equal("1\t2\n", printed("local n = 1\nlocal function old() return n end\nlocal n = 2\nold(), n"))
    end)

    it("of several names, functions, and names without a value", function()
      assert.equal("1\t2\tnil\n120\n3\n", printed("local a, b, c = 1, (function() return 2 end)()\na, b, c\n"
        .. "local function fact(n) return n < 2 and 1 or n * fact(n - 1) end\nfact(5)\n"
        .. "local later\nfunction set(v) later = v end\nset(3)\nlater"))
    end)

    it("but not those of inner blocks", function()
      assert.equal("nil\tnil\n", printed("do local inner = 1 end\nfor i = 1, 1 do local other = i end\ninner, other"))
    end)

    it("whose input failed later on", function()
      local result = type_in("local kept = 1 error('wrong') local lost = 2\nkept, lost")
      assert.equal("1\tnil\n", result.stdout)
    end)

    it("although compiled code would take them for constants", function()
      assert.equal("3000\n", printed("local n = 0\nfunction add() n = n + 1 end\n"
        .. "for i = 1, 1000 do add() end\nfor i = 1, 1000 do n = n + 1 end\nfor i = 1, 1000 do add() end\nn"))
    end)

    it("with names in Korean", function()
      assert.equal('"안녕"\n', printed('local 인사 = "안녕"\n인사'))
    end)
  end)

  it("runs background tasks while it waits for input", function()
    local result = shell.run(([[cd %s && mkfifo pipe && (%s -i <pipe >output & exec 3>pipe
      echo 'local task = async.create_task(function() await(sleep(0.01)) print("done") end)' >&3
      until grep -q done output; do sleep 0.01; done; echo '"after"' >&3; exec 3>&-; wait; cat output)]]):format(
      shell.quote(folder), LACUNA))
    assert.equal('done\n"after"\n', result.stdout)
  end)

  it("leaves the rest of the input to what an input reads itself", function()
    assert.equal('"the next line"\n1\n', printed("io.read()\nthe next line\n1"))
  end)

  it("reports a background task that failed, and ends with status 0", function()
    local result = type_in("async.create_task(function() error('wrong') end)\nawait(sleep(0))")
    assert.truthy(result.stderr:find("Task exception was never retrieved: <Task finished.-\n%[1%]:1: wrong\n"))
    assert.equal(0, result.status)
  end)

  it("gives an await that nothing can wake up", function()
    local result = type_in("await(async.Future())\nawait(async.Future())\n'on'")
    assert.equal('"on"\n', result.stdout)
    local message = "lacuna: deadlock: every task waits for something that nothing can wake\n"
      .. "  main waits for a Future at [%d]:1\nCancelledError: interrupted\n"
    assert.equal(message:format(1) .. message:format(2), result.stderr)
  end)

  it("names what still runs when it is left, and lets it clean up", function()
    local text = printed('task = async.create_task(function() async.try(function() await(sleep(100)) end, '
      .. '{finally = function() print("cleaned up") end}) end, {name = "sleeper"}) await(sleep(0))')
    assert.truthy(text:find(
      "^still running, now cancelled: 1 task\n  sleeper sleeps for another 1?[09][09]%.%d+ s, <[^\n]+>\ncleaned up\n$"))
  end)

  it("follows a script, whose globals it sees", function()
    write("script.lua", "x = ... print('ran')")
    assert.equal('ran\n"word"\n', printed("x", "script.lua word"))
    assert.equal("3\n", printed("y", "-e 'y = 3'"))
  end)

  it("follows a script that failed", function()
    write("script.lua", "x = 1 error('wrong')")
    local result = type_in("x", "script.lua")
    assert.equal("1\n", result.stdout)
    assert.truthy(result.stderr:find("script.lua:1: wrong", 1, true))
    assert.equal(0, result.status)
  end)

  it("runs the startup file first", function()
    shell.run("mkdir -p " .. folder .. "/.config/lacuna")
    write(".config/lacuna/init.lua", "local mine = 5")
    assert.equal("5\n", printed("mine"))
    write("other.lua", "local mine = 6")
    assert.equal("6\n", printed("mine", "", "LACUNA_STARTUP=other.lua"))
    assert.equal("nil\n", printed("mine", "", "LACUNA_STARTUP="))
    assert.equal("cannot read nowhere.lua: No such file or directory\n",
      type_in("", "", "LACUNA_STARTUP=nowhere.lua").stderr)
  end)

  describe("has the command", function()
    it(":help, which names them all, and says which it does not know", function()
      local text = printed(":help")
      for name in ("help tasks tree kill time load reload doc quit"):gmatch("%a+") do
        assert.truthy(text:find("\n  :" .. name, 1, true) or text:find("^  :" .. name))
      end
      assert.equal("unknown command :nonsense; :help lists them\n", type_in(":nonsense").stderr)
    end)

    it(":tasks, and :kill for one of them", function()
      local text = printed("local one = async.create_task(sleep(50), {name = 'one'})\n"
        .. "local two = async.create_task(sleep(60))\n:tasks\n:kill one\n:kill 1\nawait(sleep(0))\n:tasks\n"
        .. "one:cancelled()")
      assert.truthy(text:find(
        "^  one [^\n]+\n  Task%-1 [^\n]+\nasked to end: one\nasked to end: Task%-1\nno tasks\ntrue\n$"))
      assert.equal("no task 7 is running; :tasks lists those that are\n", type_in(":kill 7").stderr)
    end)

    it(":tree", function()
      assert.equal("lacuna: 1 task\n  main is running\n", type_in(":tree").stderr)
    end)

    it(":time", function()
      assert.truthy(printed(":time await(sleep(0.02, 'slept'))"):find('^"slept"\n0%.0[2-9]%d+ s\n$'))
      assert.equal(":time needs EXPR\n", type_in(":time").stderr)
    end)

    it(":load, whose locals stay", function()
      write("some.lua", "#!/usr/bin/env lacuna\nlocal loaded = 8\nprint('loading')")
      assert.equal("loading\n8\n", printed(":load some.lua\nloaded"))
      assert.equal("cannot read nowhere.lua: No such file or directory\n", type_in(":load nowhere.lua").stderr)
    end)

    it(":reload, which the prompt's variables follow", function()
      write("module.lua", "count = (count or 0) + 1 return {count = count}")
      assert.equal("1\t1\n2\t2\n", printed(
        "local mine = require 'module' ours = mine\nmine.count, ours.count\n:reload module\nmine.count, ours.count"))
      write("module.lua", "= wrong")
      assert.truthy(type_in(":reload module").stderr:find("unexpected symbol near '='", 1, true))
    end)

    it(":quit", function()
      assert.equal("1\n", printed("print(1)\n:quit\nprint(2)"))
    end)
  end)
end)
