-- barrier: Barrier, its states and its turns.
local async = require "lacuna"
local await = async.await

local function pass_turns(count)
  for _ = 1, count or 1 do await(async.sleep(0)) end
end

local function assert_raises(class, message, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(async.isinstance(err, class), tostring(err))
  if message then assert.equal(message, err.message) end
end

-- Tasks that wait at the barrier and log "NAME:index", "NAME:broken" or "NAME:cancelled".
local function start(log, barrier, ...)
  local tasks = {}
  for i, name in ipairs({ ... }) do
    tasks[i] = async.create_task(function()
      local ok, result = pcall(await, barrier:wait())
      if not ok then
        assert(async.isinstance(result, { async.BrokenBarrierError, async.CancelledError }), tostring(result))
        result = async.isinstance(result, async.CancelledError) and "cancelled" or "broken"
      end
      log[#log + 1] = name .. ":" .. result
    end)
  end
  return tasks
end

local function text(log)
  return table.concat(log, " ")
end

describe("Barrier", function()
  it("raises ValueError for less than one party, TypeError for what is no integer", function()
    assert_raises(async.ValueError, "parties must be > 0", async.Barrier, 0)
    assert_raises(async.ValueError, "parties must be > 0", async.Barrier, -5)
    assert_raises(async.TypeError, "Barrier: parties must be an integer, got nil", async.Barrier)
    assert_raises(async.TypeError, 'Barrier: parties must be an integer, got "x"', async.Barrier, "x")
  end)

  it("has the fields parties, n_waiting and broken", function()
    local barrier = async.Barrier { parties = 3 }
    assert.equal(3, barrier.parties)
    assert.equal(0, barrier.n_waiting)
    assert.is_false(barrier.broken)
    assert.is_nil(barrier.nothing)
    assert.equal("<Barrier [filling, waiters:0/3]>", tostring(barrier))
    local log = {}
    local tasks = start(log, barrier, "a", "b")
    pass_turns()
    assert.equal(2, barrier.n_waiting)
    assert.equal("<Barrier [filling, waiters:2/3]>", tostring(barrier))
    await(barrier:abort())
    assert.is_true(barrier.broken)
    assert.equal(0, barrier.n_waiting)
    assert.equal("<Barrier [broken]>", tostring(barrier))
    await(async.gather(tasks))
  end)

  for _, name in ipairs { "wait", "abort", "reset" } do
    it(name .. " returns a coroutine object that is awaited once and starts nothing before", function()
      local barrier = async.Barrier(1)
      local coro = barrier[name](barrier)
      assert.is_true(async.iscoroutine(coro))
      assert.is_false(barrier.broken)
      await(coro)
      assert_raises(async.RuntimeError, nil, await, coro)
    end)
  end

  it("lets a single party pass at once, again and again", function()
    local barrier = async.Barrier(1)
    assert.equal(0, await(barrier:wait()))
    assert.equal(0, await(barrier:wait()))
    assert.equal(0, barrier.n_waiting)
  end)

  it("lets all pass when the last has come, and numbers them", function()
    local barrier, log = async.Barrier(3), {}
    local tasks = start(log, barrier, "a", "b")
    pass_turns(3)
    assert.equal("", text(log))
    tasks[3] = start(log, barrier, "c")[1]
    await(async.gather(tasks))
    assert.equal("c:2 a:0 b:1", text(log))
    assert.equal("<Barrier [filling, waiters:0/3]>", tostring(barrier))
  end)

  it("is used again round after round", function()
    local barrier, log = async.Barrier(2), {}
    local function runner(name)
      return async(function()
        for round = 1, 3 do
          await(barrier:wait())
          log[#log + 1] = name .. round
        end
      end)()
    end
    await(async.gather(runner("a"), runner("b")))
    assert.equal(6, #log)
    for round = 1, 3 do
      local pair = { log[2 * round - 1], log[2 * round] }
      table.sort(pair)
      assert.same({ "a" .. round, "b" .. round }, pair)
    end
  end)

  it("holds those who come while it drains until all have left", function()
    local barrier, log = async.Barrier(2), {}
    local tasks = start(log, barrier, "a", "b", "c", "d", "e")
    pass_turns(8)
    assert.equal("b:1 a:0 d:1 c:0", text(log))
    assert.equal(1, barrier.n_waiting)
    await(barrier:wait())
    await(async.gather(tasks))
    assert.equal("b:1 a:0 d:1 c:0 e:0", text(log))
  end)

  it("gives up the place of a waiter that is cancelled", function()
    local barrier, log = async.Barrier(2), {}
    local tasks = start(log, barrier, "a")
    pass_turns()
    tasks[1]:cancel()
    await(tasks[1])
    assert.equal(0, barrier.n_waiting)
    await(async.gather(start(log, barrier, "b", "c")))
    assert.equal("a:cancelled c:1 b:0", text(log))
  end)

  it("is a context manager that gives the number on entering", function()
    local barrier, numbers = async.Barrier(2), {}
    local function runner()
      async.with(barrier, function(number) numbers[#numbers + 1] = number end)
    end
    await(async.gather(runner, runner))
    table.sort(numbers)
    assert.same({ 0, 1 }, numbers)
  end)

  it("is as new after a reset when nobody waits", function()
    local barrier = async.Barrier(2)
    await(barrier:reset())
    assert.equal("<Barrier [filling, waiters:0/2]>", tostring(barrier))
    await(barrier:abort())
    await(barrier:reset())
    assert.is_false(barrier.broken)
    local log = {}
    await(async.gather(start(log, barrier, "a", "b")))
    assert.equal("b:1 a:0", text(log))
  end)

  it("breaks those who wait when it is reset, and can be used at once", function()
    local barrier, log = async.Barrier(3), {}
    local tasks = start(log, barrier, "a", "b")
    pass_turns()
    await(barrier:reset())
    assert.equal("<Barrier [resetting, waiters:0/3]>", tostring(barrier))
    local late = start(log, barrier, "c", "d", "e")
    await(async.gather(tasks))
    await(async.gather(late))
    assert.equal("a:broken b:broken e:2 c:0 d:1", text(log))
  end)

  it("breaks those who have not left yet when it is reset while it drains", function()
    local barrier, log = async.Barrier(3), {}
    local tasks = start(log, barrier, "a", "b", "c")
    pass_turns()
    assert.equal("c:2", text(log))
    assert.equal("<Barrier [draining, waiters:0/3]>", tostring(barrier))
    await(barrier:reset())
    await(async.gather(tasks))
    assert.equal("<Barrier [filling, waiters:0/3]>", tostring(barrier))
    local broken = 0
    for _, line in ipairs(log) do
      if line:find("broken") then broken = broken + 1 end
    end
    assert.equal(3, #log)
    assert.is_true(broken <= 2)
  end)

  it("breaks those who wait, and those who come later, when it is aborted", function()
    local barrier, log = async.Barrier(3), {}
    local tasks = start(log, barrier, "a", "b")
    pass_turns()
    await(barrier:abort())
    await(async.gather(tasks))
    assert.equal("a:broken b:broken", text(log))
    assert_raises(async.BrokenBarrierError, "Barrier aborted", await, barrier:wait())
    assert_raises(async.BrokenBarrierError, "Barrier aborted", async.with, barrier, function() end)
    assert.is_true(barrier.broken)
  end)

  it("says to those who wait that it was aborted or reset", function()
    local barrier = async.Barrier(2)
    local task = async.create_task(barrier:wait())
    pass_turns()
    await(barrier:abort())
    assert_raises(async.BrokenBarrierError, "Abort or reset of barrier", await, task)
  end)

  it("can be aborted by a party that fails, and reset for the rest", function()
    local barrier, log = async.Barrier(2), {}
    local failing = async.create_task(function()
      local ok, err = pcall(error, async.ValueError("first"))
      assert.is_false(ok)
      await(barrier:abort())
      return err.message
    end)
    local tasks = start(log, barrier, "a")
    assert.equal("first", await(failing))
    await(async.gather(tasks))
    assert.equal("a:broken", text(log))
    await(barrier:reset())
    await(async.gather(start(log, barrier, "b", "c")))
    assert.equal("a:broken c:1 b:0", text(log))
  end)
end)
