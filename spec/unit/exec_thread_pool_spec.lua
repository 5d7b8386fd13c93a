-- thread_pool: calls in worker threads. Real threads and real time; nothing here waits for time to pass.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await, raised = async.await, virtual.raised

-- A pool with a number of workers, for as long as body takes.
local function with_pool(options, body)
  return async.with(async.ThreadPoolExecutor(options), body)
end

describe("to_thread", function()
  it("gives all results of the function", function()
    assert.same({3, nil, "x", n = 3}, (function(...) return {n = select("#", ...), ...} end)(
      await(async.to_thread(function(a, b) return a + b, nil, "x" end, 1, 2))))
  end)

  it("runs an async function to its end", function()
    local double = async(function(n)
      local inner = require "lacuna"
      inner.await(inner.sleep(0))
      return 2 * n
    end)
    assert.equal(42, await(async.to_thread(double, 21)))
  end)

  it("starts when it is awaited", function()
    local coro = async.to_thread(function() return 1 end)
    assert.equal("CREATED", async.coroutine_state(coro))
    assert.equal(1, await(coro))
    raised(async.RuntimeError, await, coro)
  end)

  it("raises the function's error, of its class, with the worker's stack and who waited", function()
    local function fail()
      error(require("lacuna").ValueError("bad value"))
    end
    local task = async.create_task(async.to_thread(fail))
    local err = raised(async.ValueError, await, task)
    assert.equal("bad value", err.message)
    assert.truthy(err.traceback:find("exec_thread_pool_spec.lua:%d+: in .*\nin a worker thread\nawaited by task"))
  end)

  it("raises a plain Lua error as it was", function()
    local ok, err = pcall(await, async.to_thread(function() error({code = 7}) end))
    assert.is_false(ok)
    assert.same({code = 7}, err)
  end)

  it("raises a TypeError for what cannot travel, there and back", function()
    local file = newproxy()
    assert.equal("upvalue 'file': userdata",
      raised(async.TypeError, await, async.to_thread(function() return file end)).message)
    assert.equal("result 2: userdata",
      raised(async.TypeError, await, async.to_thread(function() return 1, newproxy() end)).message)
    raised(async.TypeError, async.to_thread, "no function")
  end)

  it("lets the function run a loop of its own", function()
    local function crawl()
      local inner = require "lacuna"
      return inner.run(inner.gather(inner.sleep(0, 1), inner.sleep(0, 2)))[2]
    end
    assert.equal(2, await(async.to_thread(crawl)))
  end)

  local buffer = async.SharedBuffer(4) -- not in the spec: what the JIT compiles keeps what it closes over

  it("leaves the loop to other tasks", function()
    local ticker = async.create_task(function()
      while true do
        buffer:view("int32_t"):add(0, 1)
        await(async.sleep(0))
      end
    end)
    await(async.to_thread(function()
      local ticks = buffer:view("int32_t")
      while ticks:load(0) < 3 do end -- luacheck: ignore 542
    end))
    ticker:cancel()
  end)

  it("lets the virtual clock stand while work is done, and passes a sleep on to it", function()
    local loop = virtual.new_loop()
    local before, between, after
    loop:run_until_complete(function()
      before = loop:time()
      local task = async.create_task(async.sleep(3600))
      await(async.to_thread(function()
        local sum = 0
        for i = 1, 1e6 do sum = sum + i end
        return sum
      end))
      between = loop:time()
      await(task)
      after = loop:time()
    end)
    virtual.close(loop)
    assert.equal(before, between)
    assert.equal(before + 3600, after)
  end)
end)

