-- lacuna.stdin, lacuna.stdout and async.input: real pipes, files, sockets and terminals.

local shell = require "spec.support.shell"
local terminal = require "spec.support.terminal"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

local HEAD = 'local async = require "lacuna" local stdin = require "lacuna.stdin" local await = async.await\n'

describe("the standard input", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local function write(name, text) shell.write_file(folder .. "/" .. name, text) end

  -- Runs a shell command in the folder, which holds the script.
  local function run(script, command)
    write("script.lua", HEAD .. script)
    return shell.run(("cd %s; lacuna=%s; %s"):format(shell.quote(folder), LACUNA, command), 20)
  end

  local show_lines = [[for line in stdin:lines() do print("<" .. line .. ">") end print(await(stdin:readline()))]]

  it("is read line by line from a pipe, as it comes", function()
    local result = run(show_lines,
      [[(printf '하나\nto'; sleep 0.05; printf '둘\n\n\355\225'; sleep 0.05; printf '\234 end') | $lacuna script.lua]])
    assert.same({status = 0, stdout = "<하나>\n<to둘>\n<>\n<한 end>\nnil\n", stderr = ""},
      {status = result.status, stdout = result.stdout:gsub("\xED\x95\x9C", "한"), stderr = result.stderr})
  end)

  it("is read from a file, from where it stands", function()
    write("input", "skipped\none\n한국\nlast")
    assert.equal("<one>\n<한국>\n<last>\nnil\n",
      run(show_lines, "(read skipped; $lacuna script.lua) < input").stdout)
  end)

  it("is empty", function()
    assert.equal("nil\n", run(show_lines, "$lacuna script.lua </dev/null").stdout)
    assert.equal("nil\n", run(show_lines, ": | $lacuna script.lua").stdout)
    assert.equal("nil\n", run(show_lines, "echo '" .. 'dofile "script.lua"' .. "' | $lacuna -").stdout)
  end)

  it("is closed: that is its end", function()
    local result = run(show_lines, "$lacuna script.lua <&-")
    assert.same({status = 0, stdout = "nil\n", stderr = ""}, result)
  end)

  it("is read from a socket, which then still waits", function()
    write("peer.py", [[
import os, socket, subprocess, sys
ours, theirs = socket.socketpair()
child = subprocess.Popen([sys.argv[1], "script.lua"], stdin=theirs)
ours.sendall("one\ntwo\n한".encode())
ours.shutdown(socket.SHUT_WR)
status = child.wait()
print(os.get_blocking(theirs.fileno()), status)]])
    assert.equal("<one>\n<two>\n<한>\nnil\nTrue 0\n", run(show_lines, "python3 peer.py $lacuna").stdout)
  end)

  it("leaves the pipe as blocking as it was", function()
    assert.equal("one\ntwo\n", run("print(await(stdin:readline()))", [[
      mkfifo pipe
      (echo one; until [ -e ended ]; do sleep 0.01; done; sleep 0.1; echo two) >pipe &
      ($lacuna script.lua; touch ended; cat) <pipe]]).stdout)
  end)

  it("raises what reading it meets", function()
    local result = run(show_lines, "$lacuna script.lua <.")
    assert.equal(1, result.status)
    assert.truthy(result.stderr:find("^lacuna: OSError: cannot read the standard input: EISDIR"))
  end)

  it("is read whole", function()
    assert.equal("4\tone\ntwo\n", run([[
      local text = await(stdin:readline()) .. await(stdin:read())
      io.write(#text - 4, "\t", text, await(stdin:read()))]], "printf 'o\nne\ntwo\n' | $lacuna script.lua").stdout)
    assert.equal("30000000\n", run("print(#await(stdin:read()))",
      "head -c 30000000 /dev/zero | tr '\\0\\1' 'x\\n' | $lacuna script.lua").stdout)
  end)

  it("takes a line of megabytes", function()
    assert.equal("3000000\n", run("print(#await(stdin:readline()))",
      "head -c 3000000 /dev/zero | tr '\\0' x | $lacuna script.lua").stdout)
  end)

  it("lets other tasks run while it is waited for", function()
    local result = run([[
      async.create_task(function()
        for _ = 1, 4 do await(async.sleep(0.001)) end
        io.open("ticked", "w"):close()
      end)
      print(await(stdin:readline()))]], "(until [ -e ticked ]; do sleep 0.01; done; echo late) | $lacuna script.lua")
    assert.equal("late\n", result.stdout)
  end)

  it("keeps no script alive that has ended, whatever is outstanding", function()
    for _, input in ipairs {"3<>pipe <&3", "</dev/zero"} do
      local result = run([[
        async.create_task(function() return await(stdin:readline()) end)
        await(async.sleep(0.05))
        print("end")]], ("test -p pipe || mkfifo pipe; timeout 5 $lacuna script.lua %s"):format(input))
      assert.same({status = 0, stdout = "end\n", stderr = ""}, result)
    end
  end)

  it("loses no line to a time-out", function()
    local result = run([[
      print(pcall(await, async.wait_for(stdin:readline(), 0.05)))
      io.open("given_up", "w"):close()
      print(await(stdin:readline()))
      print(await(stdin:readline()))]],
      "(until [ -e given_up ]; do sleep 0.01; done; echo one; echo two) | $lacuna script.lua")
    assert.equal("false\tTimeoutError\none\ntwo\n", result.stdout)
  end)

  it("holds the virtual clock while it is waited for", function()
    local result = run([[
      async.create_task(function() await(async.sleep(3600)) print("an hour later") end)
      print(await(stdin:readline()))
      await(async.sleep(4000))]], "(sleep 0.1; echo first) | $lacuna --clock=virtual script.lua")
    assert.equal("first\nan hour later\n", result.stdout)
  end)

  describe("with a prompt", function()
    it("shows it before it waits", function()
      local result = run([[print(await(async.input("이름? ")), await(async.input()), await(async.input(5)))]],
        "printf 'Kim\\nLee\\n' | $lacuna script.lua")
      assert.equal("이름? 5Kim\tLee\tnil\n", result.stdout)
    end)
  end)

  describe("on a terminal", function()
    local function open(script)
      write("script.lua", HEAD .. script)
      local command = "trap : INT; cd %s; stty -a >before; %s script.lua; echo status $?; "
        .. "stty -a >after; cmp before after; cat"
      return terminal.open {command = command:format(shell.quote(folder), LACUNA)}
    end

    it("takes what is typed, and what was printed stands before it", function()
      local screen = open([[
        async.create_task(function() await(async.sleep(0.02)) print("tick") end)
        print("hello, " .. await(async.input("your name? ")))
        print(await(stdin:readline()))]])
      screen:expect("your name? tick")
      screen:type("가나\n")
      screen:expect("가나", "hello, 가나")
      screen:type("\4")
      screen:expect("nil", "status 0")
      screen:close()
    end)

    it("gives an interrupted read up, and leaves the terminal as it was", function()
      local screen = open([[print("reading") await(stdin:readline())]])
      screen:expect("reading")
      screen:type("half\3")
      screen:expect_printed("status 130")
      screen:type("usable\n")
      screen:expect("usable", "usable")
      screen:close()
    end)
  end)
end)

describe("the standard output", function()
  local function run(script, command)
    local code = 'local stdout = require "lacuna.stdout"\n' .. script
    return shell.run(command:gsub("$lacuna", function() return LACUNA .. " -e " .. shell.quote(code) end), 20)
  end

  it("lets other tasks run while the reader of a pipe is slow", function()
    local path = os.tmpname()
    os.remove(path)
    local result = run([[
      async.create_task(function()
        for _ = 1, 4 do await(sleep(0.001)) end
        io.open("]] .. path .. [[", "w"):close()
      end)
      print("first")
      for i = 1, 20 do await(stdout:write(("x"):rep(100000))) end
      print("last")]], ("$lacuna | (until [ -e %s ]; do sleep 0.01; done; wc -c)"):format(path))
    os.remove(path)
    assert.equal(2000000 + #"first\nlast\n", tonumber(result.stdout))
  end)

  it("comes in the order of its calls, print's among them", function()
    local script = [[print(1) await(stdout:write("2\n")) io.write("3\n") await(stdout:write(4)) print("")]]
    local path = os.tmpname()
    for _, target in ipairs {"", "| cat", ">" .. path .. "; cat " .. path} do
      assert.equal("1\n2\n3\n4\n", run(script, "$lacuna " .. target).stdout)
    end
    os.remove(path)
  end)

  it("raises when nobody reads", function()
    local result = run("while true do await(stdout:write('x')) await(sleep(0.01)) end", "$lacuna | true")
    assert.truthy(result.stderr:find("^lacuna: OSError: cannot write to the standard output: EPIPE"))
    result = run("await(stdout:write('x'))", "$lacuna >/dev/full")
    assert.truthy(result.stderr:find("^lacuna: OSError: cannot write to the standard output: No space left"))
  end)

  it("takes text alone", function()
    local result = run("await(stdout:write({}))", "$lacuna")
    assert.truthy(result.stderr:find("^lacuna: TypeError: stdout:write: text must be a string, got table"))
  end)

  it("reaches a terminal", function()
    local code = [[print("one") await(require("lacuna.stdout"):write("두울\n"))]]
    local screen = terminal.open {command = ("%s -e %s; cat"):format(LACUNA, shell.quote(code))}
    screen:expect("one", "두울")
    screen:close()
  end)
end)
