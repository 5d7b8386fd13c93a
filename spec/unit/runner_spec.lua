-- runner: async.run, from a fresh loop to its closing.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local turns, raised = virtual.turns, virtual.raised
local CancelledError = async.CancelledError

describe("run", function()
  it("gives all values of what it ran", function()
    assert.same({ 1, nil, 3 }, { async.run(async(function() return 1, nil, 3 end)()) })
    assert.equal(0, select("#", async.run(function() end)))
    assert.equal("async", async.run(async(function() return "async" end)))
  end)

  it("raises the error of what it ran, the same object, foreign values unchanged", function()
    local problem = async.ValueError("x")
    assert.equal(problem, raised(async.ValueError, async.run, function() error(problem) end))
    assert.same({ false, "text" }, { pcall(async.run, function() error("text", 0) end) })
    local ok, err = pcall(async.run, function() error(nil) end)
    assert.is_false(ok)
    assert.is_nil(err)
  end)

  it("makes a fresh loop each time and closes it", function()
    local first, second
    async.run(function() first = async.get_running_loop() end)
    async.run(function() second = async.get_running_loop() end)
    assert.not_equal(first, second)
    assert.is_true(first:is_closed() and second:is_closed())
  end)

  it("is refused inside its own tasks, and harms nothing there", function()
    assert.equal("goes on", async.run(function()
      raised(async.RuntimeError, async.run, function() end)
      turns()
      return "goes on"
    end))
  end)

  it("is refused inside a task that the top level started", function()
    local task = async.create_task(function() return async.run(function() end) end)
    raised(async.RuntimeError, await, task)
  end)

  it("cancels what is left in order of creation and waits for it", function()
    local log = {}
    local function leftover(name)
      return function()
        async.try(function() await(async.sleep(1000)) end, { finally = function()
          log[#log + 1] = name .. " cancelled"
          turns(2)
          log[#log + 1] = name .. " ends"
        end })
      end
    end
    assert.equal("result", async.run(function()
      async.create_task(leftover "a")
      async.create_task(leftover "b")
      turns()
      return "result"
    end))
    assert.same({ "a cancelled", "b cancelled", "a ends", "b ends" }, log)
  end)

  it("never starts what the last turn of its main task left to be started", function()
    local log = {}
    async.run(function()
      async.create_task(function()
        log[#log + 1] = "ready"
        async.create_task(function() log[#log + 1] = "not started" end)
      end)
    end)
    assert.same({ "ready" }, log)
  end)

  it("calls the done callbacks of what it cancelled last, and what they call soon", function()
    local log = {}
    async.run(function()
      local loop = async.get_running_loop()
      local task = async.create_task(async.sleep(1000))
      task:add_done_callback(function()
        log[#log + 1] = "callback"
        loop:call_soon(function() log[#log + 1] = "soon" end)
      end)
      turns()
      task:cancel()
    end)
    assert.same({ "callback", "soon" }, log)
  end)

  it("waits for what is left after an error too", function()
    local log = {}
    raised(async.ValueError, async.run, function()
      async.create_task(function()
        pcall(await, async.sleep(1000))
        log[1] = "cleaned"
      end)
      turns()
      error(async.ValueError("x"))
    end)
    assert.same({ "cleaned" }, log)
  end)

  it("waits for what swallows its cancellation", function()
    local log = {}
    async.run(function()
      async.create_task(function()
        pcall(await, async.sleep(1000))
        await(async.sleep(0.005))
        log[1] = "in its own time"
      end)
      turns()
    end)
    assert.same({ "in its own time" }, log)
  end)

  it("raises CancelledError when its main task is cancelled", function()
    assert.equal("me", raised(CancelledError, async.run, function()
      async.current_task():cancel("me")
      turns()
    end).message)
  end)

  it("raises TypeError for what is not awaitable", function()
    raised(async.TypeError, async.run, 42)
    raised(async.TypeError, async.run, nil)
  end)

  it("turns debug mode of its loop on and off", function()
    async.run(function() assert.is_true(async.get_running_loop():get_debug()) end, { debug = true })
    async.run(function() assert.is_false(async.get_running_loop():get_debug()) end, { debug = false })
  end)

  it("lets tasks of the top level go on meanwhile", function()
    local log = {}
    local task = async.create_task(function()
      for i = 1, 3 do
        log[#log + 1] = i
        turns()
      end
    end)
    async.run(function() turns(10) end)
    assert.same({ 1, 2, 3 }, log)
    await(task)
  end)

  it("can be called again after each way to end", function()
    for _ = 1, 20 do
      assert.equal(1, async.run(async.sleep(0, 1)))
      pcall(async.run, function() error("x", 0) end)
    end
  end)

  it("leaves no loop set by hand", function()
    async.run(async.sleep(0))
    raised(async.RuntimeError, async.get_event_loop)
    local loop = async.new_event_loop()
    async.set_event_loop(loop)
    assert.equal(loop, async.get_event_loop())
    loop:close()
  end)
end)
