-- waiting: wait, as_completed and shield.
local async = require "lacuna"
local sweep = require "spec.support.sweep"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local CancelledError, TimeoutError, ValueError = async.CancelledError, async.TimeoutError, async.ValueError

local fail = async(function(seconds, message)
  await(async.sleep(seconds))
  error(ValueError(message))
end)

local function tasks_of(...)
  local tasks = {}
  for i, seconds in ipairs { ... } do tasks[i] = async.create_task(async.sleep(seconds, seconds)) end
  return tasks
end

describe("wait", function()
  it("waits for all and gives two lists in the order given, of the caller's own objects", body(function(loop)
    local start, tasks, fut = loop:time(), tasks_of(3, 1, 2), async.Future()
    fut:set_result()
    local done, pending = await(async.wait { tasks[1], tasks[2], fut, tasks[3] })
    assert.same({}, pending)
    assert.equal(4, #done)
    for i, expected in ipairs { tasks[1], tasks[2], fut, tasks[3] } do assert.equal(expected, done[i]) end
    assert.equal(3, loop:time() - start)
  end))

  it("stops at the first that is done", body(function(loop)
    local start, tasks = loop:time(), tasks_of(3, 1, 2)
    local done, pending = await(async.wait(tasks, { return_when = "FIRST_COMPLETED" }))
    assert.equal(1, loop:time() - start)
    assert.equal(1, #done)
    assert.equal(tasks[2], done[1])
    assert.equal(tasks[1], pending[1])
    assert.equal(tasks[3], pending[2])
    await(async.wait(pending))
  end))

  it("gives everything that is done by the time it goes on", body(function()
    local tasks = tasks_of(1, 1, 5)
    local done, pending = await(async.wait(tasks, { return_when = "FIRST_COMPLETED" }))
    assert.equal(2, #done)
    assert.equal(1, #pending)
    await(pending[1])
  end))

  it("stops at the first failure, a cancellation being none", body(function(loop)
    local start = loop:time()
    local cancelled = async.create_task(async.sleep(50))
    loop:call_later(1, function() cancelled:cancel() end)
    local failing = async.create_task(fail(2, "x"))
    local slow = async.create_task(async.sleep(9))
    local done, pending = await(async.wait({ slow, cancelled, failing }, { return_when = "FIRST_EXCEPTION" }))
    assert.equal(2, loop:time() - start)
    assert.equal(cancelled, done[1])
    assert.equal(failing, done[2])
    assert.equal(slow, pending[1])
    await(slow)
  end))

  it("waits for all with FIRST_EXCEPTION when none fails", body(function()
    local done, pending = await(async.wait(tasks_of(1, 2), { return_when = "FIRST_EXCEPTION" }))
    assert.equal(2, #done)
    assert.equal(0, #pending)
  end))

  it("raises no error of what it waited for", body(function()
    local failing = async.create_task(fail(1, "x"))
    local done = await(async.wait { failing })
    assert.equal("x", done[1]:exception().message)
  end))

  it("ends when its time is up, cancelling nothing", body(function(loop)
    local start, tasks = loop:time(), tasks_of(1, 5)
    local done, pending = await(async.wait(tasks, { timeout = 2 }))
    assert.equal(2, loop:time() - start)
    assert.equal(tasks[1], done[1])
    assert.equal(tasks[2], pending[1])
    assert.is_false(tasks[2]:cancelled())
    done, pending = await(async.wait(tasks, { timeout = 0 }))
    assert.same({ 1, 1 }, { #done, #pending })
    await(tasks[2])
  end))

  it("makes tasks of everything else, and counts what is given twice once", body(function()
    local coro, task = async.sleep(1, "coroutine"), async.create_task(async.sleep(1, "task"))
    local done = await(async.wait { coro, task, coro, task, function() return "function" end })
    assert.equal(3, #done)
    assert.equal("coroutine", done[1]:result())
    assert.equal(task, done[2])
    assert.equal("function", done[3]:result())
  end))

  it("spares the tasks when it is cancelled", body(function()
    local tasks = tasks_of(3)
    local waiting = async.create_task(async.wait(tasks))
    turns(2)
    waiting:cancel()
    raised(CancelledError, await, waiting)
    assert.equal(3, await(tasks[1]))
  end))

  it("refuses an empty list, a condition it does not know, and what is no list", body(function()
    raised(ValueError, await, async.wait {})
    raised(ValueError, await, async.wait({ async.Future() }, { return_when = "SOMETIME" }))
    raised(async.TypeError, await, async.wait(async.Future()))
    raised(async.TypeError, await, async.wait "text")
    raised(async.TypeError, await, async.wait { 42 })
  end))

  it("can be swept by cancellations", function()
    assert.is_true(sweep(function()
      local tasks = tasks_of(1, 2)
      async.try(function() await(async.wait(tasks, { timeout = 5 })) end, { finally = function()
        for _, task in ipairs(tasks) do task:cancel() end
      end })
    end, 2) > 0)
  end)
end)

describe("as_completed", function()
  it("gives results in order of completion", body(function()
    local results = {}
    for aw in async.as_completed { async.sleep(3, "c"), async.sleep(1, "a"), async.sleep(2, "b") } do
      results[#results + 1] = await(aw)
    end
    assert.same({ "a", "b", "c" }, results)
  end))

  it("of nothing gives nothing", body(function()
    for _ in async.as_completed {} do error("not reached") end
  end))

  it("starts with the first iteration", body(function(loop)
    local log, start = {}, loop:time()
    local iterate = async.as_completed({ function() log[1] = "ran" end }, { timeout = 1 })
    await(async.sleep(3))
    assert.same({}, log)
    await(iterate())
    assert.same({ "ran" }, log)
    assert.equal(3, loop:time() - start)
    assert.is_nil(iterate())
  end))

  it("gives what is done already in the order given", body(function()
    local a, b = async.Future(), async.Future()
    b:set_result("b")
    a:set_result("a")
    local results = {}
    for aw in async.as_completed { a, b } do results[#results + 1] = await(aw) end
    assert.same({ "a", "b" }, results)
  end))

  it("raises an error in its place and goes on", body(function()
    local results = {}
    for aw in async.as_completed { async.sleep(3, "c"), fail(2, "x"), async.sleep(1, "a") } do
      local ok, value = pcall(await, aw)
      results[#results + 1] = ok and value or value.message
    end
    assert.same({ "a", "x", "c" }, results)
  end))

  it("counts what is given twice once", body(function()
    local task, count = async.create_task(async.sleep(1)), 0
    for aw in async.as_completed { task, task } do
      await(aw)
      count = count + 1
    end
    assert.equal(1, count)
  end))

  it("raises TimeoutError for each that is late, and cancels none", body(function(loop)
    local start, late, results = loop:time(), tasks_of(8, 9), {}
    for aw in async.as_completed({ late[1], async.sleep(1, "a"), late[2] }, { timeout = 2 }) do
      local ok, value = pcall(await, aw)
      results[#results + 1] = ok and value or value.name
    end
    assert.same({ "a", "TimeoutError", "TimeoutError" }, results)
    assert.equal(2, loop:time() - start)
    assert.same({ n = 2, 8, 9 }, await(async.gather(late)))
  end))

  it("hangs on nothing that ends in the turn in which the time is up", body(function(loop)
    local fut = async.Future()
    local iterate = async.as_completed({ fut }, { timeout = 2 })
    loop:call_later(2, function() fut:set_result("just now") end)
    raised(TimeoutError, await, iterate())
    local in_time = async.Future()
    loop:call_later(2, function() in_time:set_result("in time") end)
    iterate = async.as_completed({ in_time }, { timeout = 3 })
    assert.equal("in time", await(iterate()))
    assert.is_nil(iterate())
  end))

  it("serves tasks that wait at the same time in their order", body(function()
    local log, waiters = {}, {}
    for aw in async.as_completed { async.sleep(2, "second"), async.sleep(1, "first") } do
      local index = #waiters + 1
      waiters[index] = async.create_task(function() table.insert(log, index .. await(aw)) end)
    end
    await(async.gather(waiters))
    assert.same({ "1first", "2second" }, log)
  end))

  it("hands what a cancelled waiter was woken for to the next", body(function(loop)
    local fut, slow = async.Future(), async.create_task(async.sleep(50))
    local iterate = async.as_completed { fut, slow }
    local first, second = async.create_task(iterate()), async.create_task(iterate())
    turns(2)
    fut:set_result("value")
    loop:call_soon(function() first:cancel() end)
    raised(CancelledError, await, first)
    assert.equal("value", await(second))
    slow:cancel()
  end))

  it("takes lists only", body(function()
    raised(async.TypeError, async.as_completed, async.Future())
    raised(async.TypeError, async.as_completed, nil)
  end))
end)

describe("shield", function()
  it("gives all values of what it shields", body(function()
    assert.same({ 1, nil, 3 }, { await(async.shield(async.sleep(1, 1, nil, 3))) })
  end))

  it("starts at the call", body(function()
    local log = {}
    local shielded = async.shield(function() log[1] = "ran" end)
    turns()
    assert.same({ "ran" }, log)
    await(shielded)
  end))

  it("is the future itself when that is done", body(function()
    local fut = async.Future()
    fut:set_result(1)
    assert.equal(fut, async.shield(fut))
  end))

  it("lets the inner go on when the waiter is cancelled", body(function()
    local inner = async.create_task(async.sleep(5, "kept"))
    local outer = async.create_task(function() return await(async.shield(inner)) end)
    turns(2)
    outer:cancel("outer")
    assert.equal("outer", raised(CancelledError, await, outer).message)
    assert.equal("kept", await(inner))
  end))

  it("passes the inner's error and cancellation on", body(function()
    assert.equal("x", raised(ValueError, await, async.shield(fail(1, "x"))).message)
    assert.same({ false, "text" }, { pcall(await, async.shield(function() error("text", 0) end)) })
    local inner = async.create_task(async.sleep(5))
    local shielded = async.shield(inner)
    turns()
    inner:cancel()
    raised(CancelledError, await, shielded)
    assert.is_true(shielded:cancelled())
  end))

  it("shields as often as it is asked", body(function()
    local inner = async.Future()
    local first, second = async.shield(inner), async.shield(inner)
    first:cancel()
    inner:set_result("value")
    assert.equal("value", await(second))
    assert.is_true(first:cancelled())
  end))

  it("raises TypeError for what is not awaitable", body(function()
    raised(async.TypeError, async.shield, 42)
  end))

  it("does not keep gather from cancelling what it shields not", body(function()
    local kept, lost = async.create_task(async.sleep(3, "kept")), async.create_task(async.sleep(3))
    local gathering = async.gather(async.shield(kept), lost)
    turns()
    gathering:cancel()
    raised(CancelledError, await, gathering)
    turns()
    assert.is_true(lost:cancelled())
    assert.equal("kept", await(kept))
  end))
end)
