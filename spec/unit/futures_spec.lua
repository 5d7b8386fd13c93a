-- futures: results that are not there yet, and who is told when they are.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local CancelledError, InvalidStateError = async.CancelledError, async.InvalidStateError

describe("a future", function()
  it("belongs to the running loop", body(function(loop)
    assert.equal(loop, async.Future():get_loop())
    assert.equal(loop, loop:create_future():get_loop())
    local other = virtual.new_loop()
    assert.equal(other, async.Future(other):get_loop())
    other:close()
  end))

  it("is pending until it has a result, an error or is cancelled", body(function()
    local returned, failed, cancelled = async.Future(), async.Future(), async.Future()
    for _, fut in ipairs { returned, failed, cancelled } do assert.is_false(fut:done()) end
    returned:set_result(1)
    failed:set_exception(async.Error("x"))
    assert.is_true(cancelled:cancel())
    for _, fut in ipairs { returned, failed, cancelled } do assert.is_true(fut:done()) end
    assert.is_false(returned:cancelled() or failed:cancelled())
    assert.is_true(cancelled:cancelled())
    assert.equal("x", failed:exception().message)
  end))

  it("refuses a second result or error, and a result after a cancellation", body(function()
    local returned, failed, cancelled = async.Future(), async.Future(), async.Future()
    returned:set_result(1)
    failed:set_exception(async.Error("x"))
    cancelled:cancel()
    for _, fut in ipairs { returned, failed, cancelled } do
      raised(InvalidStateError, fut.set_result, fut, 2)
      raised(InvalidStateError, fut.set_exception, fut, async.Error("y"))
      assert.is_false(fut:cancel())
    end
    assert.equal(1, returned:result())
    assert.equal("x", failed:exception().message)
  end))

  it("raises InvalidStateError when asked too early, CancelledError when cancelled", body(function()
    local fut = async.Future()
    assert.equal("Result is not set.", raised(InvalidStateError, fut.result, fut).message)
    assert.equal("Exception is not set.", raised(InvalidStateError, fut.exception, fut).message)
    fut:cancel("gone")
    assert.equal("gone", raised(CancelledError, fut.result, fut).message)
    assert.equal("gone", raised(CancelledError, fut.exception, fut).message)
  end))

  it("keeps several results, nil and none", body(function()
    local many, none, empty = async.Future(), async.Future(), async.Future()
    many:set_result(1, nil, 3)
    none:set_result()
    empty:set_result(nil)
    assert.equal(3, select("#", many:result()))
    assert.equal(3, (select(3, await(many))))
    assert.equal(0, select("#", none:result()))
    assert.equal(1, select("#", empty:result()))
    assert.is_nil(await(empty))
    assert.is_nil(empty:exception())
  end))

  it("takes a class of errors, and any other value, as its error", body(function()
    local by_class, by_string, by_nil = async.Future(), async.Future(), async.Future()
    by_class:set_exception(async.ValueError)
    raised(async.ValueError, by_class.result, by_class)
    by_string:set_exception("text")
    assert.equal("text", by_string:exception().value)
    assert.same({ false, "text" }, { pcall(await, by_string) })
    by_nil:set_exception(nil)
    assert.is_true(async.isinstance(by_nil:exception(), async.Error))
    assert.equal(2, select("#", pcall(await, by_nil)))
  end))

  it("gives its result without a wait once it is done", body(function(loop)
    local fut, log = async.Future(), {}
    fut:set_result("there")
    loop:call_soon(function() log[1] = "turn" end)
    assert.equal("there", await(fut))
    assert.same({}, log)
    turns()
  end))

  it("raises the same error object at each await", body(function()
    local fut, problem = async.Future(), async.ValueError("x")
    fut:set_exception(problem)
    for _ = 1, 2 do assert.equal(problem, raised(async.ValueError, await, fut)) end
  end))

  it("that is cancelled cancels the task that waits for it", body(function()
    local fut = async.Future()
    local task = async.create_task(function() return await(fut) end)
    turns()
    fut:cancel("from the future")
    assert.equal("from the future", raised(CancelledError, await, task).message)
    assert.is_true(task:cancelled())
    assert.equal(0, task:cancelling())
  end))

  it("that fails with CancelledError is not cancelled, but cancels who waits", body(function()
    local fut = async.Future()
    fut:set_exception(CancelledError("stored"))
    assert.is_false(fut:cancelled())
    assert.equal("stored", fut:exception().message)
    local task = async.create_task(function() await(fut) end)
    raised(CancelledError, await, task)
    assert.is_true(task:cancelled())
  end))

  it("is cancelled with the task that waits for it", body(function()
    local fut = async.Future()
    local task = async.create_task(function() await(fut) end)
    turns()
    task:cancel()
    assert.is_true(fut:cancelled())
    raised(CancelledError, await, task)
  end))

  it("says its state in its text", body(function()
    local fut, failed = async.Future(), async.Future()
    assert.equal("<Future pending>", tostring(fut))
    fut:set_result(7)
    assert.equal("<Future finished result=7>", tostring(fut))
    failed:set_exception(async.ValueError("x"))
    assert.equal("<Future finished exception=ValueError: x>", tostring(failed))
    failed:exception()
  end))

  it("is told from everything else by isfuture", body(function()
    local task = async.create_task(async.sleep(0))
    assert.is_true(async.isfuture(async.Future()))
    assert.is_true(async.isfuture(task))
    assert.is_true(async.isfuture(async.gather(task)))
    for _, value in ipairs { async.sleep(0), {}, "text", 1, print } do assert.is_false(async.isfuture(value)) end
    await(task)
  end))
end)

