-- tasks: what create_task makes, and how it is cancelled.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local CancelledError = async.CancelledError

describe("a task", function()
  it("takes its first step at the next turn of the loop", body(function()
    local log = {}
    local task = async.create_task(function() log[#log + 1] = "task" end)
    log[#log + 1] = "creator"
    await(task)
    assert.same({ "creator", "task" }, log)
  end))

  it("starts in the order of creation", body(function()
    local log = {}
    for i = 1, 5 do async.create_task(function() log[#log + 1] = i end) end
    turns()
    assert.same({ 1, 2, 3, 4, 5 }, log)
  end))

  it("gives all values that its function returns, nil and none included", body(function()
    local one, two, three = await(async.create_task(function() return 1, nil, 3 end))
    assert.same({ 1, nil, 3 }, { one, two, three })
    assert.equal(0, select("#", await(async.create_task(function() end))))
    local task = async.create_task(function() return nil, nil end)
    await(task)
    assert.equal(2, select("#", task:result()))
    assert.equal(2, select("#", await(task)))
  end))

  it("is made of coroutine objects, functions, async functions, futures and other awaitables", body(function()
    local object = setmetatable({}, { __await = function() turns() return "object" end })
    local fut = async.Future()
    local task = async.create_task(fut)
    fut:set_result("future")
    assert.equal("coroutine", await(async.create_task(async(function() return "coroutine" end)())))
    assert.equal("function", await(async.create_task(function() return "function" end)))
    assert.equal("async", await(async.create_task(async(function() return "async" end))))
    assert.equal("object", await(async.create_task(object)))
    assert.equal("future", await(task))
  end))

  it("is not made of what cannot be awaited", body(function()
    for _, value in ipairs { 42, "text", {}, true } do raised(async.TypeError, async.create_task, value) end
    raised(async.TypeError, async.create_task, nil)
  end))

  it("raises the error of its function at every await, the same object", body(function()
    local problem = async.ValueError("bad")
    local task = async.create_task(function() error(problem) end)
    for _ = 1, 2 do
      local ok, err = pcall(await, task)
      assert.is_false(ok)
      assert.equal(problem, err)
    end
    assert.equal(problem, task:exception())
    assert.equal(problem, raised(async.ValueError, task.result, task))
  end))

  it("raises InvalidStateError when asked before it is done", body(function()
    local task = async.create_task(async.sleep(1))
    assert.equal("Result is not set.", raised(async.InvalidStateError, task.result, task).message)
    assert.equal("Exception is not set.", raised(async.InvalidStateError, task.exception, task).message)
    await(task)
    assert.is_nil(task:exception())
  end))

  it("refuses set_result and set_exception", body(function()
    local task = async.create_task(async.sleep(1))
    raised(async.RuntimeError, task.set_result, task, 1)
    raised(async.RuntimeError, task.set_exception, task, async.Error("x"))
    await(task)
  end))

  it("cannot await itself", body(function()
    raised(async.RuntimeError, await, async.current_task())
  end))

  it("is the current task while it runs, not in a callback", body(function(loop)
    local task, inside, in_callback
    task = async.create_task(function() inside = async.current_task() end)
    loop:call_soon(function() in_callback = async.current_task() == nil end)
    await(task)
    assert.equal(task, inside)
    assert.is_true(in_callback)
  end))

  it("is listed by all_tasks until it is done, in order of creation", body(function(loop)
    local a, b = async.create_task(async.sleep(1)), async.create_task(async.sleep(2))
    assert.same({ async.current_task(), a, b }, async.all_tasks())
    await(a)
    assert.same({ async.current_task(), b }, async.all_tasks(loop))
    await(b)
  end))

  it("is named Task-N unless named, and can be renamed", body(function()
    local a, b = async.create_task(async.sleep(0)), async.create_task(async.sleep(0))
    local first = tonumber(a:get_name():match("^Task%-(%d+)$"))
    assert.equal("Task-" .. first + 1, b:get_name())
    a:set_name("loader")
    assert.equal("loader", a:get_name())
    local named = async.create_task(async.sleep(0), { name = "saver" })
    local numbered = async.create_task(async.sleep(0), { name = 5 })
    assert.equal("saver", named:get_name())
    assert.equal("5", numbered:get_name())
    await(async.gather(a, b, named, numbered))
  end))

  it("knows the coroutine object it runs", body(function()
    local coro = async.sleep(0)
    local task = async.create_task(coro)
    assert.equal(coro, task:get_coro())
    await(task)
    assert.equal(coro, task:get_coro())
  end))

  it("says its name and state in its text", body(function()
    local task = async.create_task(async.sleep(1), { name = "t" })
    assert.truthy(tostring(task):find('<Task pending name="t" coro=<coroutine object sleep', 1, true))
    task:cancel()
    assert.truthy(tostring(task):find("<Task cancelling", 1, true))
    pcall(await, task)
    assert.truthy(tostring(task):find("<Task cancelled", 1, true))
  end))

  it("fails with RuntimeError if its coroutine object was awaited before", body(function()
    local coro = async.sleep(0)
    await(coro)
    raised(async.RuntimeError, await, async.create_task(coro))
  end))

  it("does not disturb the others when it fails", body(function()
    local failing = async.create_task(function() error("boom") end)
    local other = async.create_task(function() turns(2) return "fine" end)
    assert.equal("fine", await(other))
    assert.equal("boom", failing:exception().value:match("boom$"))
  end))

  it("passes foreign values on unchanged and stores them wrapped", body(function()
    local list = {}
    for _, value in ipairs { "text", 42, list, false } do
      local task = async.create_task(function() error(value, 0) end)
      local ok, err = pcall(await, task)
      assert.is_false(ok)
      assert.equal(value, err)
      assert.equal(value, select(2, pcall(task.result, task)))
      assert.is_true(async.isinstance(task:exception(), async.Error))
      assert.equal(value, task:exception().value)
      assert.equal(task:exception(), task:exception())
    end
    local task = async.create_task(function() error(nil) end)
    local ok, err = pcall(await, task)
    assert.is_false(ok)
    assert.is_nil(err)
    assert.is_true(async.isinstance(task:exception(), async.Error))
  end))

  it("is collected while pending by nobody", body(function()
    local fut, log = async.Future(), {}
    async.create_task(function()
      await(fut)
      log[1] = "woken"
    end)
    turns()
    collectgarbage()
    collectgarbage()
    fut:set_result()
    turns()
    assert.same({ "woken" }, log)
  end))

  it("wakes several waiters in the order in which they came", body(function()
    local log = {}
    local task = async.create_task(async.sleep(1, "value"))
    local waiters = {}
    for i = 1, 4 do
      waiters[i] = async.create_task(function() table.insert(log, i .. await(task)) end)
    end
    await(async.gather(waiters))
    assert.same({ "1value", "2value", "3value", "4value" }, log)
  end))
end)

describe("a cancellation", function()
  it("before the first step keeps the function from running", body(function()
    local has_run = false
    local task = async.create_task(function() has_run = true end)
    assert.is_true(task:cancel("early"))
    assert.is_false(task:cancelled())
    assert.equal("early", raised(CancelledError, await, task).message)
    assert.is_true(task:cancelled())
    assert.is_false(has_run)
  end))

  it("closes a coroutine object that never ran", body(function()
    local coro = async.sleep(1)
    local task = async.create_task(coro)
    task:cancel()
    pcall(await, task)
    assert.equal("CLOSED", async.coroutine_state(coro))
  end))

  it("arrives one turn later where the task waits", body(function()
    local log = {}
    local task = async.create_task(function()
      local ok, err = pcall(await, async.sleep(100))
      log[#log + 1] = not ok and err.name
      error(err, 0)
    end)
    turns()
    task:cancel()
    assert.same({}, log)
    turns()
    assert.same({ "CancelledError" }, log)
    assert.is_true(task:cancelled())
  end))

  it("takes a cancelled sleep's time away", body(function(loop)
    local start = loop:time()
    local task = async.create_task(async.sleep(1000))
    turns()
    task:cancel()
    pcall(await, task)
    assert.equal(start, loop:time())
  end))

  it("reaches through awaited tasks to the innermost", body(function()
    local log = {}
    local inner = async.create_task(function()
      local _, err = pcall(await, async.sleep(10))
      log[#log + 1] = "inner " .. err.message
      error(err, 0)
    end)
    local outer = async.create_task(function()
      local _, err = pcall(await, inner)
      log[#log + 1] = "outer " .. err.message
      error(err, 0)
    end)
    turns()
    outer:cancel("why")
    pcall(await, outer)
    assert.same({ "inner why", "outer why" }, log)
    assert.is_true(inner:cancelled())
  end))

  it("of one waiter cancels the task that several wait for", body(function()
    local shared = async.create_task(async.sleep(10))
    local a = async.create_task(function() await(shared) end)
    local b = async.create_task(function() await(shared) end)
    turns()
    a:cancel()
    raised(CancelledError, await, b)
    assert.is_true(a:cancelled() and b:cancelled() and shared:cancelled())
  end))

  it("asked for twice is raised once, with the first message", body(function()
    for _, make in ipairs { function() return async.sleep(10) end, function() return async.Future() end } do
      local count = 0
      local task = async.create_task(function()
        local _, err = pcall(await, make())
        count = count + 1
        turns()
        return err.message
      end)
      turns()
      task:cancel("first")
      task:cancel("second")
      assert.equal(2, task:cancelling())
      assert.equal("first", await(task))
      assert.equal(1, count)
    end
  end))

  it("that comes again during the clean-up is raised there", body(function()
    local log = {}
    local task = async.create_task(function()
      async.try(function() await(async.sleep(10)) end, { finally = function()
        log[#log + 1] = "clean-up"
        await(async.sleep(10))
        log[#log + 1] = "not reached"
      end })
    end)
    turns()
    task:cancel()
    turns()
    task:cancel()
    raised(CancelledError, await, task)
    assert.same({ "clean-up" }, log)
  end))

  it("that is swallowed leaves the task running, counted until uncancel", body(function()
    local task = async.create_task(function()
      pcall(await, async.sleep(10))
      await(async.sleep(1))
      return async.current_task():cancelling(), async.current_task():uncancel()
    end)
    turns()
    task:cancel()
    local before, after = await(task)
    assert.equal(1, before)
    assert.equal(0, after)
    assert.is_false(task:cancelled())
  end))

  it("taken back with uncancel is raised all the same, and the count stays at zero", body(function()
    local task = async.create_task(async.sleep(10))
    turns()
    assert.equal(0, task:uncancel())
    task:cancel()
    assert.equal(0, task:uncancel())
    assert.equal(0, task:uncancel())
    raised(CancelledError, await, task)
  end))

  it("by the task itself is raised at its next wait", body(function()
    local log = {}
    local task = async.create_task(function()
      async.current_task():cancel("me")
      log[#log + 1] = "goes on"
      await(async.sleep(0))
      log[#log + 1] = "not reached"
    end)
    assert.equal("me", raised(CancelledError, await, task).message)
    assert.same({ "goes on" }, log)
  end))

  it("by the task itself is not raised by an await that need not wait", body(function()
    local fut = async.Future()
    fut:set_result("there")
    local task = async.create_task(function()
      async.current_task():cancel()
      local value = await(fut)
      pcall(await, async.sleep(5))
      return value
    end)
    assert.equal("there", await(task))
  end))

  it("by the task itself before it returns leaves it cancelled", body(function()
    local task = async.create_task(function()
      async.current_task():cancel("late")
      return "value"
    end)
    assert.equal("late", raised(CancelledError, await, task).message)
    assert.is_true(task:cancelled())
  end))

  it("by the task itself before it fails leaves it failed", body(function()
    local task = async.create_task(function()
      async.current_task():cancel()
      error(async.ValueError("first"))
    end)
    raised(async.ValueError, await, task)
    assert.is_false(task:cancelled())
  end))

  it("that arrives when the future is done already wins over its result", body(function()
    local fut = async.Future()
    local task = async.create_task(function() return await(fut) end)
    turns()
    fut:set_result("result")
    assert.is_true(task:cancel("late"))
    assert.equal("late", raised(CancelledError, await, task).message)
    assert.equal("result", fut:result())
  end))

  it("that arrives when the awaited has failed already wins over its error", body(function()
    local fut = async.Future()
    local task = async.create_task(function() return await(fut) end)
    turns()
    fut:set_exception(async.ValueError("lost"))
    task:cancel()
    raised(CancelledError, await, task)
    assert.equal("lost", fut:exception().message)
  end))

  it("turns into whatever the task raises or returns instead", body(function()
    local failing = async.create_task(function()
      pcall(await, async.sleep(10))
      error(async.ValueError("instead"))
    end)
    local returning = async.create_task(function()
      pcall(await, async.sleep(10))
      return "instead"
    end)
    turns()
    failing:cancel()
    returning:cancel()
    assert.equal("instead", raised(async.ValueError, await, failing).message)
    assert.equal("instead", await(returning))
    assert.is_false(failing:cancelled() or returning:cancelled())
  end))

  it("is what a task ends with that raises CancelledError of its own accord", body(function()
    local task = async.create_task(function() error(CancelledError("own")) end)
    assert.equal("own", raised(CancelledError, await, task).message)
    assert.is_true(task:cancelled())
    raised(CancelledError, task.result, task)
    raised(CancelledError, task.exception, task)
  end))

  it("of a task that is done does nothing", body(function()
    local task = async.create_task(async.sleep(0, "value"))
    await(task)
    assert.is_false(task:cancel())
    assert.equal(0, task:cancelling())
    assert.equal("value", task:result())
  end))

  it("in the turn in which the sleep ends still arrives", body(function(loop)
    local task = async.create_task(async.sleep(1))
    turns()
    loop:call_later(1, function() task:cancel() end)
    raised(CancelledError, await, task)
  end))

  it("does not catch up with a task that has ended in the same turn", body(function(loop)
    local task
    local ender = async.create_task(async.sleep(0))
    task = async.create_task(function() return await(ender) end)
    await(task)
    loop:call_soon(function() assert(not task:cancel()) end)
    turns()
    assert.is_false(task:cancelled())
  end))

  it("is not caught by async.pcall, as it is no Error", body(function()
    local task = async.create_task(function() return async.pcall(await, async.sleep(10)) end)
    turns()
    task:cancel()
    raised(CancelledError, await, task)
  end))

  it("of a chain of a thousand tasks reaches the last", body(function()
    local last = async.create_task(async.sleep(10))
    local task = last
    for _ = 1, 1000 do
      local inner = task
      task = async.create_task(function() return await(inner) end)
    end
    turns(2)
    task:cancel()
    raised(CancelledError, await, task)
    assert.is_true(last:cancelled())
  end))
end)
