-- gather: many awaitables as one future of the list of their results.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local CancelledError, ValueError = async.CancelledError, async.ValueError

local function later(seconds, value)
  return async.sleep(seconds, value)
end

local fail = async(function(seconds, message)
  await(async.sleep(seconds))
  error(ValueError(message))
end)

describe("gather", function()
  it("gives results in the order given, run together", body(function(loop)
    local start = loop:time()
    assert.same({ n = 3, "a", "b", "c" }, await(async.gather(later(3, "a"), later(1, "b"), later(2, "c"))))
    assert.equal(3, loop:time() - start)
  end))

  it("takes a list, options after it, and both in one table", body(function()
    assert.same({ n = 2, 1, 2 }, await(async.gather({ later(1, 1), later(1, 2) })))
    assert.equal("x", await(async.gather({ fail(1, "x") }, { return_exceptions = true }))[1].message)
    assert.equal("x", await(async.gather(fail(1, "x"), { return_exceptions = true }))[1].message)
    assert.equal("x", await(async.gather { fail(1, "x"), return_exceptions = true })[1].message)
  end))

  it("of nothing is an empty list", body(function()
    assert.same({ n = 0 }, await(async.gather()))
    assert.same({ n = 0 }, await(async.gather {}))
    assert.same({ n = 0 }, await(async.gather { return_exceptions = true }))
    assert.same({ n = 0 }, await(async.gather({}, { return_exceptions = true })))
  end))

  it("starts at the call, before it is awaited", body(function()
    local log = {}
    local gathering = async.gather(async(function() log[1] = "runs" end)())
    assert.same({}, log)
    turns()
    assert.same({ "runs" }, log)
    assert.is_true(async.isfuture(gathering))
    await(gathering)
  end))

  it("keeps nil results in their slots, counted by n, and the first of several", body(function()
    local results = await(async.gather(later(1, nil), later(1, "b"), async(function() return "c", "d" end)(), later(1)))
    assert.equal(4, results.n)
    assert.is_nil(results[1])
    assert.equal("b", results[2])
    assert.equal("c", results[3])
    assert.is_nil(results[4])
  end))

  it("takes functions, and runs one as often as it is given", body(function()
    local count = 0
    local function work()
      count = count + 1
      return count
    end
    assert.same({ n = 3, 1, 2, 3 }, await(async.gather(work, work, async(work))))
  end))

  it("runs an awaitable once that is given twice", body(function()
    local count = 0
    local coro = async(function()
      count = count + 1
      return count
    end)()
    local task = async.create_task(later(1, "t"))
    assert.same({ n = 4, 1, "t", 1, "t" }, await(async.gather(coro, task, coro, task)))
    assert.equal(1, count)
  end))

  it("takes futures that are done", body(function()
    local fut = async.Future()
    fut:set_result("there")
    assert.same({ n = 2, "there", "later" }, await(async.gather(fut, later(1, "later"))))
  end))

  it("raises the first error at once and lets the others go on", body(function(loop)
    local start = loop:time()
    local slow = async.create_task(later(5, "slow"))
    assert.equal("first", raised(ValueError, await, async.gather(slow, fail(2, "second"), fail(1, "first"))).message)
    assert.equal(1, loop:time() - start)
    assert.is_false(slow:done())
    assert.equal("slow", await(slow))
    collectgarbage()
    assert.same({}, loop.reports)
  end))

  it("raises foreign values unchanged", body(function()
    assert.same({ false, "text" }, { pcall(await, async.gather(function() error("text", 0) end)) })
  end))

  it("puts errors into their slots with return_exceptions, foreign values wrapped", body(function()
    local cancelled = async.create_task(later(5))
    turns()
    cancelled:cancel()
    local results = await(async.gather(fail(1, "x"), function() error("text", 0) end, cancelled, later(2, "fine"),
      { return_exceptions = true }))
    assert.equal("x", results[1].message)
    assert.equal("text", results[2].value)
    assert.is_true(async.isinstance(results[3], CancelledError))
    assert.equal("fine", results[4])
    for i = 1, 3 do assert.is_true(async.isinstance(results[i], async.BaseError)) end
  end))

  it("fails with CancelledError when one of many is cancelled, and spares the others", body(function()
    local a, b = async.create_task(later(5)), async.create_task(later(1, "b"))
    local gathering = async.gather(a, b)
    turns()
    a:cancel()
    raised(CancelledError, await, gathering)
    assert.is_false(gathering:cancelled())
    assert.equal("b", await(b))
  end))

  it("cancels all that are not done when it is cancelled, and waits for them", body(function()
    local log = {}
    local function cleaning(name)
      return async(function()
        async.try(function() await(async.sleep(10)) end, { finally = function() log[#log + 1] = name end })
      end)()
    end
    local quick = async.create_task(later(0, "quick"))
    local gathering = async.gather(quick, cleaning("a"), cleaning("b"))
    turns(3)
    assert.is_true(gathering:cancel("stop"))
    assert.is_false(gathering:done())
    assert.same({}, log)
    assert.equal("stop", raised(CancelledError, await, gathering).message)
    assert.same({ "a", "b" }, log)
    assert.equal("quick", quick:result())
  end))

  it("cancels all when the task that waits for it is cancelled", body(function()
    local children = { async.create_task(later(5)), async.create_task(later(6)) }
    local task = async.create_task(function() await(async.gather(children)) end)
    turns(2)
    task:cancel()
    raised(CancelledError, await, task)
    assert.is_true(children[1]:cancelled() and children[2]:cancelled())
  end))

  it("ends with CancelledError after a cancellation even with return_exceptions", body(function()
    local child = async.create_task(later(5))
    local gathering = async.gather(child, { return_exceptions = true })
    turns()
    assert.is_true(gathering:cancel("stop"))
    assert.equal("stop", raised(CancelledError, await, gathering).message)
  end))

  it("takes the message of its last awaitable's cancellation, as CPython does", body(function()
    local done = async.Future()
    local gathering = async.gather(later(5), done, { return_exceptions = true })
    turns()
    done:set_result()
    gathering:cancel("stop")
    assert.equal("", raised(CancelledError, await, gathering).message)
  end))

  it("has nothing to cancel when all have ended", body(function()
    local fut = async.Future()
    local gathering = async.gather(fut)
    fut:set_result("value")
    assert.is_false(gathering:cancel())
    assert.same({ n = 1, "value" }, await(gathering))
    assert.is_false(gathering:cancel())
  end))

  it("gives results although an awaitable swallows the cancellation of another", body(function()
    local stubborn = async.create_task(function()
      pcall(await, async.sleep(5))
      return "stubborn"
    end)
    local gathering = async.gather(stubborn)
    turns()
    gathering:cancel()
    raised(CancelledError, await, gathering)
    assert.equal("stubborn", stubborn:result())
  end))

  it("can be gathered in turn", body(function()
    local results = await(async.gather(async.gather(later(1, 1), later(2, 2)), async.gather(later(1, 3))))
    assert.same({ n = 2, { n = 2, 1, 2 }, { n = 1, 3 } }, results)
  end))

  it("raises TypeError for what is not awaitable, and what it has started by then ends unharmed", body(function(loop)
    local log = {}
    raised(async.TypeError, async.gather, async(function() log[1] = "ran" end)(), 42)
    raised(async.TypeError, async.gather, nil)
    turns(3)
    assert.same({ "ran" }, log)
    assert.same({}, loop.reports)
  end))

  it("reports no error that came after the first", body(function(loop)
    raised(ValueError, await, async.gather(fail(1, "first"), fail(2, "second")))
    await(async.sleep(5))
    collectgarbage()
    collectgarbage()
    assert.same({}, loop.reports)
  end))
end)