describe("a done callback", function()
  it("is called with the future one turn later, in the order of adding", body(function()
    local fut, log = async.Future(), {}
    for i = 1, 3 do
      fut:add_done_callback(function(done)
        assert.equal(fut, done)
        log[#log + 1] = i
      end)
    end
    fut:set_result()
    assert.same({}, log)
    turns()
    assert.same({ 1, 2, 3 }, log)
  end))

  it("that is added late is called at the next turn", body(function()
    local fut, log = async.Future(), {}
    fut:set_result()
    fut:add_done_callback(function() log[1] = "called" end)
    assert.same({}, log)
    turns()
    assert.same({ "called" }, log)
  end))

  it("is called after a cancellation too", body(function()
    local fut, log = async.Future(), {}
    fut:add_done_callback(function(done) log[1] = done:cancelled() end)
    fut:cancel()
    turns()
    assert.same({ true }, log)
  end))

  it("is called in its place among the waiters", body(function()
    local fut, log = async.Future(), {}
    local function wait(name)
      return function()
        await(fut)
        log[#log + 1] = name
      end
    end
    async.create_task(wait("first task"))
    turns()
    fut:add_done_callback(function() log[#log + 1] = "callback" end)
    async.create_task(wait("second task"))
    turns()
    fut:set_result()
    turns()
    assert.same({ "first task", "callback", "second task" }, log)
  end))

  it("is taken back as often as it was added", body(function()
    local fut, log = async.Future(), {}
    local function callback() log[#log + 1] = "called" end
    local function other() log[#log + 1] = "other" end
    fut:add_done_callback(callback)
    fut:add_done_callback(other)
    fut:add_done_callback(callback)
    assert.equal(2, fut:remove_done_callback(callback))
    assert.equal(0, fut:remove_done_callback(callback))
    fut:set_result()
    turns()
    assert.same({ "other" }, log)
  end))

  it("can be added again after all were taken back", body(function()
    local fut, log = async.Future(), {}
    local function callback() log[#log + 1] = "called" end
    for _ = 1, 3 do fut:add_done_callback(callback) end
    assert.equal(3, fut:remove_done_callback(callback))
    fut:add_done_callback(callback)
    fut:set_result()
    turns()
    assert.same({ "called" }, log)
  end))

  it("that fails is reported and keeps no other from being called", body(function(loop)
    local fut, log = async.Future(), {}
    fut:add_done_callback(function() error(async.ValueError("in callback")) end)
    fut:add_done_callback(function() log[1] = "called" end)
    fut:set_result()
    turns()
    assert.same({ "called" }, log)
    assert.equal(1, #loop.reports)
    assert.equal("in callback", loop.reports[1].exception.message)
    assert.equal(fut, loop.reports[1].future)
  end))

  it("may be an object that can be called", body(function()
    local log = {}
    local object = setmetatable({}, { __call = function(_, done) log[1] = done:result() end })
    local fut = async.Future()
    fut:add_done_callback(object)
    fut:set_result("value")
    turns()
    assert.same({ "value" }, log)
  end))

  it("cannot await", body(function(loop)
    local fut = async.Future()
    fut:add_done_callback(function() await(async.sleep(0)) end)
    fut:set_result()
    turns()
    assert.is_true(async.isinstance(loop.reports[1].exception, async.RuntimeError))
  end))
end)
