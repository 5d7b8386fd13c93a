-- The command as a black box: what it runs, what it says, and with which status it ends.

local shell = require "spec.support.shell"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

describe("the command", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local function write(name, text) shell.write_file(folder .. "/" .. name, text) end

  -- Runs the command in the folder.
  local function run(arguments, environment)
    return shell.run(("cd %s && %s %s %s"):format(shell.quote(folder), environment or "", LACUNA, arguments))
  end

  local function run_script(text, arguments, environment)
    write("script.lua", text)
    return run("script.lua " .. (arguments or ""), environment)
  end

  describe("given what it cannot run", function()
    local function expect(result, status, message)
      assert.equal(message, result.stderr)
      assert.equal(status, result.status)
      assert.equal("", result.stdout)
    end

    it("names a missing script", function()
      expect(run("nowhere.lua"), 2, "lacuna: cannot open script nowhere.lua: No such file or directory\n")
    end)

    it("names a folder", function()
      shell.run("mkdir " .. folder .. "/inner")
      expect(run("inner"), 2, "lacuna: cannot read script inner: is a directory, not a script\n")
    end)

    it("names the line of a syntax error", function()
      write("wrong.lua", "local x = 1\nlocal y = = 2\n")
      expect(run("wrong.lua"), 1, "lacuna: wrong.lua:2: unexpected symbol near '='\n")
    end)

    it("keeps line numbers below a #! line", function()
      write("wrong.lua", "#!/usr/bin/env lacuna\nlocal y = = 2\n")
      expect(run("wrong.lua"), 1, "lacuna: wrong.lua:2: unexpected symbol near '='\n")
    end)

    it("says that a file is binary", function()
      write("binary", "\127ELF\2\1\1\0\0\0")
      expect(run("binary"), 1, "lacuna: binary: a binary file, not a Lua script\n")
    end)

    it("says that bytecode is another Lua's", function()
      write("other.luac", "\27LuaQ\0")
      expect(run("other.luac"), 1, "lacuna: other.luac: compiled by another Lua; only LuaJIT's bytecode runs here\n")
    end)
  end)

  describe("running a script", function()
    it("awaits at the top level", function()
      local result = run_script([[
        local async = require "lacuna"
        print(async.await(async.sleep(0.001, "slept", 2)))]])
      assert.same({status = 0, stdout = "slept\t2\n", stderr = ""}, result)
    end)

    it("passes the arguments in arg and in ...", function()
      assert.equal("script.lua\ta\t2\ta\tb c\n", run_script("print(arg[0], arg[1], #arg, ...)", "a 'b c'").stdout)
    end)

    it("reads it from a pipe", function()
      local result = shell.run(("echo 'print(1, ...)' | %s - x"):format(LACUNA))
      assert.same({status = 0, stdout = "1\tx\n", stderr = ""}, result)
    end)

    it("passes Korean text unharmed", function()
      write("한국어.lua", [[print("안녕하세요", ..., arg[0])]])
      assert.equal("안녕하세요\t서울\t한국어.lua\n", run("한국어.lua 서울").stdout)
    end)

    it("skips a byte order mark and a #! line", function()
      assert.equal("1\n", run_script("\239\187\191#!/usr/bin/env lacuna\nprint(1)").stdout)
    end)

    it("shows what was printed before it waits", function()
      write("script.lua", [[
        local async = require "lacuna"
        io.write("before")
        async.await(async.sleep(30))]])
      local result = shell.run(([[cd %s; %s script.lua >out & pid=$!
        until [ -s out ]; do sleep 0.01; done; kill -KILL $pid; cat out]]):format(folder, LACUNA), 10)
      assert.equal("before", result.stdout)
    end)

    it("fails if the output cannot be written", function()
      local result = shell.run(LACUNA .. [[ -e 'print("lost")' >/dev/full]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("cannot write to the standard output", 1, true))
    end)

    it("gives no reason that it does not know for output that was lost before the end", function()
      write("script.lua", [[
        local async = require "lacuna"
        print("lost")
        async.await(async.sleep(0))
        io.open("there is no such file")]])
      local result = shell.run(("cd %s && %s script.lua >/dev/full"):format(folder, LACUNA))
      assert.equal("lacuna: cannot write to the standard output\n", result.stderr)
    end)
  end)

  describe("finding modules", function()
    it("looks beside the script", function()
      shell.run("mkdir " .. folder .. "/deep")
      write("deep/script.lua", [[print(require("neighbour").name)]])
      write("deep/neighbour.lua", [[return {name = "neighbour"}]])
      assert.equal("neighbour\n", run("deep/script.lua").stdout)
    end)

    it("looks in LUA_PATH", function()
      write("elsewhere.lua", "return 5")
      assert.equal("5\n", run("-e 'print(require [[elsewhere]])'", "LUA_PATH='" .. folder .. "/?.lua;;'").stdout)
    end)

    it("looks where LuaRocks installs for one user", function()
      shell.run(("mkdir -p %s/.luarocks/share/lua/5.1"):format(folder))
      write(".luarocks/share/lua/5.1/rock.lua", "return 'rock'")
      assert.equal("rock\n", run("-e 'print(require [[rock]])'", "HOME=" .. folder).stdout)
    end)

    it("loads C modules for Lua 5.1", function()
      assert.equal("[1,2]\tstring\n",
        run("-e 'print(require [[cjson]].encode{1, 2}, type(require [[lfs]].currentdir()))'").stdout)
    end)

    it("lets a module's body await", function()
      write("slow.lua", [[
        local async = require "lacuna"
        async.await(async.sleep(0.001))
        return {ready = true, name = ...}]])
      assert.equal("true\tslow\ttrue\n", run_script([[
        local slow = require "slow"
        print(slow.ready, slow.name, slow == require "slow")]]).stdout)
    end)

    it("says where it looked for a module that is missing", function()
      local result = run_script([[require "no.such.module"]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("module 'no.such.module' not found:", 1, true))
      assert.truthy(result.stderr:find("no file './no/such/module.lua'", 1, true))
    end)

    it("loads its own modules from LACUNA_LUA", function()
      shell.run(("cp -r lua %s/lua"):format(folder))
      write("lua/lacuna/extra.lua", "")
      local edit = "s/^local time = {}/local time = {origin = [[sources]]}/"
      shell.run(("sed -i '%s' %s/lua/lacuna/time.lua"):format(edit, folder))
      assert.equal("sources\n", run("-e 'print(require [[lacuna.time]].origin)'", "LACUNA_LUA=lua").stdout)
    end)
  end)

  describe("reporting an error that nobody caught", function()
    it("prints the message, the stack and the tasks that waited", function()
      local result = run_script([[
local async = require "lacuna"
local await = async.await
local function divide() error("cannot divide") end
local inner = async(function()
  await(async.sleep(0.001))
  divide()
end)
local outer = async(function()
  local task = async.create_task(inner(), {name = "worker"})
  local result = await(task)
  return result
end)
async.run(outer())
]])
      assert.equal(1, result.status)
      assert.equal([[
lacuna: script.lua:3: cannot divide
stack traceback:
	script.lua:3: in function 'divide'
	script.lua:6: in function <script.lua:4>
awaited by task 'Task-1' at script.lua:10
awaited by task 'main' at script.lua:13
]], result.stderr)
    end)

    it("shows where a plain Lua error was raised below with, try and a generator", function()
      local result = run_script([[
local async = require "lacuna"
local function divide(x) return x.y end
async.with(async.Lock(), function()
  async.try(function()
    for item in coroutine.wrap(function() divide(nil) end) do print(item) end
  end, {})
end)]])
      assert.equal(1, result.status)
      assert.equal([[
lacuna: script.lua:2: attempt to index local 'x' (a nil value)
stack traceback:
	script.lua:2: in function 'divide'
	script.lua:5: in function <script.lua:5>
]], result.stderr)
    end)

    it("prints causes", function()
      local result = run_script([[
local async = require "lacuna"
error(async.ValueError("bad number", async.OSError("disk gone")))]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("^lacuna: ValueError: bad number\n"))
      assert.truthy(result.stderr:find("caused by OSError: disk gone\n", 1, true))
    end)

    it("prints every error of a group", function()
      local result = run_script([[
local async = require "lacuna"
async.with(async.TaskGroup(), function(group)
  group:create_task(function() error(async.ValueError("one")) end)
  group:create_task(function() error("two", 0) end)
end)]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("| [1] ValueError: one", 1, true))
      assert.truthy(result.stderr:find("| [2] two", 1, true))
    end)

    it("says what was raised if that is no text", function()
      assert.equal("lacuna: error with a table as its value\n", run("-e 'error({})'").stderr:match("^[^\n]*\n"))
      assert.equal("lacuna: error with nil as its value\n", run("-e 'error()'").stderr:match("^[^\n]*\n"))
      assert.equal("lacuna: error with a boolean as its value\n", run("-e 'error(false)'").stderr:match("^[^\n]*\n"))
    end)

    it("names what cannot be awaited", function()
      local result = run_script("require('lacuna').await(42)")
      assert.equal(1, result.status)
      assert.matches("^lacuna: TypeError: await: number 42 is not awaitable", result.stderr)
    end)

    it("says how Lua writes what would be Python", function()
      for line, cure in pairs {
        ["import asyncio"] = 'local async = require "lacuna"', ["async def main():"] = "async(function(…) … end)",
        ["async function main() end"] = "async(function(…) … end)", ["print(await f())"] = "await(…): it is a function",
        ["async with lock:"] = "async.with(manager, function(value)", ["except ValueError:"] = "async.try(body, ",
        ["async for x in y:"] = "for x in iterator do … end", ["raise ValueError('x')"] = "error(Class(message))",
      } do
        local result = run_script("local a = 1\n" .. line .. "\n")
        assert.equal(1, result.status)
        assert.matches("^lacuna: [^\n]*:2: [^\n]* near [^\n]*%(in Lua: ", result.stderr)
        assert.truthy(result.stderr:find(cure, 1, true), result.stderr)
      end
    end)

    it("asks whether a dot should have been a colon where something of its own got no object", function()
      local result = run_script("require('lacuna').Event().set()")
      assert.matches("^lacuna: [^\n]*attempt to index a nil value %(was a method called with a dot where a colon is "
        .. "meant%?%)\nstack traceback:\n", result.stderr)
    end)

    it("reports a failed task that nobody looked at", function()
      local result = run_script([[
local async = require "lacuna"
async.create_task(function() error(async.ValueError("lost")) end, {name = "forgotten"})
async.await(async.sleep(0.001))
print("end")]])
      assert.equal(1, result.status)
      assert.equal("end\n", result.stdout)
      assert.truthy(result.stderr:find('Task exception was never retrieved: <Task finished name="forgotten"', 1, true))
      assert.truthy(result.stderr:find("ValueError: lost", 1, true))
    end)

    it("reports it while the script goes on, once it is collected", function()
      local result = run_script([[
local async = require "lacuna"
async.create_task(function() error("lost", 0) end)
for _ = 1, 10 do
  async.await(async.sleep(0.001))
  collectgarbage()
end
io.stderr:write("going on\n")]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("never retrieved.*lost.*going on"))
    end)

    it("reports a task that fails while it is cancelled at the end", function()
      local result = run_script([[
local async = require "lacuna"
async.create_task(function()
  pcall(async.await, async.sleep(10))
  error("clean-up failed", 0)
end)
async.await(async.sleep(0.001))]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("clean-up failed", 1, true))
    end)

    it("reports an error in a callback of libuv and goes on", function()
      local result = run_script([[
local async = require "lacuna"
local timer = require("luv").new_timer()
timer:start(1, 0, function() timer:close() error("in the callback", 0) end)
async.await(async.sleep(0.02))
print("going on")]])
      assert.equal("going on\n", result.stdout)
      assert.truthy(result.stderr:find("in the callback", 1, true))
    end)

    it("reports a deadlock with what each task waits for and where", function()
      local result = run_script([[
local async = require "lacuna"
async.create_task(function() async.await(async.Future()) end, {name = "other"})
async.await(async.Future())]])
      assert.equal(1, result.status)
      assert.truthy(result.stderr:find("  main waits for a Future at script.lua:3\n", 1, true))
      assert.truthy(result.stderr:find("  other waits for a Future at script.lua:2\n", 1, true))
    end)
  end)

  describe("interrupted", function()
    -- Sends SIGINT each time that the script has called reached(), `count` times in all, and once the one before has
    -- been delivered; returns what the script printed and its status.
    local function interrupt(count, text)
      write("script.lua", [[
        local async = require "lacuna"
        local moments = 0
        local function reached()
          moments = moments + 1
          io.open("reached" .. moments, "w"):close()
        end
      ]] .. text)
      local commands = {}
      for i = 1, count do
        commands[i] = ([[
          until [ -e reached%d ] || ! kill -0 $pid; do sleep 0.01; done
          while grep -q 'ShdPnd:.*[1-9a-f]' /proc/$pid/status; do sleep 0.01; done
          kill -INT $pid;]]):format(i)
      end
      return shell.run(("cd %s; %s script.lua & pid=$!; { %s } 2>/dev/null; wait $pid"):format(
        folder, LACUNA, table.concat(commands)))
    end

    local cleaning = [[
      reached()
      local ok, err = pcall(async.await, async.sleep(30))
      print("cleaning up")
      reached()
      async.await(async.sleep(%s))
      print("clean")
      error(err, 0)]]

    it("cancels the main task, whose clean-up runs, and ends with 130", function()
      local result = interrupt(1, cleaning:format("0.01"))
      assert.same({status = 130, stdout = "cleaning up\nclean\n", stderr = ""}, result)
    end)

    it("ends at once the second time", function()
      local result = interrupt(2, cleaning:format("30"))
      assert.equal(130, result.status)
      assert.is_nil(result.stdout:find("clean\n", 1, true))
    end)

    it("cancels through async.run", function()
      local result = interrupt(1, [[
        async.run(async(function()
          reached()
          async.try(function() async.await(async.sleep(30)) end, {finally = function() print("inner clean-up") end})
        end)())]])
      assert.same({status = 130, stdout = "inner clean-up\n", stderr = ""}, result)
    end)

    it("ends a script that never waits the second time", function()
      assert.equal(130, interrupt(2, "reached() reached() while true do end").status)
    end)

    it("ends with 0 if the script handles the cancellation", function()
      local result = interrupt(1, [[
        reached()
        pcall(async.await, async.sleep(30))
        print("handled")]])
      assert.same({status = 0, stdout = "handled\n", stderr = ""}, result)
    end)
  end)

  describe("ending while a handle is open", function()
    local kinds = {
      timer = "local t = uv.new_timer(); t:start(1000, 1000, function() end)",
      idle = "local t = uv.new_idle(); t:start(function() end)",
      prepare = "local t = uv.new_prepare(); t:start(function() end)",
      async = "uv.new_async(function() end)",
      signal = "local t = uv.new_signal(); t:start('sigusr1', function() end)",
      tcp_server = "local t = uv.new_tcp(); t:bind('127.0.0.1', 0); t:listen(1, function() end)",
      tcp_connecting = "local t = uv.new_tcp(); t:connect('127.0.0.1', 9, function() end)",
      pipe = "local t = uv.new_pipe(false)",
      udp = "local t = uv.new_udp(); t:bind('127.0.0.1', 0); t:recv_start(function() end)",
      process = "local t = uv.spawn('sleep', {args = {'0.2'}}, function() end)",
      file_request = "uv.fs_open('/dev/null', 'r', 438, function() end)",
      name_request = "uv.getaddrinfo('localhost', nil, {}, function() end)",
      poll = "local r = uv.pipe({}, {}); local p = uv.new_poll(r.read); p:start('r', function() end)",
      sleep = "async.create_task(async.sleep(100))",
      fetch = [[local server = uv.new_tcp(); server:bind('127.0.0.1', 0); server:listen(8, function() end)
                async.create_task(async.fetch('http://127.0.0.1:' .. server:getsockname().port .. '/'))
                async.await(async.sleep(0.02))]],
    }
    for kind, code in pairs(kinds) do
      it(("closes it, whatever the end: %s"):format(kind), function()
        local prelude = "local uv, async = require 'luv', require 'lacuna'\n" .. code .. "\n"
        local ended = run_script(prelude .. "print('end')")
        assert.same({status = 0, stdout = "end\n", stderr = ""}, ended)
        local failed = run_script(prelude .. "error('at top level', 0)")
        assert.equal(1, failed.status)
        assert.truthy(failed.stderr:find("^lacuna: at top level\n"))
      end)
    end
  end)

  it("does not move the virtual clock while input is outstanding", function()
    write("script.lua", [[
      local async, time = require "lacuna", require "lacuna.time"
      local timer = require("luv").new_timer()
      local started = time.monotonic()
      timer:start(30, 0, function() timer:close() print("input", time.monotonic() - started) end)
      async.await(async.sleep(60))
      print("slept", time.monotonic() - started)]])
    assert.equal("input\t0\nslept\t60\n", run("--clock=virtual script.lua").stdout)
  end)

  it("sleeps an hour at once on the virtual clock", function()
    local text = [[
      local async = require "lacuna"
      local time = require "lacuna.time"
      local started = time.monotonic()
      async.await(async.gather(async.sleep(3600), async.sleep(60)))
      print(time.monotonic() - started)]]
    assert.equal("3600\n", run_script(text, "", "LACUNA_CLOCK=virtual").stdout)
    write("script.lua", text)
    assert.equal("3600\n", run("--clock=virtual script.lua").stdout)
  end)
end)