describe("a thread pool", function()
  it("gives back what was submitted, whatever the order of completion", function()
    with_pool({max_workers = 2}, function(pool)
      local futures = {}
      for i = 1, 200 do futures[i] = pool:submit(function(n) return n * n end, i) end
      for i = 1, 200 do assert.equal(i * i, await(futures[i])) end
    end)
  end)

  it("keeps its workers", function()
    with_pool({max_workers = 1}, function(pool)
      local function count()
        _G.calls = (_G.calls or 0) + 1
        return _G.calls
      end
      for i = 1, 5 do assert.equal(i, await(pool:submit(count))) end
    end)
  end)

  it("calls its initializer once in each worker", function()
    local function initialize(a, b) _G.initialized = (_G.initialized or 0) + a + b end
    with_pool({max_workers = 1, initializer = initialize, initargs = {1, 2}}, function(pool)
      await(pool:submit(function() end))
      assert.equal(3, await(pool:submit(function() return _G.initialized end)))
    end)
  end)

  it("is broken by an initializer that fails", function()
    with_pool({max_workers = 2, initializer = function() error("no database", 0) end}, function(pool)
      local err = raised(async.BrokenExecutor, await, pool:submit(function() end))
      assert.equal("ThreadPoolExecutor: its initializer failed: no database", err.message)
      raised(async.BrokenExecutor, pool.submit, pool, function() end)
    end)
  end)

  -- More than its mailbox holds.
  local function submit_many(pool, count)
    local futures = {}
    for i = 1, count do
      futures[i] = pool:submit(function(n)
        _G.calls = (_G.calls or 0) + 1
        return n, _G.calls
      end, i)
    end
    return futures
  end

  it("takes any number of calls, and begins them in order", function()
    with_pool({max_workers = 1}, function(pool)
      for i, future in ipairs(submit_many(pool, 3000)) do assert.same({i, i}, {await(future)}) end
    end)
  end)

  it("ends all of any number of calls at its shutdown", function()
    local pool = async.ThreadPoolExecutor(2)
    local futures = submit_many(pool, 3000)
    pool:shutdown()
    for i = 1, 3000 do assert.equal(i, (futures[i]:result())) end
  end)

  it("loses one of any number of calls with a worker that exits", function()
    with_pool({max_workers = 1}, function(pool)
      local lost = pool:submit(function() os.exit(3) end)
      local kept = submit_many(pool, 1000)
      raised(async.BrokenExecutor, await, lost)
      for i = 1, 1000 do assert.equal(i, (await(kept[i]))) end
    end)
  end)

  it("takes no call after its shutdown, which waits for the calls before", function()
    local pool = async.ThreadPoolExecutor(1)
    local future = pool:submit(function() return "done" end)
    pool:shutdown()
    assert.equal("done", future:result())
    raised(async.RuntimeError, pool.submit, pool, function() end)
    pool:shutdown()
  end)

  it("loses one call, and nothing else, with a worker that exits", function()
    with_pool({max_workers = 1}, function(pool)
      local lost = pool:submit(function() os.exit(3) end)
      local kept = pool:submit(function() return "kept" end)
      local err = raised(async.BrokenExecutor, await, lost)
      assert.equal("ThreadPoolExecutor: a worker thread died: os.exit(3) was called", err.message)
      assert.equal("kept", await(kept))
    end)
  end)

  it("refuses options that make no sense", function()
    raised(async.ValueError, async.ThreadPoolExecutor, {max_workers = 0})
    raised(async.TypeError, async.ThreadPoolExecutor, {initializer = "f"})
    raised(async.TypeError, async.ThreadPoolExecutor, "two")
  end)
end)

describe("map", function()
  local function square(n) return n * n end

  it("gives the results in order", function()
    with_pool({max_workers = 2}, function(pool)
      assert.same({1, 4, 9, n = 3}, await(pool:map(square, {1, 2, 3})))
      assert.same({1, 4, 9, 16, 25, n = 5}, await(pool:map(square, {1, 2, 3, 4, 5}, {chunk = 2})))
      assert.same({n = 0}, await(pool:map(square, {})))
    end)
  end)

  it("is an iterator", function()
    with_pool({max_workers = 2}, function(pool)
      local seen = {}
      for value, index in pool:map(square, {1, 2, 3}) do seen[index] = value end
      assert.same({1, 4, 9}, seen)
    end)
  end)

  it("raises the first error in order", function()
    with_pool({max_workers = 2}, function(pool)
      local function check(n)
        if n >= 2 then error(require("lacuna").ValueError("no " .. n)) end
        return n
      end
      assert.equal("no 2", raised(async.ValueError, await, pool:map(check, {1, 2, 3})).message)
    end)
  end)

  it("refuses a chunk below one and what is no list", function()
    with_pool({max_workers = 1}, function(pool)
      raised(async.ValueError, pool.map, pool, square, {1}, {chunk = 0})
      raised(async.TypeError, pool.map, pool, square, 5)
    end)
  end)
end)

describe("run_in_executor", function()
  it("starts at the call, in the pool given or in the default one", function()
    local loop = async.get_running_loop()
    with_pool({max_workers = 1}, function(pool)
      local one, two = loop:run_in_executor(pool, math.max, 1, 2), loop:run_in_executor(nil, function() return 3 end)
      assert.is_true(async.isfuture(one))
      assert.equal(2, await(one))
      assert.equal(3, await(two))
    end)
  end)
end)
