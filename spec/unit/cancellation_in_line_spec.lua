-- cancellation_in_line: whoever waits in line for a lock, an item or other tasks is cancelled at every moment, among
-- others who want the same. Afterwards all of them got through, nothing is held, and no unit, item or wake-up is lost.
local async = require "lacuna"
local surroundings = require "spec.support.surroundings"
local virtual = require "spec.support.virtual"

local await, sleep, turns = async.await, async.sleep, virtual.turns
local expect = surroundings.expect

local function row(name, ...) it(name, surroundings.row(...)) end

describe("cancelled at any moment,", function()
  local function acquire_and_release(object, body)
    await(object:acquire())
    async.try(body, {finally = function() object:release() end})
  end

  -- Others in line before and behind the cancelled one want what `limit` tasks hold at a time, each for a second.
  local function in_line(new, limit, hold)
    return function(world)
      local object, holders, most = new(limit), 0, 0
      local function take()
        hold(object, function()
          holders = holders + 1
          most = math.max(most, holders)
          async.try(function() await(sleep(1)) end, {finally = function() holders = holders - 1 end})
        end)
      end
      world:later(function()
        expect(limit, most, "the most that held it")
        for _ = 1, limit do await(object:acquire()) end
        expect(true, object:locked(), "is locked")
        for _ = 1, limit do object:release() end
        assert(not tostring(object):find("waiters"), tostring(object))
      end)
      for _ = 1, 2 * limit do world:start(take) end
      for _ = 1, 2 do world:start_behind(take) end
      turns()
      take()
    end
  end

  for way, hold in pairs {["with"] = async.with, ["acquire"] = acquire_and_release} do
    local name = " is free after " .. way
    row("Lock" .. name, 4, in_line(async.Lock, 1, hold))
    row("Condition" .. name, 4, in_line(function() return async.Condition() end, 1, hold))
    for limit = 1, 2 do
      row(("Semaphore(%d)%s"):format(limit, name), 4, in_line(async.Semaphore, limit, hold))
      row(("BoundedSemaphore(%d)%s"):format(limit, name), 4, in_line(async.BoundedSemaphore, limit, hold))
    end
  end

  row("Event wakes the others", 1, function(world)
    local event = async.Event()
    world:later(function() expect("<Event [set]>", tostring(event), "event") end)
    world:start(function() await(event:wait()) end)
    world:start_behind(function() await(event:wait()) end)
    world:start(function()
      await(sleep(1))
      event:set()
    end)
    turns()
    await(event:wait())
  end)

  local function wait_in_a_loop(condition, is_true)
    while not is_true() do await(condition:wait()) end
  end

  local function wait_for_predicate(condition, is_true)
    await(condition:wait_for(is_true))
  end

  -- Three tasks want an item each, one comes a second; the cancelled one is the second in line.
  for name, wait in pairs {["wait"] = wait_in_a_loop, ["wait_for"] = wait_for_predicate} do
    row("Condition." .. name .. " holds the lock and loses no item", 3, function(world)
      local condition, item_count, taken_count, is_held = async.Condition(), 0, 0, false
      local function take()
        async.with(condition, function()
          async.try(function() wait(condition, function() return item_count > 0 end) end, {finally = function()
            expect(false, is_held, "held by another")
            is_held = true
            surroundings.clean_up(function() is_held = false end)
          end})
          item_count, taken_count = item_count - 1, taken_count + 1
        end)
      end
      world:later(function(is_cancelled)
        expect(is_cancelled and 1 or 0, item_count, "items left")
        expect(3, item_count + taken_count, "items")
        expect("<Condition [unlocked]>", tostring(condition), "condition")
      end)
      world:start(take)
      world:start_behind(take)
      world:start(function()
        for _ = 1, 3 do
          await(sleep(1))
          async.with(condition, function()
            item_count = item_count + 1
            condition:notify_all()
          end)
        end
      end)
      turns()
      take()
    end)
  end

  -- ---- Barrier ----

  local function wait_at(barrier) await(barrier:wait()) end
  local function wait_within(barrier) async.with(barrier, function() await(sleep(0)) end) end

  for name, wait in pairs {["wait"] = wait_at, ["with"] = wait_within} do
    row("Barrier." .. name .. " leaves its place to another", 2, function(world)
      local barrier = async.Barrier(3)
      local through_count, tasks = 0, {}
      local function pass()
        wait(barrier)
        through_count = through_count + 1
      end
      world:later(function()
        if barrier.n_waiting > 0 then tasks[#tasks + 1] = async.create_task(pass) end
        await(async.gather(tasks))
        expect("<Barrier [filling, waiters:0/3]>", tostring(barrier), "barrier")
        await(async.gather(pass, pass, pass)) -- another round
      end)
      tasks[1] = async.create_task(pass)
      tasks[2] = async.create_task(function()
        await(sleep(1))
        pass()
      end)
      turns()
      pass()
      await(sleep(1))
    end)
  end

  for _, method in ipairs {"abort", "reset"} do
    row("Barrier." .. method .. " frees everyone or no one", 1, function(world)
      local barrier = async.Barrier(3)
      local broken_count = 0
      world:later(function()
        expect(0, barrier.n_waiting, "waiting")
        await(barrier:reset())
        expect("<Barrier [filling, waiters:0/3]>", tostring(barrier), "barrier")
        await(async.gather(barrier:wait(), barrier:wait(), barrier:wait()))
      end)
      for _ = 1, 2 do
        world:start(function()
          virtual.raised(async.BrokenBarrierError, await, barrier:wait())
          broken_count = broken_count + 1
        end)
      end
      world:start(function()
        await(sleep(2))
        await(barrier:abort())
      end)
      turns()
      await(barrier[method](barrier))
      turns(3)
      expect(2, broken_count, "freed")
      expect(method == "abort", barrier.broken, "broken")
      await(sleep(1))
    end)
  end

  -- ---- queues ----

  -- What was put and what was got must be the same, each item once.
  local function compare(put, got)
    table.sort(put)
    table.sort(got)
    expect(table.concat(put, " "), table.concat(got, " "), "items got")
  end

  for _, kind in ipairs {"Queue", "LifoQueue", "PriorityQueue"} do
    row(kind .. ".get takes an item or leaves it to the next", 2, function(world)
      local queue, got = async[kind](), {}
      local function get() table.insert(got, await(queue:get())) end
      local tasks = {async.create_task(get), async.create_task(function()
        turns(2)
        get()
      end)}
      world:start(function()
        for i = 1, 2 do
          await(sleep(1))
          queue:put_nowait(i)
        end
      end)
      world:later(function(is_cancelled)
        if not is_cancelled then queue:put_nowait(3) end
        await(async.gather(tasks))
        compare(is_cancelled and {1, 2} or {1, 2, 3}, got)
        expect(("<%s maxsize=0 tasks=%d>"):format(kind, #got), tostring(queue), "queue")
      end)
      turns()
      get()
    end)

    row(kind .. ".put puts an item or does not", 4, function(world)
      local queue, put, got = async[kind](1), {}, {}
      local function put_items(...)
        for _, item in ipairs {...} do
          await(queue:put(item))
          table.insert(put, item)
        end
      end
      local consumer = async.create_task(function()
        while true do
          await(sleep(1))
          table.insert(got, await(queue:get()))
          queue:task_done()
        end
      end)
      world:later(function()
        await(queue:join())
        consumer:cancel()
        pcall(await, consumer)
        compare(put, got)
        expect(("<%s maxsize=1>"):format(kind), tostring(queue), "queue")
      end)
      world:start(function() put_items(1, 2) end)
      world:start_behind(function() put_items(3, 4) end)
      turns()
      put_items(5, 6)
    end)

    row(kind .. ".join waits for every item, with a worker cancelled", 3, function(world)
      local queue, is_joined = async[kind](2), false
      local function work(count)
        for _ = 1, count do
          await(queue:get())
          async.try(function() await(sleep(1)) end, {finally = function() queue:task_done() end})
        end
      end
      local other = async.create_task(function() work(math.huge) end)
      world:start(function()
        for i = 1, 6 do await(queue:put(i)) end
        await(queue:join())
        is_joined = true
      end)
      world:later(function()
        other:cancel()
        pcall(await, other)
        expect(true, is_joined, "joined")
        expect(("<%s maxsize=2>"):format(kind), tostring(queue), "queue")
      end)
      work(2)
    end)

    row(kind .. ".join does not end for who was cancelled", 3, function(world)
      local queue, joined_count = async[kind](), 0
      for i = 1, 3 do queue:put_nowait(i) end
      local function join()
        await(queue:join())
        joined_count = joined_count + 1
      end
      world:later(function(is_cancelled)
        expect(is_cancelled and 2 or 3, joined_count, "joined")
        expect(("<%s maxsize=0>"):format(kind), tostring(queue), "queue")
      end)
      world:start(join)
      world:start_behind(join)
      world:start(function()
        for _ = 1, 3 do
          await(sleep(1))
          queue:get_nowait()
          queue:task_done()
        end
      end)
      turns()
      join()
    end)
  end
end)
