-- cancellation: every awaitable is cancelled at every moment of its life. A row is an awaitable with its surroundings
-- and what must hold afterwards: whatever was started has ended, and no cancellation is lost. Those that wait in line
-- for something are in cancellation_in_line_spec.lua.
local async = require "lacuna"
local op = require "lacuna.io.op"
local surroundings = require "spec.support.surroundings"
local virtual = require "spec.support.virtual"

local await, sleep, turns = async.await, async.sleep, virtual.turns
local expect = surroundings.expect

local function row(name, ...) it(name, surroundings.row(...)) end

describe("cancelled at any moment,", function()
  -- ---- tasks and futures ----

  row("a coroutine object ends", 2, function(world)
    await(async(world:job(2))())
  end)

  row("a task is cancelled with who awaits it", 2, function(world)
    await(async.create_task(world:job(2)))
  end)

  row("a task that others await, too, ends for all", 2, function(world)
    local task = async.create_task(world:job(2))
    for _ = 1, 2 do world:start(function() pcall(await, task) end) end
    await(task)
  end)

  row("a future is cancelled for all", 1, function(world)
    local fut = async.Future()
    local handle = world.loop:call_later(1, function() if not fut:done() then fut:set_result() end end)
    fut:add_done_callback(function() handle:cancel() end)
    for _ = 1, 2 do world:start(function() pcall(await, fut) end) end
    await(fut)
  end)

  row("an object with __await lets go", 2, function(world)
    await(setmetatable({}, {__await = world:job(2)}))
  end)

  row("an operation is aborted once, and what comes after that is dropped", 1, function(world)
    local state, aborted_count = "idle", 0
    world:later(function() assert(state == "completed" and aborted_count == 0 or aborted_count == 1, state) end)
    await(op("a test", function(complete)
      local handle = world.loop:call_later(1, function()
        state = "completed"
        complete(nil, "result")
      end)
      return function()
        handle:cancel()
        aborted_count = aborted_count + 1
        world.loop:call_soon(complete, nil, "too late")
      end
    end))
  end)

  -- ---- many at once ----

  row("gather ends all it runs", 3, function(world)
    await(async.gather(world:job(1), sleep(1), world:job(3), async.create_task(world:job(2))))
  end)

  row("gather of a list that keeps errors ends all", 2, function(world)
    await(async.gather({world:job(1), world:failing(1), world:job(2)}, {return_exceptions = true}))
  end)

  row("gather of nothing that is left to cancel", 1, function(world)
    local fut = async.Future()
    fut:set_result()
    await(async.gather(fut, async.gather()))
    await(sleep(1))
  end)

  row("gather within gather ends the inner one's", 3, function(world)
    await(async.gather(world:job(1), async.gather {world:job(2), async.gather(world:job(3)), return_exceptions = true}))
  end)

  row("gather in which one fails leaves the others to themselves", 3, function(world)
    local rest = async.create_task(world:job(2))
    world:later(function() await(async.wait {rest}) end)
    async.pcall(await, async.gather(world:failing(1), rest))
    await(sleep(1))
  end, {may_swallow = true})

  row("TaskGroup ends its tasks, from within the body and while it leaves", 3, function(world)
    async.with(async.TaskGroup(), function(group)
      group:create_task(world:job(1))
      group:create_task(world:job(3))
      await(sleep(2))
    end)
  end)

  row("TaskGroup within TaskGroup", 3, function(world)
    async.with(async.TaskGroup(), function(outer)
      outer:create_task(world:job(1))
      outer:create_task(function()
        async.with(async.TaskGroup(), function(group)
          group:create_task(world:job(2))
          group:create_task(world:job(3))
        end)
      end)
      async.with(async.TaskGroup(), function(group) group:create_task(world:job(2)) end)
    end)
  end)

  row("TaskGroup in which one fails", 3, function(world)
    async.pcall(async.with, async.TaskGroup(), function(group)
      group:create_task(world:job(2))
      group:create_task(world:failing(1))
      await(sleep(3))
    end)
    await(sleep(1))
  end, {may_swallow = true})

  row("wait leaves what it waits for alone", 2, function(world)
    local tasks = {async.create_task(world:job(1)), async.create_task(world:job(2))}
    world:later(function() await(async.gather(tasks)) end)
    await(async.wait(tasks, {timeout = 5}))
  end)

  row("as_completed leaves what it waits for alone", 3, function(world)
    local tasks = {async.create_task(world:job(3)), async.create_task(world:job(1)), async.create_task(world:job(1))}
    world:later(function() await(async.gather(tasks)) end)
    for aw in async.as_completed(tasks, {timeout = 100}) do await(aw) end
  end)

  row("as_completed with a time-out", 3, function(world)
    local tasks = {async.create_task(world:job(3)), async.create_task(world:job(1))}
    world:later(function() await(async.gather(tasks)) end)
    local results, timeout_count = {}, 0
    for aw in async.as_completed(tasks, {timeout = 2}) do
      async.try(function() results[#results + 1] = await(aw) end, {
        [async.TimeoutError] = function() timeout_count = timeout_count + 1 end,
      })
    end
    expect(1, timeout_count, "time-outs")
    expect(1, #results, "results")
    await(sleep(1))
  end)

  row("shield lets what it holds go on", 2, function(world)
    local completed = false
    local task = async.create_task(function()
      world:job(2)()
      completed = true
    end)
    world:later(function()
      await(task)
      expect(true, completed, "completed")
    end)
    await(async.shield(task))
  end)

  row("wait_for and shield together", 3, function(world)
    local task = async.create_task(world:job(2))
    world:later(function() pcall(await, task) end)
    async.pcall(await, async.wait_for(async.shield(task), 1))
    await(async.wait_for(task, 5))
  end, {may_swallow = true}) -- who cancels the shared task ends the second wait

  -- ---- blocks ----

  row("wait_for cancels what it runs, and waits for it", 2, function(world)
    await(async.wait_for(world:job(1), 2))
    local err = virtual.raised(async.BaseError, await, async.wait_for(world:job(2), 1))
    if async.isinstance(err, async.CancelledError) then error(err, 0) end
    expect(true, async.isinstance(err, async.TimeoutError), "is a time-out")
  end)

  row("timeout_at and reschedule tell their time-out from a cancellation", 4, function(world)
    local loop = world.loop
    local function times_out(timeout, when, body)
      local ok, err = async.pcall(async.with, timeout, body)
      expect(false, ok, "in time")
      expect(true, async.isinstance(err, async.TimeoutError), "is a time-out")
      expect(when, loop:time(), "the time")
    end
    local start = loop:time()
    times_out(async.timeout_at(start + 1), start + 1, world:job(5))
    times_out(async.timeout(1), start + 3, function(timeout)
      timeout:reschedule(start + 3)
      await(sleep(5))
    end)
    async.with(async.timeout(1), function(timeout)
      timeout:reschedule(nil)
      await(sleep(1))
    end)
  end)

  row("try runs its finally, whole unless it is cancelled again", 2, function(world)
    local is_inside, is_left = false, false
    world:later(function() expect(is_inside, is_left, "left") end)
    async.try(function()
      is_inside = true
      await(sleep(1))
    end, {finally = function()
      is_left = true
      await(sleep(1))
    end})
  end, {may_linger = true})

  row("with leaves whatever it has entered", 3, function(world)
    local entered_count, left_count = 0, 0
    world:later(function() expect(entered_count, left_count, "left") end)
    local manager = setmetatable({}, {
      __aenter = function()
        await(sleep(1))
        entered_count = entered_count + 1
      end,
      __aexit = function()
        left_count = left_count + 1
        await(sleep(1))
      end,
    })
    async.with(manager, function() async.with(manager, function() end) end)
  end, {may_linger = true})

  row("contextmanager is left by way of its yield", 3, function(world)
    local is_inside, is_left = false, false
    world:later(function() expect(is_inside, is_left, "left") end)
    local manager = async.contextmanager(function(yield)
      await(sleep(1))
      is_inside = true
      async.try(yield, {finally = function()
        is_left = true
        await(sleep(1))
      end})
    end)
    async.with(manager(), function() await(sleep(1)) end)
  end, {may_linger = true})

  row("closing closes once", 2, function(world)
    local is_inside, closed_count = false, 0
    world:later(function() expect(is_inside and 1 or 0, closed_count, "closed") end)
    local object = {close = function()
      closed_count = closed_count + 1
      return sleep(1)
    end}
    async.with(async.closing(object), function()
      is_inside = true
      await(sleep(1))
    end)
  end, {may_linger = true})
end)

-- The script's top level is a task, too, which waits while it runs a loop of its own.
describe("the top level, cancelled at any turn,", function()
  local this_task

  before_each(function() this_task = async.current_task() end)

  -- Runs a loop that cancels the top level after some turns: `run(body)` has it call body(loop). Returns whether it
  -- came to that, and the loop.
  local function cancelled_after(count, run)
    local is_asked, loop = false, nil
    local function hop()
      count = count - 1
      if count >= 0 then loop:call_soon(hop) else is_asked = this_task:cancel("swept") end
    end
    local ok, err = pcall(run, function(running_loop)
      loop = running_loop
      loop:call_soon(hop)
      turns(4)
    end)
    expect(not is_asked, ok, "ends undisturbed")
    if is_asked then
      expect(true, async.isinstance(err, async.CancelledError), tostring(err))
      this_task:uncancel()
    end
    turns() -- and nothing is left to raise
    return is_asked, loop
  end

  -- At turn 0, 1 … until it ends before it is cancelled. Returns how often it was.
  local function sweep_turns(run, check)
    local count = 0
    while true do
      local is_asked, loop = cancelled_after(count, run)
      check(loop)
      if not is_asked then return count end
      count = count + 1
    end
  end

  it("has run_until_complete cancel what it runs, also as that ends", function()
    assert.is_true(sweep_turns(function(body)
      local loop = virtual.new_loop()
      loop:run_until_complete(function() body(loop) end)
    end, function(loop)
      assert.is_false(loop:is_running())
      virtual.close(loop)
    end) > 4)
  end)

  it("has async.run cancel what it runs and what that left, and close its loop", function()
    local world = surroundings.new()
    assert.is_true(sweep_turns(function(body)
      async.run(function()
        for _ = 1, 2 do async.create_task(world:job(1000)) end
        body(async.get_running_loop())
      end)
    end, function(loop)
      assert.is_true(loop:is_closed())
      assert.equal(0, #async.all_tasks(loop))
      assert.equal(0, world.running)
    end) > 8)
  end)

  it("stops run_forever", function()
    for count = 0, 3 do
      local is_asked, loop = cancelled_after(count, function(body)
        local new_loop = virtual.new_loop()
        new_loop:create_task(function() body(new_loop) end)
        new_loop:call_later(1, function() new_loop:stop() end)
        new_loop:run_forever()
      end)
      assert.is_true(is_asked)
      virtual.close(loop)
    end
  end)
end)
