-- Signals that a script handles itself: loop:add_signal_handler, on real signals of real processes.

local shell = require "spec.support.shell"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

describe("a signal handler", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local function run(text)
    shell.write_file(folder .. "/script.lua", [[
      local async, uv = require "lacuna", require "luv"
      local await = async.await
      local loop = async.get_running_loop()
      local function kill(signal) uv.kill(uv.os_getpid(), signal) end
    ]], text)
    return shell.run(("cd %s && %s script.lua"):format(shell.quote(folder), LACUNA), 10)
  end

  it("is called in the loop, with its arguments, each time the signal comes", function()
    assert.same({status = 0, stdout = "SIGUSR1\tnil\t3\nSIGUSR1\tnil\t3\n", stderr = ""}, run [[
      local count, twice = 0, async.Event()
      loop:add_signal_handler("SIGUSR1", function(...)
        print(...)
        count = count + 1
        if count == 2 then twice:set() else kill "sigusr1" end
      end, "SIGUSR1", nil, 3)
      kill "sigusr1"
      await(twice:wait())]])
  end)

  it("takes Ctrl-C over, and gives it back when it is removed", function()
    assert.same({status = 130, stdout = "handled\ntrue\tfalse\nclean-up\n", stderr = ""}, run [[
      local handled = async.Event()
      loop:add_signal_handler("SIGINT", function() print("handled") handled:set() end)
      kill "sigint"
      await(handled:wait())
      print(loop:remove_signal_handler("SIGINT"), loop:remove_signal_handler("SIGINT"))
      kill "sigint"
      async.try(function() await(async.sleep(30)) end, {finally = function() print("clean-up") end})]])
  end)

  it("replaces the one before it", function()
    assert.equal("second\n", run [[
      local handled = async.Event()
      loop:add_signal_handler("SIGTERM", function() print("first") end)
      loop:add_signal_handler("SIGTERM", function() print("second") handled:set() end)
      kill "sigterm"
      await(handled:wait())]].stdout)
  end)

  it("is removed when its loop is closed", function()
    assert.equal(143, run([[
      local other = async.new_event_loop()
      other:add_signal_handler("SIGTERM", print)
      other:close()
      kill "sigterm"
      await(async.sleep(30))]]).status)
  end)

  it("stops a loop that nothing else would ever wake: that is no deadlock", function()
    assert.same({status = 0, stdout = "stopped\n", stderr = ""}, run [[
      local other = async.new_event_loop()
      other:add_signal_handler("SIGTERM", function() other:stop() end)
      uv.spawn("sh", {args = {"-c", "kill -TERM " .. uv.os_getpid()}}, function() end)
      other:run_forever()
      print("stopped")]])
  end)

  it("refuses what cannot be, by name", function()
    assert.same({status = 0, stderr = "", stdout = [[
ValueError: SIGNONE is not the name of a signal, such as "SIGTERM"
ValueError: 15 is not the name of a signal, such as "SIGTERM"
RuntimeError: SIGKILL cannot be caught: EINVAL: invalid argument
TypeError: a callback must be a function, got 7
ValueError: sigterm is not the name of a signal, such as "SIGTERM"
]]}, run [[
      for _, arguments in ipairs {{"SIGNONE", print}, {15, print}, {"SIGKILL", print}, {"SIGTERM", 7}} do
        print(select(2, pcall(loop.add_signal_handler, loop, unpack(arguments))))
      end
      print(select(2, pcall(loop.remove_signal_handler, loop, "sigterm")))]])
  end)
end)
