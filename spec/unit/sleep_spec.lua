-- sleep: time passing, and the order in which it wakes.
local async = require "lacuna"
local sweep = require "spec.support.sweep"
local virtual = require "spec.support.virtual"

local await = async.await
local body, raised = virtual.body, virtual.raised

describe("sleep", function()
  it("lasts as long as it is told, and returns the other arguments", body(function(loop)
    local start = loop:time()
    assert.same({ "a", nil, "c" }, { await(async.sleep(2.5, "a", nil, "c")) })
    assert.equal(2.5, loop:time() - start)
    assert.equal(0, select("#", await(async.sleep(1))))
    assert.equal(1, select("#", await(async.sleep(1, nil))))
  end))

  it("starts nothing before it is awaited", body(function(loop)
    local start = loop:time()
    local nap = async.sleep(5)
    await(async.sleep(5))
    await(nap)
    assert.equal(10, loop:time() - start)
  end))

  it("of nothing or less takes one turn", body(function(loop)
    local start, log = loop:time(), {}
    for _, seconds in ipairs { 0, -1 } do
      loop:call_soon(function() log[#log + 1] = seconds end)
      assert.equal("value", await(async.sleep(seconds, "value")))
      log[#log + 1] = "woken"
    end
    assert.same({ 0, "woken", -1, "woken" }, log)
    assert.equal(start, loop:time())
  end))

  it("takes turns with other tasks", body(function()
    local log = {}
    local function steps(name)
      return function()
        for i = 1, 3 do
          log[#log + 1] = name .. i
          await(async.sleep(0))
        end
      end
    end
    await(async.gather(steps "a", steps "b"))
    assert.same({ "a1", "b1", "a2", "b2", "a3", "b3" }, log)
  end))

  it("takes turns in order, however many tasks there are", body(function()
    for _, count in ipairs { 1, 2, 31, 63, 64, 65, 127, 300 } do
      local log, tasks = {}, {}
      for i = 1, count do
        tasks[i] = async.create_task(function()
          for _ = 1, 70 do
            log[#log + 1] = i
            await(async.sleep(0))
          end
        end)
      end
      await(async.gather(tasks))
      assert.equal(70 * count, #log)
      for place, i in ipairs(log) do assert.equal((place - 1) % count + 1, i) end
    end
  end))

  it("wakes equal deadlines in the order in which they were set", body(function()
    local log, tasks = {}, {}
    for i = 1, 100 do
      tasks[i] = async.create_task(function()
        await(async.sleep(i % 3 + 1))
        log[#log + 1] = i
      end)
    end
    await(async.gather(tasks))
    local expected = {}
    for rest = 0, 2 do
      for i = 1, 100 do
        if i % 3 == rest then expected[#expected + 1] = i end
      end
    end
    assert.same(expected, log)
  end))

  it("wakes one turn after a callback of the same time", body(function(loop)
    local log = {}
    local task = async.create_task(function()
      await(async.sleep(1))
      log[#log + 1] = "sleeper"
    end)
    virtual.turns()
    loop:call_later(1, function()
      log[#log + 1] = "callback"
      loop:call_soon(function() log[#log + 1] = "after" end)
    end)
    await(task)
    virtual.turns()
    assert.same({ "callback", "sleeper", "after" }, log)
  end))

  it("is cancelled by callbacks of the same time, in the turns before and after its timer's", body(function(loop)
    for _, is_first in ipairs { true, false } do
      local task
      local function cancel() task:cancel("late") end
      if is_first then loop:call_later(1, cancel) end
      task = async.create_task(async.sleep(1))
      virtual.turns()
      if not is_first then loop:call_later(1, cancel) end
      assert.equal("late", raised(async.CancelledError, await, task).message)
      assert.is_true(task:cancelled())
      await(async.sleep(1)) -- the slot is free again, once
      await(async.gather(async.sleep(1), async.sleep(2)))
    end
  end))

  it("takes numbers, and what Lua reads as one", body(function()
    raised(async.TypeError, async.sleep, "soon")
    raised(async.TypeError, async.sleep, nil)
    raised(async.TypeError, async.sleep, {})
    await(async.sleep("1"))
  end))

  it("can be swept by cancellations", function()
    assert.is_true(sweep(function()
      await(async.sleep(1))
      await(async.sleep(0))
      await(async.sleep(1))
    end, 2) > 0)
  end)

  it("lets go of the time of ten thousand that are cancelled", body(function(loop)
    local start, tasks = loop:time(), {}
    for i = 1, 10000 do tasks[i] = async.create_task(async.sleep(1000 + i)) end
    virtual.turns()
    for i = 1, 10000 do tasks[i]:cancel() end
    await(async.gather(tasks, { return_exceptions = true }))
    await(async.sleep(1))
    assert.equal(1, loop:time() - start)
  end))

  it("on the real clock does not end early", function()
    local loop = async.new_event_loop { clock = "real" }
    local start = loop:time()
    loop:run_until_complete(async.sleep(0.02))
    assert.is_true(loop:time() - start >= 0.02)
    loop:close()
  end)

  it("on the real clock is over when a step took longer than it", function()
    local loop = async.new_event_loop { clock = "real" }
    local timeout = async.timeout_at(loop:time() + 0.005)
    loop:run_until_complete(function()
      raised(async.TimeoutError, async.with, timeout, function()
        local finish = loop:time() + 0.01
        while loop:time() < finish do end -- luacheck: ignore 542
        for _ = 1, 3 do await(async.sleep(0)) end
      end)
    end)
    loop:close()
  end)
end)
