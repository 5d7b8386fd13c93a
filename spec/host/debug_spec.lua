-- What lacuna tells a person who looks for a mistake: debug mode, the task tree, stacks, and the seeded order.

local shell = require "spec.support.shell"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

describe("looking for a mistake", function()
  local folder

  before_each(function() folder = shell.make_folder() end)
  after_each(function() shell.run("rm -r " .. shell.quote(folder)) end)

  local prelude = [[
local async, time = require "lacuna", require "lacuna.time"
local await = async.await
]] -- two lines: the script's own begin with the third

  local function write(text)
    shell.write_file(folder .. "/script.lua", prelude, text)
  end

  local function run(options, text)
    write(text)
    return shell.run(("cd %s && %s %s script.lua"):format(shell.quote(folder), LACUNA, options))
  end

  local function assert_says(result, text)
    assert.truthy(result.stderr:find(text, 1, true), ("%q is not in\n%s"):format(text, result.stderr))
  end

  describe("in debug mode", function()
    it("times no step that began before it was turned on", function()
      assert.same({status = 0, stdout = "", stderr = ""}, run("", [[
local loop = async.get_running_loop()
time.sleep(0.2)
loop:set_debug(true)
await(async.sleep(0))
loop:set_debug(false)]]))
    end)

    it("reports a coroutine object that was never awaited, with the place that made it", function()
      local result = run("--debug", [[
local work = async(function() end)
work()
async.sleep(1)
await(async.sleep(0))]])
      assert.equal(0, result.status)
      assert_says(result, "<coroutine object work at 0x")
      assert_says(result, "was never awaited; made at script.lua:4. Write await(…), or start it with create_task\n")
      assert_says(result, "<coroutine object sleep at 0x")
      assert_says(result, "made at script.lua:5")
    end)

    it("reports the methods that wait, such as lock:acquire()", function()
      local result = run("--debug", [[
local lock, queue = async.Lock(), async.Queue()
lock:acquire()
queue:put(1)
await(queue:put(2))]])
      assert_says(result, "<coroutine object Lock.acquire at 0x")
      assert_says(result, "made at script.lua:4")
      assert_says(result, "<coroutine object Queue.put at 0x")
      assert.falsy(result.stderr:find("script.lua:6", 1, true))
    end)

    it("reports it while the script goes on, once it is collected", function()
      local result = run("--debug", [[
async.sleep(1)
collectgarbage()
await(async.sleep(0.001))
await(async.sleep(0.001))
io.stderr:write("going on\n")]])
      assert.truthy(result.stderr:find("never awaited.*going on"))
    end)

    it("says nothing of those that were awaited or made tasks", function()
      local result = run("--debug", [[
local work = async(function(n) await(async.sleep(n)) end)
await(work(0.001))
await(async.gather(work(0), work(0.001)))
await(async.wait_for(work(0), 1))
await(async.wait({async.create_task(work(0))}))]])
      assert.same({status = 0, stdout = "", stderr = ""}, result)
    end)

    it("reports a step that held the loop: whose, how long, and where", function()
      local result = run("--debug --clock=virtual", [[
async.create_task(function()
  time.sleep(0.25)
  await(async.sleep(0.001))
end, {name = "heavy"})
await(async.sleep(1))]])
      assert.equal(0, result.status)
      assert_says(result, '<Task pending name="heavy"')
      assert_says(result, "held the loop for 250 ms (slow_callback_duration is 100 ms), up to script.lua:5\n")
    end)

    it("reports slow callbacks, and steps that end their task", function()
      local result = run("--debug --clock=virtual", [[
async.get_running_loop():call_soon(function() time.sleep(0.3) end)
await(async.sleep(1))
await(async.create_task(function() time.sleep(0.5) end, {name = "last"}))]])
      assert_says(result, "the callback <script.lua:3> held the loop for 300 ms")
      assert_says(result, 'name="last"')
      assert_says(result, "held the loop for 500 ms")
    end)

    it("takes the loop's own limit for a slow step", function()
      local result = run("--debug --clock=virtual", [[
async.get_running_loop().slow_callback_duration = 1
time.sleep(0.9)
await(async.sleep(0.001))]])
      assert.same({status = 0, stdout = "", stderr = ""}, result)
    end)

    it("reports a task that caught its cancellation and waits again", function()
      local result = run("--debug", [[
local task = async.create_task(function()
  pcall(await, async.sleep(10))
  await(async.sleep(0.001))
end, {name = "stubborn"})
await(async.sleep(0.001))
task:cancel()
await(task)]])
      assert.equal(0, result.status)
      assert_says(result, 'name="stubborn"')
      assert_says(result, "caught its cancellation, raised at script.lua:4, and waits again at script.lua:5\n")
    end)

    it("says nothing of clean-up that waits in finally, in a context manager, or after uncancel", function()
      local result = run("--debug", [[
local cleaning = {
  function()
    async.try(function() await(async.sleep(10)) end, {finally = function() await(async.sleep(0.001)) end})
  end,
  function()
    local manager = setmetatable({}, {__aenter = function() end, __aexit = function() await(async.sleep(0.001)) end})
    async.with(manager, function() await(async.sleep(10)) end)
  end,
  function()
    pcall(await, async.sleep(10))
    async.current_task():uncancel()
    await(async.sleep(0.001))
  end,
}
for _, work in ipairs(cleaning) do
  local task = async.create_task(work)
  await(async.sleep(0.001))
  task:cancel()
  pcall(await, task)
end]])
      assert.same({status = 0, stdout = "", stderr = ""}, result)
    end)

    it("reports the tasks that a loop is closed on", function()
      local result = run("--debug", [[
local loop = async.new_event_loop()
loop:create_task(async.sleep(10), {name = "left"})
loop:run_until_complete(async.sleep(0))
loop:close()]])
      assert_says(result, 'Task was destroyed but it is pending: <Task pending name="left"')
    end)

    it("is turned on by the environment, by run and by the loop", function()
      local forget = "async.sleep(1) await(async.sleep(0))"
      write(forget)
      assert_says(shell.run(("cd %s && LACUNA_DEBUG=1 %s script.lua"):format(folder, LACUNA)), "never awaited")
      assert_says(run("", ("async.run(async(function() %s end)(), {debug = true})"):format(forget)), "never awaited")
      assert_says(run("", ("async.get_running_loop():set_debug(true) %s"):format(forget)), "never awaited")
      assert.equal("", run("", forget).stderr)
    end)
  end)

  describe("the task tree", function()
    local waiting = [[
local work = async(function(n) await(async.sleep(n)) end)
local lock = async.Lock()
await(lock:acquire())
async.create_task(function() await(lock:acquire()) end, {name = "locker"})
async.create_task(function()
  async.with(async.TaskGroup(), function(group)
    group:create_task(work(5), {name = "child"})
    group:create_task(async.Queue():get(), {name = "getter"})
  end)
end, {name = "parent"})
local both = async.gather(work(7), work(8))
async.create_task(function() await(both) end, {name = "gatherer"})
await(async.sleep(0))
await(async.sleep(0))
async.create_task(work(1), {name = "new"})
]]

    it("shows who waits for whom, for what, and where", function()
      local result = run("--clock=virtual", waiting .. "async.print_tasks()\nos.exit(0)")
      assert.equal([[
lacuna: 9 tasks
  main is running
  locker waits for Lock at script.lua:6
  parent waits for TaskGroup, 2 pending at script.lua:8
    child sleeps for another 5.000 s at script.lua:3
    getter waits for Queue.get
  gatherer waits for gather, 2 pending at script.lua:14
    Task-3 sleeps for another 7.000 s at script.lua:3
    Task-4 sleeps for another 8.000 s at script.lua:3
  new has not started
]], result.stderr)
    end)

    it("is printed at Ctrl-\\, and the script goes on", function()
      write([[
print("waiting") io.stdout:flush()
await(async.sleep(0.6))
print("went on")]])
      local result = shell.run(([[cd %s; %s script.lua & pid=$!; sleep 0.3; kill -QUIT $pid; wait $pid]]):format(
        folder, LACUNA))
      assert.equal("waiting\nwent on\n", result.stdout)
      assert.equal(0, result.status)
      assert.truthy(result.stderr:find("^lacuna: 1 task\n  main sleeps for another 0%.%d+ s at script.lua:4\n$"))
    end)

    it("names a transfer by its method and URL", function()
      local result = run("", [[
local uv = require "luv"
local server = uv.new_tcp()
server:bind("127.0.0.1", 0)
server:listen(8, function() end)
local task = async.create_task(async.fetch("http://127.0.0.1:" .. server:getsockname().port .. "/slow"))
await(async.sleep(0.05))
async.print_tasks()]])
      assert.truthy(result.stderr:find("Task%-1 waits for GET http://127.0.0.1:%d+/slow"), result.stderr)
    end)

    it("is what a deadlock reports, in every loop", function()
      local result = run("", [[
local lock = async.Lock()
async.create_task(function() await(async.Event():wait()) end, {name = "waiter"})
async.run(async(function()
  await(lock:acquire())
  await(lock:acquire())
end)())]])
      assert.equal(1, result.status)
      assert_says(result, "lacuna: deadlock: every task waits for something that nothing can wake\n")
      assert_says(result, "  main waits for another loop at script.lua:5\n")
      assert_says(result, "  waiter waits for Event at script.lua:4\n")
      assert_says(result, "  Task-2 waits for Lock at script.lua:7\n")
    end)

    it("is not taken for a deadlock while input or a timer of libuv is awaited", function()
      local result = run("", [[
local future = async.Future()
local timer = require("luv").new_timer()
timer:start(50, 0, function() timer:close() future:set_result("rung") end)
print(await(future))]])
      assert.same({status = 0, stdout = "rung\n", stderr = ""}, result)
    end)
  end)

  describe("the stack of a task", function()
    it("is where it waits, oldest frame first", function()
      local result = run("", [[
local function inner() await(async.sleep(10)) end
local task = async.create_task(function()
  inner()
  return 1
end, {name = "deep"})
print(#task:get_stack())
await(async.sleep(0))
for _, frame in ipairs(task:get_stack()) do print(frame.file, frame.line) end
print(#task:get_stack(1), task:get_stack(1)[1].line)
task:print_stack()
task:cancel()
pcall(await, task)
task:print_stack(nil, io.stdout)]])
      assert.equal(0, result.status)
      assert.truthy(result.stdout:find("^0\nscript.lua\t5\nscript.lua\t3\n1\t3\nNo stack for <Task cancelled"))
      assert.truthy(result.stderr:find(
        'Stack for <Task pending name="deep".-> %(most recent call last%):\n  File "script.lua", line 5.-line 3'))
    end)

    it("is where it failed, once it has", function()
      local result = run("", [[
local function fails() error(async.ValueError("no")) end
local task = async.create_task(function() fails() return 1 end)
pcall(await, task)
task:print_stack()]])
      assert.truthy(result.stderr:find("^Traceback for <Task finished.-line 4.-line 3.-ValueError: no\n$"))
    end)
  end)

  describe("a seed for the order", function()
    local order = [[
local seen = {}
for i = 1, 12 do async.create_task(function() seen[#seen + 1] = i await(async.sleep(0)) seen[#seen + 1] = i end) end
local loop = async.get_running_loop()
loop:call_soon(function() seen[#seen + 1] = "call" end)
local future = async.Future()
future:add_done_callback(function() seen[#seen + 1] = "done" end)
future:set_result()
await(async.sleep(0.001))
print(table.concat(seen, " "))]]

    it("gives the same order for the same seed, and others for others", function()
      local orders, count = {}, 0
      for seed = 1, 5 do
        local first = run("--clock=virtual --shuffle=" .. seed, order)
        assert.equal("", first.stderr)
        assert.equal(first.stdout, run("--clock=virtual --shuffle=" .. seed, order).stdout)
        if not orders[first.stdout] then orders[first.stdout], count = true, count + 1 end
        local entries = {}
        for entry in first.stdout:gmatch("%S+") do entries[#entries + 1] = entry end
        assert.equal(26, #entries)
      end
      assert.truthy(count >= 4)
    end)

    it("is a positive whole number", function()
      for _, seed in ipairs {"0", "-1", "x", "", "99999999999999999999999"} do
        assert.equal(2, run(("'--shuffle=%s'"):format(seed), "").status, seed)
      end
    end)
  end)
end)
