-- loop: callbacks, running by hand, closing, several loops, and errors that no task owns.
local async = require "lacuna"
local shell = require "spec.support.shell"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local RuntimeError, TypeError = async.RuntimeError, async.TypeError

-- A body that is given a loop which does not run.
local function by_hand(fn)
  return function()
    local loop = virtual.new_loop()
    fn(loop)
    if not loop:is_closed() then virtual.close(loop) end
  end
end

describe("call_soon", function()
  it("calls at the next turn, in order, with its arguments", body(function(loop)
    local log = {}
    for i = 1, 3 do loop:call_soon(function(...) log[#log + 1] = { i, select("#", ...), ... } end, nil, i) end
    assert.same({}, log)
    turns()
    assert.same({ { 1, 2, nil, 1 }, { 2, 2, nil, 2 }, { 3, 2, nil, 3 } }, log)
  end))

  it("leaves what a callback adds to the turn after", body(function(loop)
    local log = {}
    loop:call_soon(function()
      log[#log + 1] = "first"
      loop:call_soon(function() log[#log + 1] = "third" end)
    end)
    loop:call_soon(function() log[#log + 1] = "second" end)
    turns()
    assert.same({ "first", "second" }, log)
    turns()
    assert.same({ "first", "second", "third" }, log)
  end))

  it("gives a handle that takes it back, also in the turn itself", body(function(loop)
    local log = {}
    local handle = loop:call_soon(function() log[#log + 1] = "not called" end)
    local late
    loop:call_soon(function() late:cancel() end)
    late = loop:call_soon(function() log[#log + 1] = "not called either" end)
    assert.is_false(handle:cancelled())
    handle:cancel()
    handle:cancel()
    assert.is_true(handle:cancelled())
    turns(2)
    assert.same({}, log)
  end))

  it("takes what can be called", body(function(loop)
    raised(TypeError, loop.call_soon, loop, 42)
    raised(TypeError, loop.call_soon, loop, nil)
    local log = {}
    loop:call_soon(setmetatable({}, { __call = function(_, x) log[1] = x end }), "x")
    loop:call_soon_threadsafe(function() log[2] = "y" end)
    turns()
    assert.same({ "x", "y" }, log)
  end))

  it("knows its loop, and no task", body(function(loop)
    local running, task = nil, "unknown"
    loop:call_soon(function() running, task = async.get_running_loop(), async.current_task() end)
    turns()
    assert.equal(loop, running)
    assert.is_nil(task)
  end))
end)

describe("call_later and call_at", function()
  it("call at their time, equal times in the order of the calls", body(function(loop)
    local log, start = {}, loop:time()
    local function note(name) log[#log + 1] = name .. loop:time() - start end
    loop:call_later(2, note, "b")
    loop:call_at(start + 1, note, "a")
    loop:call_later(2, note, "c")
    loop:call_at(start - 5, note, "past")
    loop:call_later(-1, note, "negative")
    await(async.sleep(3))
    assert.same({ "past0", "negative0", "a1", "b2", "c2" }, log)
  end))

  it("give a handle that knows its time and takes the callback back", body(function(loop)
    local log, start = {}, loop:time()
    local handle = loop:call_later(1, function() log[1] = "called" end)
    assert.equal(start + 1, handle:when())
    assert.is_nil(loop:call_soon(function() end):when())
    handle:cancel()
    assert.is_true(handle:cancelled())
    await(async.sleep(2))
    assert.same({}, log)
    handle:cancel()
  end))

  it("give a handle that says what it calls, and when", body(function(loop)
    local function tick() end
    assert.matches("^<Handle tick%(%) at .*loop_spec.lua:%d+>$", tostring(loop:call_soon(tick)))
    local handle = loop:call_at(1.5, tick)
    assert.matches("^<TimerHandle when=1.5 tick%(%) at .*loop_spec.lua:%d+>$", tostring(handle))
    handle:cancel()
    assert.equal("<TimerHandle when=1.5 cancelled>", tostring(handle))
    assert.equal("<Handle print()>", tostring(loop:call_soon(print)))
  end))

  it("can be taken back in the turn in which they are due", body(function(loop)
    local log, second = {}, nil
    loop:call_later(1, function() second:cancel() end)
    second = loop:call_later(1, function() log[1] = "called" end)
    await(async.sleep(2))
    assert.same({}, log)
  end))

  it("take numbers and functions", body(function(loop)
    raised(TypeError, loop.call_later, loop, "1", print)
    raised(TypeError, loop.call_at, loop, nil, print)
    raised(TypeError, loop.call_later, loop, 1, 2)
  end))

  it("keep their order among thousands, half of them taken back", body(function(loop)
    local log, handles = {}, {}
    for i = 1, 4000 do
      handles[i] = loop:call_later((i * 7919) % 1000, function() log[#log + 1] = (i * 7919) % 1000 end)
    end
    for i = 1, 4000, 2 do handles[i]:cancel() end
    await(async.sleep(1000))
    assert.equal(2000, #log)
    for i = 2, #log do assert.is_true(log[i - 1] <= log[i]) end
  end))
end)

describe("run_until_complete", function()
  it("gives all values of an awaitable, and raises its error", by_hand(function(loop)
    assert.same({ 1, nil, 3 }, { loop:run_until_complete(async.sleep(1, 1, nil, 3)) })
    assert.equal("function", loop:run_until_complete(function() return "function" end))
    local fut = loop:create_future()
    fut:set_result("future")
    assert.equal("future", loop:run_until_complete(fut))
    assert.same({ false, "text" }, { pcall(loop.run_until_complete, loop, function() error("text", 0) end) })
    raised(TypeError, loop.run_until_complete, loop, 42)
  end))

  it("keeps tasks and callbacks for the next run", by_hand(function(loop)
    local log = {}
    local task = loop:create_task(function()
      await(async.sleep(5))
      log[#log + 1] = "task"
    end)
    loop:call_later(3, function() log[#log + 1] = "callback" end)
    loop:run_until_complete(async.sleep(1))
    assert.same({}, log)
    loop:run_until_complete(task)
    assert.same({ "callback", "task" }, log)
  end))

  it("raises RuntimeError if the loop is stopped before the end", by_hand(function(loop)
    local task = loop:create_task(async.sleep(5))
    loop:call_later(1, function() loop:stop() end)
    assert.equal("Event loop stopped before Future completed.",
      raised(RuntimeError, loop.run_until_complete, loop, task).message)
    loop:run_until_complete(task)
  end))

  it("is refused while the loop runs, inside a task, and in a callback", by_hand(function(loop)
    local other, in_callback = virtual.new_loop(), nil
    loop:run_until_complete(function()
      raised(RuntimeError, loop.run_until_complete, loop, async.Future())
      raised(RuntimeError, loop.run_forever, loop)
      raised(RuntimeError, other.run_until_complete, other, async.Future())
      loop:call_soon(function() in_callback = raised(RuntimeError, loop.run_forever, loop) end)
      turns()
    end)
    assert.truthy(in_callback)
    other:close()
  end))
end)

describe("run_forever", function()
  it("runs until it is stopped, to the end of the turn", by_hand(function(loop)
    local log = {}
    loop:call_later(1, function()
      loop:stop()
      loop:call_soon(function() log[#log + 1] = "next run" end)
    end)
    loop:call_later(1, function() log[#log + 1] = "same turn" end)
    assert.is_false(loop:is_running())
    loop:call_soon(function() log[#log + 1] = loop:is_running() end)
    loop:run_forever()
    assert.same({ true, "same turn" }, log)
    assert.is_false(loop:is_running())
    loop:stop()
    loop:run_forever()
    assert.same({ true, "same turn", "next run" }, log)
  end))

  it("runs one turn each time, however often it is stopped", by_hand(function(loop)
    local log = {}
    local function again()
      log[#log + 1] = #log + 1
      loop:stop()
      loop:call_soon(again)
      loop:call_soon(function() end)
    end
    loop:call_soon(again)
    for count = 1, 200 do
      loop:run_forever()
      assert.equal(count, #log)
    end
  end))

  it("runs one turn if it was stopped before", by_hand(function(loop)
    local log = {}
    loop:call_soon(function()
      log[#log + 1] = "one"
      loop:call_soon(function() log[#log + 1] = "two" end)
    end)
    loop:stop()
    loop:run_forever()
    assert.same({ "one" }, log)
    loop:stop()
    loop:run_forever()
    assert.same({ "one", "two" }, log)
  end))
end)

describe("close", function()
  it("is refused while the loop runs, and may be repeated", by_hand(function(loop)
    loop:run_until_complete(function() raised(RuntimeError, loop.close, loop) end)
    assert.is_false(loop:is_closed())
    loop:close()
    loop:close()
    assert.is_true(loop:is_closed())
  end))

  it("leaves a loop that refuses everything", by_hand(function(loop)
    loop:close()
    raised(RuntimeError, loop.call_soon, loop, print)
    raised(RuntimeError, loop.call_later, loop, 1, print)
    raised(RuntimeError, loop.run_forever, loop)
    raised(RuntimeError, loop.run_until_complete, loop, async.sleep(0))
    raised(RuntimeError, loop.create_task, loop, async.sleep(0))
  end))
end)

describe("loops", function()
  it("run one after another, each with its own time and tasks", function()
    for i = 1, 5 do
      local loop = virtual.new_loop()
      assert.equal(i, loop:run_until_complete(async.sleep(i, i)))
      assert.same({}, async.all_tasks(loop))
      loop:close()
    end
  end)

  it("run side by side with the one of the script", function()
    local log = {}
    local task = async.create_task(function()
      for i = 1, 3 do
        log[#log + 1] = "script " .. i
        turns()
      end
    end)
    virtual.run(function(loop)
      assert.equal(loop, async.get_running_loop())
      assert.same({ async.current_task() }, async.all_tasks())
      turns(5)
      log[#log + 1] = "other"
    end)
    await(task)
    assert.same({ "script 1", "script 2", "script 3", "other" }, log)
  end)

  it("are what get_event_loop gives: inside the running one, outside the one set by hand", function()
    local loop = virtual.new_loop()
    async.set_event_loop(loop)
    assert.equal(loop, async.get_event_loop())
    virtual.run(function(other)
      assert.equal(other, async.get_event_loop())
      assert.equal(other, async.get_running_loop())
    end)
    raised(TypeError, async.set_event_loop, 42)
    loop:close()
  end)

  it("do not let a task wait for a future of one that is not running", function()
    local loop = virtual.new_loop()
    local fut = loop:create_future()
    raised(RuntimeError, virtual.run, function() await(fut) end)
    loop:close()
  end)

  it("are refused an unknown clock", function()
    raised(async.ValueError, async.new_event_loop, { clock = "sundial" })
  end)
end)

describe("the exception handler", function()
  it("is given the errors of callbacks, with the handle", body(function(loop)
    local handle = loop:call_soon(function() error(async.ValueError("x")) end)
    loop:call_soon(function() error("text", 0) end)
    turns(2)
    assert.equal("x", loop.reports[1].exception.message)
    assert.equal(handle, loop.reports[1].handle)
    assert.equal("Exception in callback", loop.reports[1].message)
    assert.equal("text", loop.reports[2].exception.value)
  end))

  it("is given a failed task that nobody looked at, once it is collected", body(function(loop)
    local function start() async.create_task(function() error(async.ValueError("unseen")) end) end
    start()
    turns(2)
    for _ = 1, 5 do
      collectgarbage()
      await(async.sleep(1))
    end
    assert.equal(1, #loop.reports)
    assert.equal("Task exception was never retrieved", loop.reports[1].message)
    assert.equal("unseen", loop.reports[1].exception.message)
  end))

  it("is not given a failure that somebody looked at in any way, nor a cancelled gather", body(function(loop)
    local function failing() return async.create_task(function() error(async.ValueError("seen")) end) end
    local function look()
      local tasks = { failing(), failing(), failing(), failing(), failing() }
      pcall(await, tasks[1])
      tasks[2]:exception()
      pcall(tasks[3].result, tasks[3])
      await(async.gather(tasks[4], { return_exceptions = true }))
      tasks[5]:cancel()
      local gathering = async.gather(async.sleep(5))
      turns()
      gathering:cancel()
      turns(3)
    end
    look()
    for _ = 1, 5 do
      collectgarbage()
      await(async.sleep(1))
    end
    assert.same({}, loop.reports)
  end))

  it("of a script prints on stderr; only a task that failed unseen makes the status 1", function()
    local lacuna = os.getenv("LACUNA") or "lacuna"
    local function run(code)
      local result = shell.run(("%s -e %s"):format(lacuna, shell.quote("local async = require 'lacuna' " .. code)))
      assert.truthy(result.stderr:find("exception was never retrieved", 1, true), result.stderr)
      return result.status
    end
    local failing, wait = "(function() error(async.ValueError()) end) ", "async.await(async.sleep(0.01))"
    assert.equal(0, run("async.Future():set_exception(async.ValueError())"))
    assert.equal(1, run("async.create_task" .. failing .. wait))
    assert.equal(1, run("async.gather" .. failing .. wait))
    assert.equal(1, run("async.shield" .. failing .. wait))
  end)

  it("is a function or nil", body(function(loop)
    raised(TypeError, loop.set_exception_handler, loop, 42)
    local seen
    loop:set_exception_handler(function(given, context) seen = { given, context.message } end)
    loop:call_exception_handler { message = "by hand" }
    assert.equal(loop, seen[1])
    assert.equal("by hand", seen[2])
  end))
end)

describe("debug mode", function()
  it("keeps nothing alive once it is closed", function()
    local closed = setmetatable({}, { __mode = "k" })
    local function make()
      local loop = async.new_event_loop()
      loop:call_later(1000, type, 1)
      loop:call_soon(type, 1)
      loop:run_until_complete(function() end)
      loop:call_soon(type, 1)
      loop:close()
      closed[loop] = true
    end
    for _ = 1, 10 do make() end
    collectgarbage()
    collectgarbage()
    local count = 0
    for _ in pairs(closed) do count = count + 1 end
    assert.truthy(count <= 1, count .. " of 10 are left") -- an idle thread may still name the last
  end)

  it("refuses to run until a future of another loop that is not running is done", function()
    local here, there = async.new_event_loop(), async.new_event_loop()
    local ok, err = pcall(here.run_until_complete, here, there:create_future())
    assert.is_false(ok)
    assert.equal("ValueError", err.name)
    here:close()
    there:close()
  end)

  it("is a property of the loop", by_hand(function(loop)
    assert.is_false(loop:get_debug())
    loop:set_debug(true)
    assert.is_true(loop:get_debug())
    loop:set_debug(false)
    assert.equal(0.1, loop.slow_callback_duration)
  end))
end)
