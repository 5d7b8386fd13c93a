-- scale: depth and numbers that a recursion or a quadratic loop inside would not stand.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised

describe("ten thousand", function()
  it("nested awaits return, raise, and are cancelled", body(function()
    local down
    down = async(function(n, bottom)
      if n == 0 then return bottom() end
      return await(down(n - 1, bottom))
    end)
    assert.equal("deep", await(down(10000, function() return "deep" end)))
    assert.equal("deep", await(down(10000, function() return await(async.sleep(1, "deep")) end)))
    raised(async.ValueError, await, down(10000, function()
      turns()
      error(async.ValueError("deep"))
    end))
    local task = async.create_task(down(10000, function() await(async.sleep(10)) end))
    turns()
    task:cancel()
    raised(async.CancelledError, await, task)
    assert.equal("after", await(down(10000, function() return "after" end)))
  end))

  it("tasks, each of which waits for the next, end one after the other", body(function()
    local first = async.Future()
    local task = first
    for _ = 1, 10000 do
      local inner = task
      task = async.create_task(function() return await(inner) + 1 end)
    end
    turns()
    first:set_result(0)
    assert.equal(10000, await(task))
  end))

  it("futures, each of which completes the next from a callback, do not recurse", body(function()
    local futures = {}
    for i = 1, 10000 do futures[i] = async.Future() end
    for i = 1, 9999 do
      futures[i]:add_done_callback(function(fut) futures[i + 1]:set_result(fut:result() + 1) end)
    end
    futures[1]:set_result(1)
    assert.equal(10000, await(futures[10000]))
  end))

  it("tasks in a group sleep at the same time", body(function(loop)
    local start, count = loop:time(), 0
    async.with(async.TaskGroup(), function(group)
      for _ = 1, 10000 do
        group:create_task(function()
          await(async.sleep(5))
          count = count + 1
        end)
      end
    end)
    assert.equal(10000, count)
    assert.equal(5, loop:time() - start)
  end))

  it("siblings are cancelled by one failure", body(function()
    local cancelled = 0
    raised(async.ExceptionGroup, async.with, async.TaskGroup(), function(group)
      for _ = 1, 10000 do
        group:create_task(function()
          local ok, err = pcall(await, async.sleep(100))
          if not ok then
            cancelled = cancelled + 1
            error(err, 0)
          end
        end)
      end
      group:create_task(function()
        turns()
        error(async.ValueError())
      end)
    end)
    assert.equal(10000, cancelled)
  end))

  it("waiters of one future are woken in their order", body(function()
    local fut, log, tasks = async.Future(), {}, {}
    for i = 1, 10000 do
      tasks[i] = async.create_task(function()
        await(fut)
        log[#log + 1] = i
      end)
    end
    turns()
    fut:set_result()
    await(async.gather(tasks))
    for i = 1, 10000 do assert(log[i] == i) end
  end))

  it("awaitables are gathered, waited for, and iterated over", body(function()
    local list = {}
    for i = 1, 10000 do list[i] = async.create_task(async.sleep(i % 7, i)) end
    local results = await(async.gather(list))
    for i = 1, 10000 do assert(results[i] == i) end
    assert.equal(10000, #await(async.wait(list)))
    local count = 0
    for aw in async.as_completed(list) do
      await(aw)
      count = count + 1
    end
    assert.equal(10000, count)
  end))

  it("nested time-outs and groups end in their order", body(function(loop)
    local start = loop:time()
    local function nest(n)
      if n == 0 then return await(async.sleep(100)) end
      return async.with(async.timeout(n), function() return nest(n - 1) end)
    end
    raised(async.TimeoutError, nest, 100)
    assert.equal(1, loop:time() - start)
    assert.equal(0, async.current_task():cancelling())
  end))

  it("turns of a task leave no garbage behind that is not collected", body(function()
    local function round()
      for _ = 1, 1000 do await(async.create_task(async.sleep(0))) end
      collectgarbage()
      collectgarbage()
      return collectgarbage("count")
    end
    round()
    local before = round()
    for _ = 1, 9 do round() end
    assert.is_true(round() - before < 64, "kilobytes")
  end))
end)
