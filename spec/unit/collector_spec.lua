-- collector: what the stacks of waiting tasks hold is kept, though the collector looks at them but once.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns = virtual.body, virtual.turns

local TASKS, CYCLES, STEP_KIB = 1000, 10, 8

-- Calls fn(i) for some tasks in each turn, while the collector goes through several cycles. Garbage of the shape of
-- what the tasks hold takes the place of whatever it frees wrongly.
local function while_collecting(calls, fn)
  local random, cycles = 1, 0
  collectgarbage()
  while cycles < CYCLES do
    for _ = 1, calls do
      random = random * 16807 % 2147483647
      fn(random % TASKS + 1)
    end
    for i = 1, 100 do local _ = { -i, "garbage" } end
    if collectgarbage("step", STEP_KIB) then cycles = cycles + 1 end
    collectgarbage("stop") -- until the next step: each cycle's end is counted
    await(async.sleep(0))
  end
end

describe("what a waiting task holds", function()
  after_each(function() collectgarbage("restart") end)

  it("is kept, whatever it held when the collector saw it", body(function()
    local gates, wrong, is_over = {}, 0, false
    local wait = async(function(i)
      local round = 0
      while not is_over do
        round = round + 1
        local held = { i, round }
        gates[i] = async.Future()
        await(gates[i])
        if held[1] ~= i or held[2] ~= round then wrong = wrong + 1 end
      end
    end)
    local tasks = {}
    for i = 1, TASKS do tasks[i] = async.create_task(wait(i)) end
    turns()
    local function wake(i)
      if not gates[i]:done() then gates[i]:set_result() end
    end
    while_collecting(10, wake)
    is_over = true
    for i = 1, TASKS do wake(i) end
    await(async.gather(tasks))
    assert.equal(0, wrong)
  end))

  it("is kept when a function elsewhere has changed it meanwhile", body(function()
    local gate, publish, expected, wrong = async.Event(), nil, {}, 0
    local wait = async(function(i)
      local shared = { i, 0 }
      publish(function(value) shared = value end)
      await(gate:wait())
      if shared[1] ~= i or shared[2] ~= expected[i] then wrong = wrong + 1 end
    end)
    -- Where the functions are, no stack but one leads to: that of the oldest task or that of the youngest, so that the
    -- collector comes to one half of them after the tasks whose variables they change.
    local ours, theirs = {}, setmetatable({}, { __mode = "v" })
    local keep = async(function()
      local kept = {}
      theirs[1] = kept
      await(gate:wait())
      return #kept
    end)
    local tasks = {}
    for i = 1, TASKS do tasks[i], expected[i] = async.create_task(wait(i)), 0 end
    tasks[TASKS + 1] = async.create_task(keep())
    function publish(change) ours[#ours + 1] = { change } end
    turns()
    publish = nil
    for i = 2, TASKS, 2 do ours[i], theirs[1][i] = false, ours[i] end
    while_collecting(1, function(i)
      local change = ours[i] or theirs[1][i]
      if not change[1] then return end
      expected[i] = 1
      change[1]({ i, 1 })
      change[1] = false
    end)
    gate:set()
    await(async.gather(tasks))
    assert.equal(0, wrong)
  end))

  it("is kept when a debugger has changed it meanwhile", body(function()
    local gate, threads, expected, wrong = async.Event(), {}, {}, 0
    local function pause(i)
      local held = { i, 0 }
      await(gate:wait())
      if held[1] ~= i or held[2] ~= expected[i] then wrong = wrong + 1 end
    end
    local tasks = {}
    for i = 1, TASKS do
      expected[i] = 0
      tasks[i] = async.create_task(function()
        threads[i] = coroutine.running()
        pause(i)
      end)
    end
    turns()
    local level = 0
    repeat level = level + 1 until debug.getinfo(threads[1], level, "f").func == pause
    while_collecting(10, function(i)
      expected[i] = expected[i] + 1
      assert.equal("held", debug.setlocal(threads[i], level, 2, { i, expected[i] }))
      assert.is_table(debug.getinfo(threads[i], level, "L").activelines)
    end)
    gate:set()
    await(async.gather(tasks))
    assert.equal(0, wrong)
  end))
end)

describe("the thread of a waiting task", function()
  it("is resumed by the scheduler alone", body(function()
    local thread
    local task = async.create_task(function()
      thread = coroutine.running()
      return await(async.sleep(1, "slept"))
    end)
    turns()
    assert.is_false(coroutine.resume(thread))
    assert.equal("suspended", coroutine.status(thread))
    assert.equal("slept", await(task))
  end))
end)
