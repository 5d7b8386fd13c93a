-- Worker threads in scripts of their own: what is printed, how they end, and what ends them.
local sanitizer = require "spec.support.sanitizer"
local shell = require "spec.support.shell"

local LACUNA = assert(os.getenv("LACUNA"), "LACUNA names the binary under test")

-- Runs a script with `async` and `await` in reach.
local function run(source, options)
  local path = os.tmpname()
  shell.write_file(path, 'local async = require "lacuna"\nlocal await = async.await\n', source)
  local result = shell.run(("%s %s %s"):format(shell.quote(LACUNA), options or "", path))
  os.remove(path)
  return result
end

describe("worker threads", function()
  it("print whole lines", function()
    local result = run [[
      local function shout(letter)
        for _ = 1, 500 do print(letter:rep(50), letter:rep(50)) end
      end
      await(async.gather(async.to_thread(shout, "a"), async.to_thread(shout, "b")))]]
    assert.equal("", result.stderr)
    local count = 0
    for line in result.stdout:gmatch("[^\n]+") do
      count = count + 1
      local letter = line:sub(1, 1)
      assert.equal(letter:rep(50) .. "\t" .. letter:rep(50), line)
    end
    assert.equal(1000, count)
  end)

  it("find the script's arguments and the modules beside it", function()
    local result = run("print(await(async.to_thread(function() return #arg, require('lacuna.json').encode{1} end)))")
    assert.equal("0\t[1]\n", result.stdout)
  end)

  it("show an uncaught error with the stack in the worker and who waited", function()
    local result = run [[
      local function inner() error("it broke") end
      local function outer() inner() return 1 end
      await(async.to_thread(outer))]]
    assert.equal(1, result.status)
    assert.truthy(result.stderr:find("it broke\nstack traceback:\n\t[^\n]*in function 'inner'\n\t[^\n]*\n"
      .. "in a worker thread\nawaited by task 'main' at "), result.stderr)
  end)

  it("let virtual time stand while they work, and sleep on it", function()
    local result = run([[
      local time = require "lacuna.time"
      local started = time.monotonic()
      await(async.to_thread(function() for i = 1, 1e6 do end end))
      print(time.monotonic() - started)
      local function nap() require("lacuna.time").sleep(100) end
      await(async.gather(async.to_thread(nap), async.to_thread(nap), async.sleep(50)))
      print(("%.3f"):format(time.monotonic() - started))]], "--clock=virtual")
    assert.equal("", result.stderr)
    assert.equal("0\n100.000\n", result.stdout)
  end)

  local show = sanitizer.is_for_threads and pending or it
  show("end with the script, whatever they are at", function()
    local result = run [[
      local loop = async.get_running_loop()
      loop:run_in_executor(nil, function() while true do end end)
      loop:run_in_executor(nil, function() require("lacuna.time").sleep(1000) end)
      async.spawn_worker(function(channel) for _ in channel do end end)
      async.spawn_worker(function() while true do pcall(function() while true do end end) end end)
      await(async.sleep(0.05))
      print("end")]]
    assert.equal("end\n", result.stdout)
    assert.equal("", result.stderr)
    assert.equal(0, result.status)
  end)

  show("say nothing of a callback in which they are broken off", function()
    local result = run [[
      local is_stuck = async.SharedBuffer(2):view("uint8_t")
      local function get_stuck(i)
        async.get_running_loop():call_soon(function()
          is_stuck[i] = 1
          while true do end
        end)
        await(async.sleep(1000))
      end
      local function sleep_until_stuck(i)
        while is_stuck[i] == 0 do await(async.sleep(0.001)) end
      end

      local worker = async.spawn_worker(function() get_stuck(0) end)
      sleep_until_stuck(0)
      await(worker:terminate())
      print(worker)

      local call = async.create_task(async.to_thread(get_stuck, 1))
      sleep_until_stuck(1)
      call:cancel()
      print(pcall(await, call))
      print(await(async.to_thread(function() return "and go on" end)))]]
    assert.equal("", result.stderr)
    assert.equal("<worker ended>\nfalse\tCancelledError\nand go on\n", result.stdout)
  end)

  show("end when they are terminated, although they catch that and go on", function()
    local result = run [[
      local workers = {}
      local function start(go_on)
        local worker = async.spawn_worker(function(channel)
          await(channel:send("begun"))
          pcall(function() await(channel:receive()) end)
          go_on(channel)
        end)
        assert(await(worker:receive()) == "begun")
        table.insert(workers, worker)
      end
      start(function() while true do end end)
      start(function(channel) while true do pcall(function() await(channel:receive()) end) end end)
      start(function() while true do pcall(function() await(async.sleep(1000)) end) end end)
      for _, worker in ipairs(workers) do worker:terminate() end
      for _, worker in ipairs(workers) do await(worker:terminate()) print(worker) end]]
    assert.equal("", result.stderr)
    assert.equal(("<worker ended>\n"):rep(3), result.stdout)
  end)

  it("that block in C are abandoned, and it is said", function()
    local result = run [[
      async.get_running_loop():run_in_executor(nil, function()
        local pipe = io.popen("sleep 20")
        pipe:read("*a")
      end)
      await(async.sleep(0.05))]]
    assert.equal("lacuna: 1 worker thread did not end when told to: abandoned\n", result.stderr)
    assert.equal(0, result.status)
  end)

  it("end a script with status 1 when nobody looked at the failure of one", function()
    local result = run [[
      async.spawn_worker(function() error("unseen") end)
      await(async.sleep(0.2))]]
    assert.truthy(result.stderr:find("unseen", 1, true))
  end)

  it("fail what waits for ever in one, with the worker", function()
    local result = run [[
      print(pcall(await, async.to_thread(function()
        local inner = require "lacuna"
        inner.await(inner.Future())
      end)))]]
    assert.truthy(result.stdout:find("^false\tBrokenExecutor: .*its Lua state failed\n$"), result.stdout)
    assert.truthy(result.stderr:find("deadlock", 1, true))
  end)
end)
