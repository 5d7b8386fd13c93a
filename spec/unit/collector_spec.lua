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

-- Tasks that run pause(i) and wait in it, whose threads go into a list; and at which level of their stacks it stands.
local function start_paused(count, threads, pause)
  local tasks = {}
  for i = 1, count do
    tasks[i] = async.create_task(function()
      threads[i] = coroutine.running()
      pause(i)
    end)
  end
  turns()
  local level = 0
  repeat level = level + 1 until debug.getinfo(threads[1], level, "f").func == pause
  return tasks, level
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
    local tasks, level = start_paused(TASKS, threads, pause)
    for i = 1, TASKS do expected[i] = 0 end
    while_collecting(10, function(i)
      expected[i] = expected[i] + 1
      assert.equal("held", debug.setlocal(threads[i], level, 2, { i, expected[i] }))
      assert.is_table(debug.getinfo(threads[i], level, "L").activelines)
    end)
    gate:set()
    await(async.gather(tasks))
    assert.equal(0, wrong)
  end))

  -- What a debugger reads is pushed on the stack, and stays above its top. The functions that run there later must not
  -- show it to the collector, which may have freed it by then. Here strings that look like objects take its place.
  it("is not what a debugger has read of it meanwhile", body(function()
    local ROUNDS, READ, STRINGS, LOOKS_MARKABLE = 2, 50, 3000, ("\3\10" .. ("\0"):rep(14)):rep(60)
    local threads, changes, kept, is_never = {}, {}, { was = false }, false
    local function pause(i)
      local shared = false
      changes[i] = function(value) shared, kept.was = value, shared end
      await(async.sleep(1))
      if is_never then -- what makes the frame cover what was above the top
        print(1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29,
          30, 31, 32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53, 54, 55, 56)
      end
      local cycle = setmetatable({ {} }, { __mode = "v" })
      repeat
        for _ = 1, 100 do kept.last = { i } end -- the collector takes its steps here
        collectgarbage("count") -- ends the trace: compiled, the loop would read cycle[1] but once
      until not cycle[1]
    end
    local function read_and_resume()
      local strings = {}
      local tasks, level = start_paused(READ, threads, pause)
      collectgarbage()
      local cycle = setmetatable({ {} }, { __mode = "v" })
      repeat
        for i = 1, cycle[1] and READ or 0 do
          changes[i]({})
          assert.equal("shared", (debug.getlocal(threads[i], level, 2)))
          changes[i](false)
          kept.was = not kept.was
        end
        local is_over = collectgarbage("step", STEP_KIB)
        collectgarbage("stop")
        await(async.sleep(0))
      until is_over
      for i = 1, STRINGS do strings[i] = ("%-16d"):format(i) .. LOOKS_MARKABLE end
      collectgarbage("restart")
      await(async.gather(tasks))
      for i = 1, STRINGS do assert.is_true(strings[i] == ("%-16d"):format(i) .. LOOKS_MARKABLE) end
    end
    for _ = 1, ROUNDS do read_and_resume() end
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
