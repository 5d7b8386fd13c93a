-- Cancelling calls in worker threads: those that wait, those that run, and what is left for the next.
local async = require "lacuna"
local uv = require "luv"
local sanitizer = require "spec.support.sanitizer"
local virtual = require "spec.support.virtual"

local await, raised = async.await, virtual.raised

-- The first number of a buffer is the signal between a spec and its worker; a buffer made in a spec would be kept
-- open by what the JIT compiles.
local signal = async.SharedBuffer(8)

local function with_pool(options, body)
  signal:view("int32_t"):store(0, 0)
  return async.with(async.ThreadPoolExecutor(options), body)
end

local function wait_for(number)
  local view = signal:view("int32_t")
  while view:load(0) < number do await(async.sleep(0)) end
end

-- In the worker: says that it has begun, then sleeps for ever.
local function begin_and_sleep()
  local inner = require "lacuna"
  signal:view("int32_t"):add(0, 1)
  inner.await(inner.sleep(1e6))
end

describe("cancelling a call in a thread pool", function()
  it("removes one that waits", function()
    with_pool(1, function(pool)
      local running = pool:submit(begin_and_sleep)
      wait_for(1)
      local waiting = {}
      for i = 1, 100 do waiting[i] = pool:submit(function() signal:view("int32_t"):add(0, 1) end) end
      for i = 1, 100 do assert.is_true(waiting[i]:cancel()) end
      running:cancel()
      assert.equal("next", await(pool:submit(function() return "next" end)))
      assert.equal(1, signal:view("int32_t"):load(0))
    end)
  end)

  -- More calls than the pool's mailbox holds; of those that were begun `signal` tells.
  local function submit_many(pool, count)
    local futures = {}
    for i = 1, count do
      futures[i] = pool:submit(function(n)
        signal:view("int32_t"):add(0, 1)
        return n
      end, i)
    end
    return futures
  end

  it("removes any of many that wait, and no other", function()
    with_pool(1, function(pool)
      local running = pool:submit(begin_and_sleep)
      wait_for(1)
      local waiting = submit_many(pool, 2000)
      for i = 1, 2000 do
        if i % 3 > 0 or i <= 900 then assert.is_true(waiting[i]:cancel()) end
      end
      running:cancel()
      for i = 903, 2000, 3 do assert.equal(i, await(waiting[i])) end
      assert.equal(1 + 366, signal:view("int32_t"):load(0))
      assert.equal("next", await(pool:submit(function() return "next" end)))
    end)
  end)

  it("makes no worker in the place of one that has ended its call", function()
    local function count_threads()
      local count, entries = 0, uv.fs_scandir("/proc/self/task")
      while uv.fs_scandir_next(entries) do count = count + 1 end
      return count
    end
    with_pool(1, function(pool)
      local calls = submit_many(pool, 100)
      while signal:view("int32_t"):load(0) < 100 do end -- luacheck: ignore 542
      local before = count_threads()
      for i = 1, 100 do assert.is_true(calls[i]:cancel()) end
      assert.is_true(count_threads() <= before + 1) -- the last call may not have been left yet
      assert.equal("next", await(pool:submit(function() return "next" end)))
    end)
  end)

  it("leaves a pool that ends when all that waited are gone", function()
    for _, options in ipairs {{cancel_pending = true}, {}} do
      signal:view("int32_t"):store(0, 0)
      local pool = async.ThreadPoolExecutor(1)
      local running = pool:submit(begin_and_sleep)
      wait_for(1)
      local waiting = submit_many(pool, 1000)
      options.wait = false
      local ended = pool:shutdown(options)
      for i = 1000, 1, -1 do waiting[i]:cancel() end
      running:cancel()
      await(ended)
      assert.equal(1, signal:view("int32_t"):load(0))
    end
  end)

  it("reports one that runs as cancelled at once, and has its worker back", function()
    with_pool(1, function(pool)
      for round = 1, 5 do
        local call = pool:submit(begin_and_sleep)
        wait_for(round)
        assert.is_true(call:cancel("enough"))
        assert.is_true(call:cancelled())
        assert.is_false(call:cancel())
        assert.equal("enough", raised(async.CancelledError, await, call).message)
        assert.equal(round, await(pool:submit(function(n) return n end, round)))
      end
    end)
  end)

  local show = sanitizer.is_for_threads and pending or it
  show("breaks off code that never waits", function()
    local function begin() signal:view("int32_t"):add(0, 1) end
    local endless = {
      compiled = function()
        begin()
        while true do end
      end,
      caught = function()
        begin()
        while true do pcall(function() while true do end end) end
      end,
      blocked = function()
        begin()
        require("lacuna.time").sleep(1e6)
      end,
    }
    with_pool(1, function(pool)
      local round = 0
      for kind, fn in pairs(endless) do
        round = round + 1
        local call = pool:submit(fn)
        wait_for(round)
        call:cancel()
        assert.equal(kind, await(pool:submit(function(...) return ... end, kind)))
      end
    end)
    assert.equal(3, signal:view("int32_t"):load(0))
  end)

  it("lets the function clean up", function()
    with_pool(1, function(pool)
      local call = pool:submit(function()
        local inner = require "lacuna"
        inner.try(function() begin_and_sleep() end, {finally = function() signal:view("int32_t"):add(0, 10) end})
      end)
      wait_for(1)
      call:cancel()
      wait_for(11)
    end)
  end)

  it("does not reach the call after it", function()
    with_pool(1, function(pool)
      for _ = 1, 200 do
        local call = pool:submit(function() return 1 end)
        local after = pool:submit(function()
          local inner = require "lacuna"
          inner.await(inner.sleep(0))
          return 2
        end)
        virtual.turns()
        call:cancel()
        assert.equal(2, await(after))
      end
    end)
  end)

  it("is what a time-out around to_thread does", function()
    signal:view("int32_t"):store(0, 0)
    raised(async.TimeoutError, await, async.wait_for(async.to_thread(begin_and_sleep), 0.05))
    assert.equal(5, await(async.to_thread(function() return 5 end)))
  end)

  it("by a shutdown leaves the calls that run", function()
    with_pool(1, function(pool)
      local function begin()
        local inner = require "lacuna"
        local view = signal:view("int32_t")
        view:add(0, 1)
        while view:load(0) < 2 do inner.await(inner.sleep(0)) end
        return "done"
      end
      local running = pool:submit(begin)
      wait_for(1)
      local waiting = pool:submit(begin)
      pool:shutdown{wait = false, cancel_pending = true}
      assert.is_true(waiting:cancelled())
      assert.is_false(running:done())
      signal:view("int32_t"):add(0, 1)
      pool:shutdown()
      assert.equal("done", running:result())
    end)
  end)
end)

describe("a map that is abandoned", function()
  it("cancels the calls that are left when the wait is cancelled", function()
    with_pool(1, function(pool)
      local task = async.create_task(pool:map(begin_and_sleep, {1, 2, 3}))
      virtual.turns()
      wait_for(1)
      task:cancel()
      raised(async.CancelledError, await, task)
      assert.equal("free", await(pool:submit(function() return "free" end)))
      assert.equal(1, signal:view("int32_t"):load(0))
    end)
  end)
end)

describe("a thread pool that is dropped", function()
  it("lets its workers end", function()
    local function threads()
      local count = 0
      for _ in require("lfs").dir("/proc/self/task") do count = count + 1 end
      return count
    end
    local before = threads()
    do
      local pool = async.ThreadPoolExecutor(1)
      await(pool:submit(function() end))
    end
    for _ = 1, 1e5 do
      if threads() == before then break end
      collectgarbage()
      virtual.turns()
    end
    assert.equal(before, threads())
  end)
end)
