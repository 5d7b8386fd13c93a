-- The prompt as a black box: what it evaluates, what it says, how it ends. Over a pipe here; on a terminal below.

local shell = require "spec.support.shell"
local terminal = require "spec.support.terminal"
local tree = require "spec.support.tree"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

describe("the prompt over a pipe", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local function write(name, text) shell.write_file(folder .. "/" .. name, text) end

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
    assert.equal('"the next line"\n1\n2\n', printed("await(async.input())\nthe next line\n1\n2"))
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
      .. "  main waits for a Future at [%d]:1\nCancelledError: nothing can wake it\n"
    assert.equal(message:format(1) .. message:format(2), result.stderr)
  end)

  it("names what still runs when it is left, and lets it clean up", function()
    local text = printed('task = async.create_task(function() async.try(function() await(sleep(100)) end, '
      .. '{finally = function() print("cleaned up") end}) end, {name = "sleeper"}) await(sleep(0))')
    assert.truthy(text:find(
      "^still running, now cancelled: 1 task\n  sleeper sleeps for another 1?[09][09]%.%d+ s, <[^\n]+>\ncleaned up\n$"))
  end)

  it("follows a script, whose variables it sees", function()
    write("script.lua", "#!/usr/bin/env lacuna\nx = ... print('ran')\nlocal mine = arg[0]\nreturn 1")
    assert.equal('ran\n"word"\t"script.lua"\n', printed("x, mine", "script.lua word"))
    assert.equal("3\t4\n", printed("y, z", "-e 'y = 3 local z = 4'"))
  end)

  it("follows a script that failed", function()
    write("script.lua", "x = 1 local mine = 2 error('wrong')")
    local result = type_in("x, mine", "script.lua")
    assert.equal("1\t2\n", result.stdout)
    assert.truthy(result.stderr:find("^script.lua:1: wrong\nstack traceback:\n"))
    assert.equal(0, result.status)
    write("script.lua", "= wrong")
    result = type_in("1", "script.lua")
    assert.equal("1\n", result.stdout)
    assert.equal("script.lua:1: unexpected symbol near '='\n", result.stderr)
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

  it("does what its documentation shows", function()
    local session = assert(tree.read("docs/repl.md"):match("\n```session\n(.-)```\n"))
    local typed, shown = {}, {}
    for line in session:gmatch("([^\n]*)\n") do
      local input = line:match("^[>.] (.*)$")
      table.insert(input and typed or shown, input or line)
    end
    write("input", table.concat(typed, "\n") .. "\n")
    local result = shell.run(("LACUNA_CLOCK=virtual HOME=%s %s -i <%s/input 2>&1"):format(folder, LACUNA, folder))
    assert.equal(table.concat(shown, "\n") .. "\n", result.stdout)
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
        .. "local two = async.create_task(sleep(60))\n:tasks\n:kill one\n:kill 2\nawait(sleep(0))\n:tasks\n"
        .. "one:cancelled()")
      assert.truthy(text:find(
        "^  one [^\n]+\n  Task%-2 [^\n]+\nasked to end: one\nasked to end: Task%-2\nno tasks\ntrue\n$"))
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

describe("the prompt on a terminal", function()
  local CTRL_A, CTRL_C, CTRL_D, CTRL_G, CTRL_R, CTRL_Z = "\1", "\3", "\4", "\7", "\18", "\26"
  local UP, DOWN, LEFT = "\27[A", "\27[B", "\27[D"
  local BACKSPACE, DELETE, TAB = "\127", "\27[3~", "\t"

  local folder, shown

  before_each(function() folder = shell.make_folder() end)
  after_each(function()
    if shown then shown:close() end
    shown = nil
    shell.run("rm -r " .. shell.quote(folder))
  end)

  -- Starts the prompt, or another command, in a terminal.
  local function open(options)
    options = options or {}
    local environment = {HOME = folder, XDG_STATE_HOME = "", LACUNA_HISTORY = folder .. "/history", NO_COLOR = "1"}
    for name, value in pairs(options.environment or {}) do environment[name] = value end
    shown = terminal.open {
      command = ("cd %s && %s"):format(folder, options.command or "exec " .. LACUNA),
      columns = options.columns, rows = options.rows, environment = environment,
    }
    if not options.command then shown:expect(">") end
    return shown
  end

  -- Types a line and waits for what it prints, and for the next prompt.
  local function enter(line, ...)
    shown:type(line .. "\r")
    local expected = {"> " .. line, ...}
    expected[#expected + 1] = ">"
    shown:expect(unpack(expected))
  end

  it("evaluates what is typed and leaves with status 0", function()
    open()
    local banner = "^lacuna %d+%.%d+%.%d+, LuaJIT .*: await works here, :help lists the commands$"
    assert.truthy(shown:lines()[1]:find(banner))
    enter("1 + 1, 'two'", '2       "two"')
    enter("local x = await(sleep(0.01, 5))")
    enter("x", "5")
    enter("error('wrong')", "[4]:1: wrong", "stack traceback:", "        [4]:1: in function <[4]:1>")
    shown:type(CTRL_D)
    assert.equal(0, shown:wait())
  end)

  describe("edits", function()
    it("Korean, whose characters take two columns", function()
      open()
      shown:type("'한글'" .. LEFT .. LEFT)
      shown:expect("> '한글'")
      shown:expect_cursor(5)
      shown:type("국" .. BACKSPACE .. "국" .. DELETE .. "어")
      shown:expect("> '한국어'")
      shown:expect_cursor(9)
      shown:type("\5\r")
      shown:expect("> '한국어'", '"한국어"', ">")
    end)

    it("combining characters together with what they combine with", function()
      open()
      shown:type("'e\204\129x'" .. LEFT .. LEFT)
      shown:expect_cursor(4)
      shown:type(LEFT)
      shown:expect_cursor(3)
      shown:type(DELETE)
      shown:expect("> 'x'")
      shown:type("\225\132\146\225\133\161\225\134\171" .. BACKSPACE) -- 한 as three letters
      shown:expect("> 'x'")
      shown:expect_cursor(3)
      shown:type("e\204\129\5\r")
      shown:expect("> 'e\204\129x'", '"e\204\129x"', ">")
    end)

    it("nothing that is no UTF-8", function()
      open()
      shown:type("'o" .. ("\128"):rep(9) .. "\255\237k'")
      shown:expect("> 'ok'")
    end)

    it("by Emacs's keys", function()
      open()
      shown:type("one two three" .. CTRL_A .. "\27f\11\25 zwei") -- to the end of the word, kill the rest, yank it
      shown:expect("> one two three zwei")
      shown:type("\23\23vier\20") -- kill two words, transpose
      shown:expect("> one two vire")
      shown:type(CTRL_C)
      shown:expect("> one two vire^C", ">")
    end)

    it("lines that are wider than the terminal, and that end at its edge", function()
      open({columns = 20})
      shown:type("'34567890123456789'")
      shown:expect("> '34567890123456789", "'")
      shown:expect_cursor(1)
      shown:type(BACKSPACE)
      shown:expect("> '34567890123456789")
      shown:expect_cursor(0)
      shown:type(BACKSPACE .. "한글'")
      shown:expect("> '3456789012345678", "한글'")
      shown:type(LEFT .. LEFT .. LEFT .. BACKSPACE)
      shown:expect("> '345678901234567한", "글'")
      shown:expect_cursor(18)
    end)

    it("several lines as one input", function()
      open()
      shown:type("for i = 1, 2 do\rprint(i)\r")
      shown:expect("> for i = 1, 2 do", ". print(i)", ".")
      shown:type(UP .. UP)
      shown:expect_cursor(2)
      shown:type("\5" .. LEFT .. LEFT .. LEFT .. BACKSPACE .. "3")
      shown:expect("> for i = 1, 3 do", ". print(i)", ".")
      shown:type(DOWN .. DOWN .. "end\r")
      shown:expect(". end", "1", "2", "3", ">")
      shown:type(UP)
      shown:expect("> for i = 1, 3 do", ". print(i)", ". end")
    end)

    it("by vi's keys, if ~/.editrc asks for them", function()
      local file = io.open(folder .. "/.editrc", "w")
      file:write("bind -v\nedit off\n")
      file:close()
      open()
      enter("'one'", '"one"')
      shown:type("'two x\27xa'\27")
      shown:expect("> 'two '")
      shown:type("\r")
      shown:expect("> 'two '", '"two "', ">")
      shown:type("\27kk")
      shown:expect("> 'one'")
      shown:type("\r")
      shown:expect("> 'one'", '"one"', ">")
    end)

    it("what is higher than the terminal", function()
      open({rows = 5})
      shown:type("do\rlocal a\rlocal b\rlocal c\rlocal d\rprint(7)")
      shown:expect(". local a", ". local b", ". local c", ". local d", ". print(7)")
      shown:type(UP .. UP .. UP .. UP .. UP .. CTRL_A)
      shown:expect("> do", ". local a", ". local b", ". local c", ". local d")
      shown:type(DOWN .. DOWN .. DOWN .. DOWN .. DOWN .. "\5 end\r")
      shown:expect(". print(7) end", "7", ">")
    end)

    it("a paste as text, whatever it holds", function()
      open()
      shown:expect_printed("\27[?2004h")
      shown:type("\27[200~local n = 3\rfor i = 1, n do\r\tprint(i)\rend\r\27[201~")
      shown:expect("> local n = 3", ". for i = 1, n do", ".       print(i)", ". end")
      shown:type("\r")
      shown:expect("1", "2", "3", ">")
      shown:expect_printed("\27[?2004l")
    end)
  end)

  describe("remembers", function()
    it("what was typed, in this session and the next, each entry once", function()
      open()
      enter("'first'", '"first"')
      enter("'second'", '"second"')
      enter("'first'", '"first"')
      shown:type(UP .. UP)
      shown:expect("> 'second'")
      shown:type(UP)
      shown:expect("> 'second'")
      shown:type(DOWN .. DOWN .. "draft")
      shown:expect("> draft")
      shown:type(UP .. DOWN)
      shown:expect("> draft")
      shown:type(CTRL_C .. CTRL_D) -- in this order
      shown:wait()
      shown:close()
      assert.equal("'second'\n'first'\n", io.open(folder .. "/history"):read("*a"))
      open()
      shown:type(UP)
      shown:expect("> 'first'")
    end)

    it("entries of several lines, blanks and backslashes", function()
      open()
      shown:type("[[a\\\rb]]\r")
      shown:expect('"a\\\\\\nb"', ">")
      enter(" 'secret'", '"secret"')
      shown:type("   \r" .. CTRL_D)
      shown:wait()
      shown:close()
      assert.equal("[[a\\\\\\nb]]\n", io.open(folder .. "/history"):read("*a"))
      open()
      shown:type(UP)
      shown:expect("> [[a\\", ". b]]")
    end)

    it("what two prompts at once were told", function()
      local first = open()
      enter("'one'", '"one"')
      open()
      enter("'two'", '"two"')
      shown, first = first, shown
      enter("'three'", '"three"')
      enter("'two'", '"two"')
      first:close()
      assert.equal("'one'\n'three'\n'two'\n", io.open(folder .. "/history"):read("*a"))
    end)

    it("nothing where it cannot, and says so once", function()
      open({environment = {LACUNA_HISTORY = "/dev/null/history"}})
      enter("1", "what is typed is not kept: ENOTDIR: not a directory: /dev/null/history", "1")
      enter("2", "2")
      shown:type(UP .. UP)
      shown:expect("> 1")
    end)

    it("nothing if it shall not", function()
      open({environment = {LACUNA_HISTORY = "", XDG_STATE_HOME = folder}})
      enter("1", "1")
      shown:type(CTRL_D)
      shown:wait()
      assert.equal("", shell.run("ls -A " .. folder).stdout)
    end)

    it("in the folder for such things, which it makes", function()
      open({environment = {LACUNA_HISTORY = false, XDG_STATE_HOME = folder .. "/deep/state"}})
      enter("1", "1")
      assert.equal("1\n", io.open(folder .. "/deep/state/lacuna/history"):read("*a"))
    end)

    it("and finds it again with Ctrl-R", function()
      open()
      enter("'some words'", '"some words"')
      enter("'한글 words'", '"한글 words"')
      enter("3", "3")
      shown:type(CTRL_R .. "wor")
      shown:expect("(search 'wor') '한글 words'")
      shown:type(CTRL_R)
      shown:expect("(search 'wor') 'some words'")
      shown:type(CTRL_R)
      shown:expect("(search 'wor') 'some words'")
      shown:type(BACKSPACE .. BACKSPACE .. BACKSPACE .. "한")
      shown:expect("(search '한') '한글 words'")
      shown:type(CTRL_A .. "#")
      shown:expect("> #'한글 words'")
      shown:type("\r")
      shown:expect("> #'한글 words'", "12", ">")
      shown:type("typed" .. CTRL_R .. "nowhere")
      shown:expect("(not found 'nowhere') typed")
      shown:type(CTRL_G)
      shown:expect("> typed")
      shown:type(CTRL_C)
      shown:expect("> typed^C", ">")
      shown:type(CTRL_R .. "some\r")
      shown:expect("> 'some words'", '"some words"', ">")
    end)
  end)

  describe("completes with Tab", function()
    local function completes(typed, text)
      shown:type(typed .. TAB)
      shown:expect("> " .. text)
      shown:type(CTRL_C)
      shown:expect("> " .. text .. "^C", ">")
    end

    it("globals, locals, keywords, batteries and commands", function()
      open()
      enter("local alphabet, beta_global = 1")
      completes("alph", "alphabet")
      completes("local x = setme", "local x = setmetatable")
      completes("functio", "function")
      completes("insp", "inspect")
      completes(":rel", ":reload")
      completes("-- alph", "-- alph")
    end)

    it("fields through __index, and methods", function()
      open()
      enter("local class = {__index = {method_one = print, fielded = 1}}")
      enter("local object = setmetatable({inner = {deepest = 1}}, class)")
      completes("object.inn", "object.inner")
      completes("object.inner.dee", "object.inner.deepest")
      completes("object:me", "object:method_one")
      completes("object.fi", "object.fielded")
      completes("print(string.gsu", "print(string.gsub")
      completes("async.wait_f", "async.wait_for")
      completes("async.ValueError.mess", "async.ValueError.mess")
      enter("local task = async.create_task(sleep(0))")
      completes("task:get_na", "task:get_name")
      completes("('x'):forma", "('x'):format")
    end)

    it("modules and files inside strings", function()
      shell.run(("mkdir -p %s/some_folder/inner && touch %s/some_folder/inner/file.txt %s/own_module.lua")
        :format(folder, folder, folder))
      open()
      completes('require "own_m', 'require "own_module')
      completes("require('lacuna.jso", "require('lacuna.json")
      completes('io.open("some', 'io.open("some_folder/')
      completes('io.open("some_folder/inner/f', 'io.open("some_folder/inner/file.txt')
      completes(":load own", ":load own_module.lua")
    end)

    it("nothing at the start of a line, which it indents", function()
      open()
      shown:type("do\r" .. TAB .. "print(1)\rend\r")
      shown:expect("> do", ".   print(1)", ". end", "1", ">")
    end)

    it("as far as it is certain, and lists the rest", function()
      open()
      enter("local first_name, first_number = 1, 2")
      shown:type("fir" .. TAB)
      shown:expect("> first_n")
      shown:type(TAB)
      shown:expect("first_name    first_number", "> first_n")
      shown:type("u" .. TAB)
      shown:expect("> first_number")
    end)
  end)

  describe("lets the loop go on", function()
    it("with output of tasks above what is being typed", function()
      open()
      shown:type("async.create_task(function() for i = 1, 3 do await(sleep(0.05)) print('tick ' .. i) end end)\r")
      shown:type("for i = 1, 2 do\rtyped")
      shown:expect("tick 1", "tick 2", "tick 3", "> for i = 1, 2 do", ". typed")
      shown:type(" on")
      shown:expect(". typed on")
      shown:expect_cursor(10)
    end)

    it("with output of worker threads, before what they return", function()
      open({columns = 120})
      shown:type("worker = async.spawn_worker(function(channel) for i in channel do print('got ' .. i)\r"
        .. "require('lacuna').await(channel:send(-i)) end end)\r")
      shown:type("for i = 1, 3 do await(worker:send(i)) print(await(worker:receive())) end\r")
      shown:expect("got 1", "-1", "got 2", "-2", "got 3", "-3", ">")
      shown:type("to_print = function() io.write('half ') io.stderr:write('other\\n') end\r")
      shown:type("async.create_task(async.to_thread(to_print))\rtyped")
      shown:wait_until(function()
        local lines = shown:lines()
        return lines[#lines] == "> typed" and table.concat(lines, " "):find("other", 1, true)
          and table.concat(lines, " "):find("half", 1, true)
      end, "expected both above the prompt")
    end)

    it("with what ends without a newline, and what goes to stderr", function()
      open({columns = 120})
      enter("task = async.create_task(function() io.write('half') await(sleep(0.01)) io.stderr:write('other\\n') end)",
        "half")
      shown:expect("other", ">")
    end)

    it("and says which task has failed", function()
      open()
      shown:type("local task = async.create_task(function() await(sleep(0.01)) error('wrong') end)\rtyped")
      shown:wait_until(function()
        local lines = shown:lines()
        return lines[#lines] == "> typed" and lines[#lines - 3] == "[1]:1: wrong"
          and lines[#lines - 5]:find("^lacuna: Task exception was never retrieved: <Task finished")
      end, "expected the failure above the prompt")
    end)
  end)

  describe("met by Ctrl-C", function()
    it("gives up the line, and what it continues", function()
      open()
      shown:type("for i = 1, 2 do\rprint(i)")
      shown:expect("> for i = 1, 2 do", ". print(i)")
      shown:type(CTRL_C)
      shown:expect("> for i = 1, 2 do", ". print(i)^C", ">")
      enter("1", "1")
    end)

    it("cancels the foreground alone, as often as it comes", function()
      open({columns = 120})
      enter("ticks = 0 async.create_task(function() while true do await(sleep(0.01)) ticks = ticks + 1 end end)")
      for _ = 1, 3 do
        shown:type("print('waiting') await(sleep(100))\r")
        shown:expect("waiting")
        shown:type(CTRL_C)
        shown:expect("waiting", "^C", "CancelledError: interrupted", ">")
      end
      enter("local seen = ticks await(sleep(0.05)) return ticks > seen", "true")
    end)

    it("breaks off code that never waits, and keeps what it has done", function()
      open()
      enter("local count, is_busy = 0, true")
      shown:type("print('busy') while is_busy do count = count + 1 end\r")
      shown:expect("busy")
      shown:type(CTRL_C)
      shown:expect("busy", "^C", "CancelledError: interrupted", ">")
      enter("count > 0", "true")
    end)

    it("lets the foreground clean up", function()
      open()
      shown:type("async.try(function() print('in') await(sleep(100)) end, {finally = function() print('out') end})\r")
      shown:expect("in")
      shown:type(CTRL_C)
      shown:expect("in", "^Cout", "", "CancelledError: interrupted", ">")
    end)
  end)

  it("names the tasks that still run when Ctrl-D leaves, and lets them clean up", function()
    open({columns = 200})
    enter("task = async.create_task(function() async.try(function() await(sleep(100)) end, "
      .. "{finally = function() print('cleaned up') end}) end, {name = 'sleeper'})")
    shown:type(CTRL_D)
    assert.equal(0, shown:wait())
    local lines = shown:lines()
    assert.equal("cleaned up", lines[#lines])
    assert.truthy(table.concat(lines, " "):find("still running, now cancelled: 1 task   sleeper sleeps for another"))
  end)

  it("ends at once at a Ctrl-C when tasks do not come to their end", function()
    open({columns = 200})
    enter("task = async.create_task(function() while true do pcall(await, sleep(100)) end end, {name = 'endless'})")
    shown:type(CTRL_D)
    shown:expect_printed("still running, now cancelled: 1 task")
    shown:type(CTRL_C)
    assert.equal(130, shown:wait())
  end)

  it("gives the terminal back when a signal ends it, unless the user handles that", function()
    open({command = "stty -a >before; " .. LACUNA .. "; stty -a >after"})
    shown:expect(">")
    shown:type("require('luv').os_getpid()\r")
    shown:wait_until(function() return shown:lines()[3] and shown:lines()[4] == ">" end, "expected a number")
    local pid = shown:lines()[3]
    enter("async.get_running_loop():add_signal_handler('SIGTERM', print, 'handled')")
    shown:type("typed")
    shown:expect("> typed")
    shell.run("kill -TERM " .. pid)
    shown:expect("handled", "> typed")
    shown:type("\21") -- Ctrl-U
    shown:expect("handled", ">")
    enter("async.get_running_loop():remove_signal_handler('SIGTERM')", "true")
    shell.run("kill -TERM " .. pid)
    shown:wait()
    assert.equal(io.open(folder .. "/before"):read("*a"), io.open(folder .. "/after"):read("*a"))
  end)

  it("ends when the terminal goes away", function()
    open({command = LACUNA .. "; echo ended >ended"})
    shown:expect(">")
    shown:hang_up()
    shown:wait()
  end)

  it("shows the prompts that the startup file sets", function()
    local file = io.open(folder .. "/startup.lua", "w")
    file:write("_PROMPT, _PROMPT2 = '\27[1mlua>\27[0m ', '...> '")
    file:close()
    open({command = LACUNA, environment = {LACUNA_STARTUP = folder .. "/startup.lua"}})
    shown:expect("lua>")
    shown:expect_cursor(5)
    shown:type("do\r")
    shown:expect("lua> do", "...>")
  end)

  it("stops for Ctrl-Z, and shows what was typed when it goes on", function()
    open({command = "exec bash --norc --noprofile -i"})
    shown:expect("$")
    shown:type(LACUNA .. "\r")
    shown:expect(">")
    shown:type("'typed'")
    shown:expect("> 'typed'")
    shown:type(CTRL_Z)
    shown:wait_until(function()
      return table.concat(shown:lines(), "\n"):find("Stopped") ~= nil and shown:lines()[#shown:lines()] == "$"
    end, "expected the shell")
    shown:type("stty -a | grep -o ' icanon'\r")
    shown:expect(" icanon", "$")
    shown:type("fg\r")
    shown:expect("> 'typed'")
    shown:type(LEFT .. "!\r")
    shown:expect("> 'typed!'", '"typed!"', ">")
    shown:type(CTRL_D)
    shown:expect("$")
    shown:type("exit\r")
    shown:wait()
  end)

  it("draws itself anew where the terminal gets another size", function()
    open({columns = 30})
    shown:type("'a text as wide as this'")
    shown:expect("> 'a text as wide as this'")
    shown:resize(20, 24)
    shown:type("x")
    shown:expect("> 'a text as wide as", " this'x")
  end)

  it("leaves the terminal as it was found", function()
    open({command = "stty -a >before; " .. LACUNA .. "; stty -a >after"})
    shown:expect(">")
    shown:type("async.create_task(function() os.exit(3) end)\r")
    shown:wait()
    assert.equal(io.open(folder .. "/before"):read("*a"), io.open(folder .. "/after"):read("*a"))
    shown:expect_printed("\27[?2004l")
  end)

  it("shows colours unless NO_COLOR asks for none", function()
    open({environment = {NO_COLOR = ""}})
    shown:type("'text'\r")
    shown:expect_printed('\27[32m"text"\27[0m')
    shown:type("error('wrong')\r")
    shown:expect_printed("\27[31m[2]:1: wrong\27[0m")
  end)

  it("reads plain lines on a dumb terminal", function()
    open({environment = {TERM = "dumb"}})
    shown:type("for i = 1, 2 do\n")
    shown:expect("> for i = 1, 2 do", ".")
    shown:type("print(i) end\n")
    shown:expect("> for i = 1, 2 do", ". print(i) end", "1", "2", ">")
    shown:type("typed")
    shown:expect("> typed")
    shown:type(CTRL_C)
    shown:expect("> typed^C", ">")
    shown:type("print('waiting') await(sleep(100))\n")
    shown:expect("waiting")
    shown:type(CTRL_C)
    shown:expect("waiting", "^C", "CancelledError: interrupted", ">")
    shown:type(CTRL_D)
    assert.equal(0, shown:wait())
    assert.is_nil(table.concat(shown.transcript):find("\27", 1, true))
  end)

  it("reads plain lines where the output is no terminal, and asks for them on stderr", function()
    open({command = LACUNA .. " >output"})
    shown:expect(">")
    shown:type("1 + 1\n")
    shown:expect("> 1 + 1", ">")
    shown:type(CTRL_D)
    assert.equal(0, shown:wait())
    assert.equal("2\n", io.open(folder .. "/output"):read("*a"))
  end)

  it("reads plain lines without libedit, and names the package to install", function()
    local file = io.open(folder .. "/hidden.c", "w")
    file:write [[
      #define _GNU_SOURCE
      #include <dlfcn.h>
      #include <string.h>
      void *dlopen(const char *path, int flags) {
        void *(*real)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
        return real(path && strstr(path, "libedit") ? "/nowhere/libedit.so.2" : path, flags);
      }]]
    file:close()
    assert.equal(0, shell.run(("cc -shared -fPIC -o %s/hidden.so %s/hidden.c -ldl"):format(folder, folder)).status)
    open({columns = 200, command = "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0 LD_PRELOAD=./hidden.so "
      .. LACUNA .. "; echo status $?"})
    shown:expect(">")
    shown:expect_printed("plain input: cannot load libedit.so.2: install the package libedit2 (")
    shown:type("1 + 1\n")
    shown:expect("> 1 + 1", "2", ">")
    shown:type(CTRL_D)
    shown:expect("status 0")
  end)

  it("runs a lesson on asynchronous programming, typed in", function()
    open({environment = {LACUNA_CLOCK = "virtual"}, columns = 100, rows = 60})
    shown:type([[
local make_coffee = async(function()
  print("커피를 끓이기 시작합니다...")
  await(sleep(3))
  print("커피가 완성되었습니다!")
  return "커피"
end)
local make_toast = async(function()
  print("토스트를 굽기 시작합니다...")
  await(sleep(2))
  print("토스트가 완성되었습니다!")
  return "토스트"
end)
]])
    shown:expect('.   return "토스트"', ". end)", ">")
    shown:type("make_coffee()\r")
    shown:wait_until(function()
      local line = shown:lines()[#shown:lines() - 1]
      return line:find("^<coroutine object make_coffee at 0x%x+> %(not awaited: write await%(…%) around the call%)$")
    end, "expected a coroutine object")
    enter("local started = time.time()")
    enter("local coffee, toast = unpack(await(gather(make_coffee(), make_toast())))", "커피를 끓이기 시작합니다...",
      "토스트를 굽기 시작합니다...", "토스트가 완성되었습니다!", "커피가 완성되었습니다!")
    enter('("%.1f초"):format(time.time() - started)', '"3.0초"')
    enter("coffee, toast", '"커피"  "토스트"')
    enter("async.run(make_toast())", "토스트를 굽기 시작합니다...", "토스트가 완성되었습니다!", '"토스트"')
    enter("local task = async.create_task(make_coffee(), {name = '주문'})", "커피를 끓이기 시작합니다...")
    enter("task", "<Task 주문 pending>")
    enter("await(task), task:done()", "커피가 완성되었습니다!", '"커피"  true')
  end)
end)
