-- locks: Lock, Event, Condition, Semaphore and BoundedSemaphore, to the turn of the loop.
local async = require "lacuna"
local await = async.await

local function pass_turns(count)
  for _ = 1, count or 1 do await(async.sleep(0)) end
end

-- Tasks that await what make() gives and append their name to `log` when they have it.
local function start(log, make, ...)
  local tasks = {}
  for _, name in ipairs({ ... }) do
    tasks[#tasks + 1] = async.create_task(function()
      await(make())
      log[#log + 1] = name
    end)
  end
  return unpack(tasks)
end

local function text(log)
  return table.concat(log, " ")
end

local function assert_raises(class, message, fn, ...)
  local ok, err = pcall(fn, ...)
  assert.is_false(ok)
  assert.is_true(async.isinstance(err, class), tostring(err))
  if message then assert.equal(message, err.message) end
end

local function assert_cancelled(task)
  local ok, err = pcall(await, task)
  assert.is_false(ok)
  assert.is_true(async.isinstance(err, async.CancelledError), tostring(err))
end

local makers = {
  ["lock:acquire"] = function() return async.Lock():acquire() end,
  ["event:wait"] = function()
    local event = async.Event()
    event:set()
    return event:wait()
  end,
  ["condition:acquire"] = function() return async.Condition():acquire() end,
  ["condition:wait_for"] = function()
    return async.Condition():wait_for(function() return true end)
  end,
  ["semaphore:acquire"] = function() return async.Semaphore():acquire() end,
}

for name, make in pairs(makers) do
  describe(name, function()
    it("returns a coroutine object that is awaited once", function()
      local coro = make()
      assert.is_true(async.iscoroutine(coro))
      assert.equal("CREATED", async.coroutine_state(coro))
      assert.is_true(await(coro))
      assert.equal("CLOSED", async.coroutine_state(coro))
      local ok, err = pcall(await, coro)
      assert.is_false(ok)
      assert.equal("RuntimeError", err.name)
      assert.truthy(err.message:find("cannot reuse already awaited coroutine", 1, true))
    end)

    it("does not yield when it need not wait", function()
      local has_run = false
      local task = async.create_task(function() has_run = true end)
      await(make())
      assert.is_false(has_run)
      await(task)
    end)
  end)
end

describe("Lock", function()
  it("starts nothing when acquire is only called", function()
    local lock = async.Lock()
    lock:acquire()
    assert.is_false(lock:locked())
  end)

  it("is locked from acquire to release", function()
    local lock = async.Lock()
    assert.is_false(lock:locked())
    assert.is_true(await(lock:acquire()))
    assert.is_true(lock:locked())
    lock:release()
    assert.is_false(lock:locked())
  end)

  it("raises RuntimeError when released while free", function()
    local lock = async.Lock()
    assert_raises(async.RuntimeError, "Lock is not acquired.", lock.release, lock)
  end)

  it("says its state and how many wait", function()
    local lock = async.Lock()
    assert.equal("<Lock [unlocked]>", tostring(lock))
    await(lock:acquire())
    assert.equal("<Lock [locked]>", tostring(lock))
    local waiter = async.create_task(lock:acquire())
    pass_turns()
    assert.equal("<Lock [locked, waiters:1]>", tostring(lock))
    lock:release()
    await(waiter)
  end)

  it("serves those who wait in order of arrival", function()
    local lock, log = async.Lock(), {}
    await(lock:acquire())
    local a, b, c = start(log, function() return lock:acquire() end, "a", "b", "c")
    pass_turns()
    assert.equal("", text(log))
    for _ = 1, 3 do
      lock:release()
      pass_turns()
    end
    await(async.gather(a, b, c))
    assert.equal("a b c", text(log))
  end)

  it("is free until the task that was woken runs, and is not overtaken meanwhile", function()
    local lock, log = async.Lock(), {}
    await(lock:acquire())
    local first = async.create_task(function()
      await(lock:acquire())
      log[#log + 1] = "first"
      lock:release()
    end)
    pass_turns()
    lock:release()
    assert.is_false(lock:locked())
    await(lock:acquire())
    log[#log + 1] = "second"
    assert.equal("first second", text(log))
    await(first)
  end)

  it("frees itself for the next after a cancelled wait", function()
    local lock, log = async.Lock(), {}
    await(lock:acquire())
    local a, b = start(log, function() return lock:acquire() end, "a", "b")
    pass_turns()
    a:cancel()
    pass_turns()
    assert.is_true(a:cancelled())
    lock:release()
    await(b)
    assert.equal("b", text(log))
  end)

  it("passes the wake-up on when the task that was woken is cancelled", function()
    local lock, log = async.Lock(), {}
    await(lock:acquire())
    local a, b = start(log, function() return lock:acquire() end, "a", "b")
    pass_turns()
    lock:release()
    a:cancel()
    pass_turns(2)
    assert.is_true(a:cancelled())
    assert.equal("b", text(log))
    assert.is_true(lock:locked())
    await(b)
  end)

  it("passes the release on when the first was cancelled in the same turn", function()
    local lock, log = async.Lock(), {}
    await(lock:acquire())
    local a, b = start(log, function() return lock:acquire() end, "a", "b")
    pass_turns()
    a:cancel()
    lock:release()
    pass_turns()
    assert.equal("", text(log))
    pass_turns()
    assert.equal("b", text(log))
    await(b)
    assert_cancelled(a)
  end)

  it("lets a newcomer in past waiters who were all cancelled", function()
    local lock = async.Lock()
    await(lock:acquire())
    local waiter = async.create_task(lock:acquire())
    pass_turns()
    waiter:cancel()
    lock:release()
    await(lock:acquire())
    assert.is_false(waiter:done())
    assert_cancelled(waiter)
    assert.is_true(lock:locked())
  end)

  it("is a context manager whose body gets nothing", function()
    local lock = async.Lock()
    local result = async.with(lock, function(value)
      assert.is_nil(value)
      assert.is_true(lock:locked())
      return "result"
    end)
    assert.equal("result", result)
    assert.is_false(lock:locked())
  end)

  it("is released by with() after an error and after a cancellation", function()
    local lock = async.Lock()
    assert_raises(async.ValueError, "inside", async.with, lock, function() error(async.ValueError("inside")) end)
    assert.is_false(lock:locked())
    local holder = async.create_task(function()
      async.with(lock, function() await(async.Event():wait()) end)
    end)
    pass_turns()
    assert.is_true(lock:locked())
    holder:cancel()
    assert_cancelled(holder)
    assert.is_false(lock:locked())
  end)

  it("cannot be waited for outside a task", function()
    local lock, failure = async.Lock(), nil
    async.get_running_loop():call_soon(function()
      local _, err = pcall(async.with, lock, function() end)
      failure = err
    end)
    pass_turns(2)
    assert.equal("RuntimeError", failure.name)
    assert.is_false(lock:locked())
  end)

  it("belongs to the loop of the first that waits for it", function()
    local lock = async.Lock()
    await(lock:acquire())
    local waiter = async.create_task(lock:acquire())
    pass_turns()
    assert_raises(async.RuntimeError, "<Lock [locked, waiters:1]> is bound to a different event loop", async.run,
      async(function() await(lock:acquire()) end)())
    lock:release()
    await(waiter)
  end)

  it("raises RuntimeError, and keeps its state, where a C function stands in between", function()
    local lock = async.Lock()
    await(lock:acquire())
    assert_raises(async.RuntimeError, nil, string.gsub, "x", "x", function() await(lock:acquire()) end)
    assert.equal("<Lock [locked]>", tostring(lock))
  end)

  it("can be waited for with a time-out", function()
    local loop = async.new_event_loop { clock = "virtual" }
    assert_raises(async.TimeoutError, nil, loop.run_until_complete, loop, async(function()
      local lock = async.Lock()
      await(lock:acquire())
      await(async.wait_for(lock:acquire(), 3600))
    end)())
    loop:close()
  end)
end)

describe("Event", function()
  it("wakes everyone who waits, in order", function()
    local event, log = async.Event(), {}
    local a, b, c = start(log, function() return event:wait() end, "a", "b", "c")
    pass_turns()
    assert.equal("<Event [unset, waiters:3]>", tostring(event))
    event:set()
    event:set()
    assert.equal("", text(log))
    pass_turns()
    assert.equal("a b c", text(log))
    await(async.gather(a, b, c))
    assert.equal("<Event [set]>", tostring(event))
  end)

  it("lets nobody wait while it is set", function()
    local event = async.Event()
    event:set()
    assert.is_true(event:is_set())
    assert.is_true(await(event:wait()))
  end)

  it("wakes those who waited although it is cleared in the same turn", function()
    local event, log = async.Event(), {}
    local waiter = start(log, function() return event:wait() end, "woken")
    pass_turns()
    event:set()
    event:clear()
    assert.is_false(event:is_set())
    await(waiter)
    local late = start(log, function() return event:wait() end, "late")
    pass_turns(3)
    assert.equal("woken", text(log))
    event:set()
    await(late)
  end)

  it("forgets a waiter that is cancelled", function()
    local event = async.Event()
    local waiter = async.create_task(event:wait())
    pass_turns()
    waiter:cancel()
    assert_cancelled(waiter)
    assert.equal("<Event [unset]>", tostring(event))
  end)

  it("wakes a thousand waiters in one turn", function()
    local event, log, names = async.Event(), {}, {}
    for i = 1, 1000 do names[i] = i end
    local tasks = { start(log, function() return event:wait() end, unpack(names)) }
    pass_turns()
    event:set()
    pass_turns()
    assert.same(names, log)
    await(async.gather(tasks))
  end)
end)

describe("Condition", function()
  local function wait_in(condition)
    return async(function()
      return async.with(condition, function() return await(condition:wait()) end)
    end)()
  end

  it("frees the lock while it waits and takes it again", function()
    local condition = async.Condition()
    local was_locked
    local task = async.create_task(function()
      async.with(condition, function()
        assert.is_true(await(condition:wait()))
        was_locked = condition:locked()
      end)
    end)
    pass_turns()
    assert.is_false(condition:locked())
    assert.equal("<Condition [unlocked, waiters:1]>", tostring(condition))
    async.with(condition, function() condition:notify() end)
    await(task)
    assert.is_true(was_locked)
    assert.equal("<Condition [unlocked]>", tostring(condition))
  end)

  it("raises RuntimeError for wait and notify without the lock", function()
    local condition = async.Condition()
    assert_raises(async.RuntimeError, "cannot wait on un-acquired lock", await, condition:wait())
    assert_raises(async.RuntimeError, "cannot wait on un-acquired lock", await,
      condition:wait_for(function() return false end))
    assert_raises(async.RuntimeError, "cannot notify on un-acquired lock", condition.notify, condition)
    assert_raises(async.RuntimeError, "cannot notify on un-acquired lock", condition.notify_all, condition)
    assert_raises(async.RuntimeError, "Lock is not acquired.", condition.release, condition)
  end)

  it("wakes as many as it is told, longest waiting first", function()
    local condition, log = async.Condition(), {}
    local a, b, c, d = start(log, function() return wait_in(condition) end, "a", "b", "c", "d")
    pass_turns()
    local function notify(n)
      async.with(condition, function() condition:notify(n) end)
      pass_turns(5)
    end
    notify()
    assert.equal("a", text(log))
    notify(2)
    assert.equal("a b c", text(log))
    notify(0)
    assert.equal("a b c", text(log))
    notify { n = 2000 }
    assert.equal("a b c d", text(log))
    await(async.gather(a, b, c, d))
  end)

  it("wakes two for two notifications in one turn", function()
    local condition, log = async.Condition(), {}
    local a, b = start(log, function() return wait_in(condition) end, "a", "b")
    pass_turns()
    async.with(condition, function()
      condition:notify()
      condition:notify()
    end)
    await(async.gather(a, b))
    assert.equal("a b", text(log))
  end)

  it("wakes all with notify_all", function()
    local condition, log = async.Condition(), {}
    local a, b, c = start(log, function() return wait_in(condition) end, "a", "b", "c")
    pass_turns()
    async.with(condition, function() condition:notify_all() end)
    await(async.gather(a, b, c))
    assert.equal("a b c", text(log))
  end)

  it("waits for a predicate and returns what that returned", function()
    local condition = async.Condition()
    local value, calls = false, 0
    local task = async.create_task(function()
      return async.with(condition, function()
        return await(condition:wait_for(function()
          calls = calls + 1
          return value
        end))
      end)
    end)
    pass_turns()
    assert.equal(1, calls)
    async.with(condition, function() condition:notify() end)
    pass_turns(3)
    assert.equal(2, calls)
    value = "ready"
    async.with(condition, function() condition:notify() end)
    assert.equal("ready", await(task))
    assert.equal(3, calls)
  end)

  it("takes the lock again when the wait is cancelled", function()
    local condition = async.Condition()
    local task = async.create_task(wait_in(condition))
    pass_turns()
    await(condition:acquire())
    task:cancel()
    pass_turns(3)
    assert.is_false(task:done())
    condition:release()
    assert_cancelled(task)
    assert.is_false(condition:locked())
  end)

  it("takes the lock again however often it is cancelled", function()
    local condition = async.Condition()
    local was_locked, message
    local task = async.create_task(function()
      async.with(condition, function()
        local ok, err = pcall(await, condition:wait())
        was_locked, message = condition:locked(), err.message
        if not ok then error(err, 0) end
      end)
    end)
    pass_turns()
    await(condition:acquire())
    for _ = 1, 3 do
      task:cancel("again")
      pass_turns(2)
    end
    condition:release()
    assert_cancelled(task)
    assert.is_true(was_locked)
    assert.equal("", message) -- as in CPython: the error is a new one if the lock was waited for in vain
    assert.is_false(condition:locked())
  end)

  it("returns from a wait that is cancelled after it was notified, holding the lock", function()
    local condition = async.Condition()
    local task = async.create_task(wait_in(condition))
    pass_turns()
    async.with(condition, function() condition:notify() end)
    task:cancel()
    assert_cancelled(task)
    assert.is_false(condition:locked())
  end)

  it("may share its lock with another", function()
    local lock = async.Lock()
    local one, two = async.Condition(lock), async.Condition(lock)
    async.with(one, function()
      assert.is_true(lock:locked())
      assert.is_true(two:locked())
      two:notify()
    end)
  end)

  it("raises TypeError for a lock that is none and a predicate that cannot be called", function()
    assert_raises(async.TypeError, "Condition: lock must be a Lock or nil, got 5", async.Condition, 5)
    local condition = async.Condition()
    assert_raises(async.TypeError, "wait_for: predicate must be a function, got nil", condition.wait_for, condition)
    assert_raises(async.TypeError, 'notify: n must be a number, got "x"', condition.notify, condition, "x")
  end)
end)

describe("Semaphore", function()
  it("counts units and says so", function()
    local semaphore = async.Semaphore { value = 2 }
    assert.equal("<Semaphore [unlocked, value:2]>", tostring(semaphore))
    await(semaphore:acquire())
    assert.is_false(semaphore:locked())
    await(semaphore:acquire())
    assert.is_true(semaphore:locked())
    assert.equal("<Semaphore [locked]>", tostring(semaphore))
    local waiter = async.create_task(semaphore:acquire())
    pass_turns()
    assert.equal("<Semaphore [locked, waiters:1]>", tostring(semaphore))
    semaphore:release()
    await(waiter)
  end)

  it("has one unit unless told otherwise, and none if told so", function()
    local semaphore = async.Semaphore()
    await(semaphore:acquire())
    assert.is_true(semaphore:locked())
    assert.is_true(async.Semaphore(0):locked())
  end)

  it("raises ValueError for a negative value, TypeError for anything but integers", function()
    assert_raises(async.ValueError, "Semaphore initial value must be >= 0", async.Semaphore, -1)
    assert_raises(async.TypeError, 'Semaphore: value must be an integer, got "x"', async.Semaphore, "x")
    assert_raises(async.TypeError, "BoundedSemaphore: value must be an integer, got 1.5", async.BoundedSemaphore, 1.5)
  end)

  it("may be released more often than acquired", function()
    local semaphore = async.Semaphore(1)
    semaphore:release()
    assert.equal("<Semaphore [unlocked, value:2]>", tostring(semaphore))
  end)

  it("serves those who wait in order, several in one turn", function()
    local semaphore, log = async.Semaphore(0), {}
    local a, b, c, d = start(log, function() return semaphore:acquire() end, "a", "b", "c", "d")
    pass_turns()
    semaphore:release()
    semaphore:release()
    pass_turns()
    assert.equal("a b", text(log))
    semaphore:release()
    semaphore:release()
    await(async.gather(a, b, c, d))
    assert.equal("a b c d", text(log))
  end)

  it("lets nobody overtake those who wait", function()
    local semaphore, log = async.Semaphore(1), {}
    await(semaphore:acquire())
    local a, b = start(log, function() return semaphore:acquire() end, "a", "b")
    pass_turns()
    semaphore:release()
    assert.is_true(semaphore:locked())
    local late = start(log, function() return semaphore:acquire() end, "late")
    pass_turns()
    assert.equal("a", text(log))
    semaphore:release()
    semaphore:release()
    await(async.gather(a, b, late))
    assert.equal("a b late", text(log))
  end)

  it("gives the unit of a task that was woken and cancelled to the next", function()
    local semaphore, log = async.Semaphore(1), {}
    await(semaphore:acquire())
    local a, b = start(log, function() return semaphore:acquire() end, "a", "b")
    pass_turns()
    semaphore:release()
    a:cancel()
    await(b)
    assert.is_true(a:cancelled())
    assert.equal("b", text(log))
    assert.is_true(semaphore:locked())
    semaphore:release()
    assert.is_false(semaphore:locked())
  end)

  it("gives a unit that is over to one who came while others were being woken", function()
    local semaphore, log = async.Semaphore(0), {}
    local first = start(log, function() return semaphore:acquire() end, "first")
    pass_turns()
    semaphore:release()
    semaphore:release()
    assert.is_true(semaphore:locked())
    await(semaphore:acquire())
    assert.equal("first", text(log))
    assert.is_true(first:done())
    assert.is_true(semaphore:locked())
  end)

  it("loses no unit to a wait that was cancelled before it was woken", function()
    local semaphore, log = async.Semaphore(0), {}
    local a, b, c = start(log, function() return semaphore:acquire() end, "a", "b", "c")
    pass_turns()
    a:cancel()
    b:cancel()
    semaphore:release()
    await(c)
    assert.equal("c", text(log))
    assert_cancelled(a)
    assert_cancelled(b)
    assert.is_true(semaphore:locked())
  end)

  it("is a context manager", function()
    local semaphore = async.Semaphore(1)
    async.with(semaphore, function() assert.is_true(semaphore:locked()) end)
    assert.is_false(semaphore:locked())
    local bounded = async.BoundedSemaphore(1)
    async.with(bounded, function() assert.is_true(bounded:locked()) end)
    assert.is_false(bounded:locked())
  end)
end)

describe("BoundedSemaphore", function()
  it("raises ValueError when released more often than acquired", function()
    local semaphore = async.BoundedSemaphore { value = 2 }
    assert_raises(async.ValueError, "BoundedSemaphore released too many times", semaphore.release, semaphore)
    await(semaphore:acquire())
    semaphore:release()
    assert.equal("<BoundedSemaphore [unlocked, value:2]>", tostring(semaphore))
  end)
end)
