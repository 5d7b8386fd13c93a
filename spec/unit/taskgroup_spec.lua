-- taskgroup: tasks that end together, and how failures and cancellations come out.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local CancelledError, ExceptionGroup, ValueError = async.CancelledError, async.ExceptionGroup, async.ValueError

local fail = async(function(seconds, message)
  await(async.sleep(seconds))
  error(ValueError(message))
end)

local function messages(group)
  local list = {}
  for i, err in ipairs(group.errors) do list[i] = err.message end
  return list
end

-- A task that logs its name when it is cancelled.
local function sleeper(log, name)
  return async(function()
    local ok, err = pcall(await, async.sleep(100))
    if not ok then
      log[#log + 1] = name
      error(err, 0)
    end
  end)()
end

describe("a task group", function()
  it("waits for its tasks and gives what the body returns", body(function(loop)
    local start, a, b = loop:time(), nil, nil
    assert.same({ "body", 2 }, { async.with(async.TaskGroup(), function(group)
      a = group:create_task(async.sleep(2, "a"))
      b = group:create_task(function() return "b" end)
      return "body", 2
    end) })
    assert.equal(2, loop:time() - start)
    assert.same({ "a", "b" }, { a:result(), b:result() })
  end))

  it("may be empty", body(function()
    assert.is_nil(async.with(async.TaskGroup(), function() end))
  end))

  it("names its tasks", body(function()
    async.with(async.TaskGroup(), function(group)
      assert.equal("worker", group:create_task(async.sleep(0), { name = "worker" }):get_name())
      assert.truthy(group:create_task(async.sleep(0)):get_name():match("^Task%-%d+$"))
    end)
  end))

  it("waits for tasks that its tasks start in it", body(function()
    local log = {}
    async.with(async.TaskGroup(), function(group)
      group:create_task(function()
        turns()
        group:create_task(function()
          await(async.sleep(3))
          log[1] = "late"
        end)
      end)
    end)
    assert.same({ "late" }, log)
  end))

  it("cancels the others and the body at the first failure, and raises one group", body(function(loop)
    local log, start = {}, loop:time()
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
      group:create_task(sleeper(log, "a"))
      group:create_task(fail(1, "boom"))
      group:create_task(sleeper(log, "b"))
      local ok, cancellation = pcall(await, async.sleep(100))
      log[#log + 1] = not ok and "body " .. cancellation.name
      error(cancellation, 0)
    end)
    assert.same({ "boom" }, messages(err))
    assert.equal("unhandled errors in a TaskGroup", err.message)
    assert.same({ "a", "b", "body CancelledError" }, log)
    assert.equal(1, loop:time() - start)
    assert.equal(0, async.current_task():cancelling())
  end))

  it("cancels in order of creation, however many have come and gone in between", body(function()
    local log, expected = {}, {}
    raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
      for i = 1, 5 do
        group:create_task(sleeper(log, i))
        expected[i] = i
        for _ = 1, 20 do group:create_task(async.sleep(0)) end
        await(async.sleep(1))
      end
      group:create_task(fail(0, "now"))
      await(async.sleep(100))
    end)
    assert.same(expected, log)
  end))

  it("knows its tasks by their own place when they are gathered, too", body(function()
    local log = {}
    raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
      local first, second = group:create_task(sleeper(log, "first")), group:create_task(async.sleep(0, "second"))
      local third = group:create_task(async.sleep(0, "third"))
      assert.same({ "third", "second", n = 2 }, await(async.gather(third, second)))
      assert.same({ "second", "third", "second", n = 3 }, await(async.gather(second, third, second)))
      for _ = 1, 40 do await(group:create_task(async.sleep(0))) end
      group:create_task(fail(0, "now"))
      await(first)
    end)
    assert.same({ "first" }, log)
  end))

  it("keeps no task that has ended alive", body(function()
    local ended = setmetatable({}, { __mode = "k" })
    async.with(async.TaskGroup(), function(group)
      group:create_task(async.sleep(10))
      for _ = 1, 3 do ended[group:create_task(async.sleep(0))] = true end
      turns(4)
      collectgarbage()
      collectgarbage()
      assert.is_nil(next(ended))
    end)
  end))

  it("lists failures in their order, the body's own last", body(function()
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
      group:create_task(function()
        pcall(await, async.sleep(10))
        error(ValueError("second"))
      end)
      group:create_task(fail(0, "first"))
      pcall(await, async.sleep(10))
      error(ValueError("body"))
    end)
    assert.same({ "first", "second", "body" }, messages(err))
  end))

  it("cancels its tasks when the body fails", body(function()
    local log = {}
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
      group:create_task(sleeper(log, "a"))
      turns()
      error(ValueError("body"))
    end)
    assert.same({ "body" }, messages(err))
    assert.same({ "a" }, log)
    assert.equal(0, async.current_task():cancelling())
  end))

  it("stores foreign values wrapped, nil among them", body(function()
    for _, value in ipairs { "text", 42, false } do
      local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
        group:create_task(function() error(value, 0) end)
      end)
      assert.equal(value, err.errors[1].value)
      err = raised(ExceptionGroup, async.with, async.TaskGroup(), function() error(value, 0) end)
      assert.equal(value, err.errors[1].value)
    end
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function() error(nil) end)
    assert.is_true(async.isinstance(err.errors[1], async.Error))
  end))

  it("takes a cancelled task for no failure", body(function()
    async.with(async.TaskGroup(), function(group)
      local task = group:create_task(async.sleep(100))
      group:create_task(async.sleep(1))
      turns()
      task:cancel()
    end)
  end))

  it("passes a cancellation from outside on to its tasks, and raises it", body(function()
    local log = {}
    local group_task = async.create_task(function()
      async.with(async.TaskGroup(), function(group)
        group:create_task(sleeper(log, "a"))
        group:create_task(sleeper(log, "b"))
      end)
    end)
    turns(2)
    group_task:cancel("outside")
    assert.equal("outside", raised(CancelledError, await, group_task).message)
    assert.same({ "a", "b" }, log)
    assert.equal(1, group_task:cancelling())
  end))

  it("raises the cancellation that reached its body", body(function()
    local log = {}
    local group_task = async.create_task(function()
      async.with(async.TaskGroup(), function(group)
        group:create_task(sleeper(log, "a"))
        await(async.sleep(100))
      end)
    end)
    turns(2)
    group_task:cancel()
    raised(CancelledError, await, group_task)
    assert.same({ "a" }, log)
  end))

  it("prefers the failure of a task to a cancellation from outside", body(function()
    local group_task = async.create_task(function()
      async.with(async.TaskGroup(), function(group)
        group:create_task(function()
          pcall(await, async.sleep(10))
          error(ValueError("while cancelled"))
        end)
      end)
    end)
    turns(2)
    group_task:cancel()
    assert.same({ "while cancelled" }, messages(raised(ExceptionGroup, await, group_task)))
  end))

  it("keeps waiting when it is cancelled again while its tasks clean up", body(function(loop)
    local log = {}
    local group_task = async.create_task(function()
      async.with(async.TaskGroup(), function(group)
        group:create_task(function()
          async.try(function() await(async.sleep(100)) end, { finally = function()
            await(async.sleep(5))
            log[1] = "clean"
          end })
        end)
      end)
    end)
    turns(2)
    local start = loop:time()
    group_task:cancel()
    turns(3)
    group_task:cancel()
    raised(CancelledError, await, group_task)
    assert.same({ "clean" }, log)
    assert.equal(5, loop:time() - start)
  end))

  it("of which one is in another raises a group in a group", body(function()
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(outer)
      outer:create_task(async.sleep(100))
      async.with(async.TaskGroup(), function(inner)
        inner:create_task(fail(1, "inner"))
      end)
    end)
    assert.is_true(async.isinstance(err.errors[1], ExceptionGroup))
    assert.same({ "inner" }, messages(err.errors[1]))
  end))

  it("is cancelled as a whole by the failure of the one around it", body(function()
    local log = {}
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(outer)
      outer:create_task(fail(1, "outer"))
      async.with(async.TaskGroup(), function(inner)
        inner:create_task(sleeper(log, "inner"))
      end)
      log[#log + 1] = "not reached"
    end)
    assert.same({ "outer" }, messages(err))
    assert.same({ "inner" }, log)
    assert.equal(0, async.current_task():cancelling())
  end))

  it("lets an inner and an outer failure of one turn both out", body(function()
    local err = raised(ExceptionGroup, async.with, async.TaskGroup(), function(outer)
      outer:create_task(fail(1, "outer"))
      async.with(async.TaskGroup(), function(inner)
        inner:create_task(fail(1, "inner"))
      end)
    end)
    assert.equal("outer", err.errors[1].message)
    assert.same({ "inner" }, messages(err.errors[2]))
  end))

  it("refuses tasks before it is entered, while it shuts down and after it has ended", body(function()
    local group = async.TaskGroup()
    assert.truthy(raised(async.RuntimeError, group.create_task, group, async.sleep(0)).message:find("not been entered"))
    local late
    raised(ExceptionGroup, async.with, group, function()
      group:create_task(fail(0, "x"))
      pcall(await, async.sleep(5))
      late = raised(async.RuntimeError, group.create_task, group, async.sleep(0)).message
    end)
    assert.truthy(late:find("shutting down"))
    assert.truthy(raised(async.RuntimeError, group.create_task, group, async.sleep(0)).message:find("finished"))
  end))

  it("is entered once", body(function()
    local group = async.TaskGroup()
    async.with(group, function() end)
    raised(async.RuntimeError, async.with, group, function() end)
  end))

  it("raises TypeError for what is not awaitable", body(function()
    async.with(async.TaskGroup(), function(group)
      raised(async.TypeError, group.create_task, group, 42)
    end)
  end))

  it("leaves the task usable after its failure was caught", body(function()
    for _ = 1, 3 do
      raised(ExceptionGroup, async.with, async.TaskGroup(), function(group)
        group:create_task(fail(0, "x"))
        await(async.sleep(10))
      end)
      assert.equal(0, async.current_task():cancelling())
      await(async.sleep(1))
    end
  end))

  it("does not swallow a cancellation that came with the failure", body(function()
    local group_task = async.create_task(function()
      pcall(async.with, async.TaskGroup(), function(group)
        group:create_task(fail(1, "x"))
        await(async.sleep(100))
      end)
      return async.current_task():cancelling()
    end)
    await(async.sleep(1))
    group_task:cancel()
    assert.equal(1, await(group_task))
  end))
end)
