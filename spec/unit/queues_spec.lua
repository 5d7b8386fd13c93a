-- queues: Queue, LifoQueue and PriorityQueue, to the turn of the loop.
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

local function drain(queue)
  local items = {}
  while not queue:empty() do items[#items + 1] = queue:get_nowait() end
  return items
end

for _, name in ipairs { "Queue", "LifoQueue", "PriorityQueue" } do
  local new = async[name]

  describe(name, function()
    it("says what it holds and who waits", function()
      local queue = new(1)
      assert.equal(("<%s maxsize=1>"):format(name), tostring(queue))
      local getter = async.create_task(queue:get())
      pass_turns()
      assert.equal(("<%s maxsize=1 getters[1]>"):format(name), tostring(queue))
      queue:put_nowait(1)
      await(getter)
      queue:put_nowait(2)
      local putter = async.create_task(queue:put(3))
      pass_turns()
      assert.equal(("<%s maxsize=1 items[1] putters[1] tasks=2>"):format(name), tostring(queue))
      queue:get_nowait()
      await(putter)
    end)

    it("counts its items", function()
      local queue = new { maxsize = 2 }
      assert.equal(2, queue.maxsize)
      assert.is_true(queue:empty())
      queue:put_nowait(1)
      assert.is_false(queue:empty())
      assert.is_false(queue:full())
      queue:put_nowait(2)
      assert.is_true(queue:full())
      assert.equal(2, queue:qsize())
    end)

    it("raises QueueFull and QueueEmpty where it may not wait", function()
      local queue = new(1)
      assert_raises(async.QueueEmpty, "", queue.get_nowait, queue)
      queue:put_nowait(1)
      assert_raises(async.QueueFull, "", queue.put_nowait, queue, 2)
      assert.equal(1, queue:get_nowait())
    end)

    it("is never full without a maxsize", function()
      for _, maxsize in ipairs { 0, -1 } do
        local queue = new(maxsize)
        assert.equal(maxsize, queue.maxsize)
        for i = 1, 100 do queue:put_nowait(i) end
        assert.is_false(queue:full())
      end
      assert.equal(0, new().maxsize)
      assert.equal(0, new({}).maxsize)
    end)

    it("takes a maxsize that is no integer as it is", function()
      local queue = new(1.3)
      queue:put_nowait(1)
      assert.is_false(queue:full())
      queue:put_nowait(2)
      assert.is_true(queue:full())
    end)

    it("raises TypeError for a maxsize that is no number", function()
      assert_raises(async.TypeError, name .. ': maxsize must be a number, got "x"', new, "x")
    end)

    it("takes nil and false as items", function()
      local queue = new()
      queue:put_nowait(nil)
      assert.equal(1, queue:qsize())
      assert.is_nil(queue:get_nowait())
      await(queue:put(false))
      assert.is_false(await(queue:get()))
      assert.is_true(queue:empty())
    end)

    it("has methods that return coroutine objects, which start nothing and are awaited once", function()
      local queue = new()
      local coros = { queue:put(1), queue:get(), queue:join() }
      assert.is_true(queue:empty())
      await(coros[1])
      await(coros[2])
      queue:task_done()
      await(coros[3])
      for _, coro in ipairs(coros) do
        assert.is_true(async.iscoroutine(coro))
        assert_raises(async.RuntimeError, nil, await, coro)
      end
    end)

    it("does not yield when it need not wait", function()
      local queue, has_run = new(1), false
      local task = async.create_task(function() has_run = true end)
      await(queue:put(1))
      assert.equal(1, await(queue:get()))
      queue:task_done()
      await(queue:join())
      assert.is_false(has_run)
      await(task)
    end)

    it("raises ValueError when task_done is called too often", function()
      local queue = new()
      assert_raises(async.ValueError, "task_done() called too many times", queue.task_done, queue)
      queue:put_nowait(1)
      queue:task_done()
      assert_raises(async.ValueError, "task_done() called too many times", queue.task_done, queue)
    end)

    it("lets join wait until every item is done", function()
      local queue, sum, is_joined = new(), 0, false
      for i = 1, 100 do queue:put_nowait(i) end
      local workers = {}
      for i = 1, 2 do
        workers[i] = async.create_task(function()
          while true do
            sum = sum + await(queue:get())
            pass_turns()
            queue:task_done()
          end
        end)
      end
      local joiner = async.create_task(function()
        await(queue:join())
        is_joined = true
      end)
      pass_turns(3)
      assert.is_false(is_joined)
      await(queue:join())
      assert.equal(5050, sum)
      await(joiner)
      for i = 1, 2 do
        workers[i]:cancel()
        pcall(await, workers[i])
      end
    end)

    it("lets join pass again after more items were done", function()
      local queue = new()
      await(queue:join())
      queue:put_nowait(1)
      local joiner = async.create_task(queue:join())
      pass_turns(2)
      assert.is_false(joiner:done())
      queue:task_done()
      queue:put_nowait(2)
      await(joiner)
      queue:task_done()
    end)
  end)
end

describe("Queue", function()
  it("gives first what was put first, over many sizes of its ring", function()
    local queue = async.Queue()
    local put, got = 0, 0
    for _, count in ipairs { 3, 20, 1, 100, 7, 5000 } do
      for _ = 1, count do
        put = put + 1
        queue:put_nowait(put)
      end
      for _ = 1, math.floor(queue:qsize() * 2 / 3) do
        got = got + 1
        assert.equal(got, queue:get_nowait())
      end
    end
    for _, item in ipairs(drain(queue)) do
      got = got + 1
      assert.equal(got, item)
    end
    assert.equal(put, got)
    queue:put_nowait("again")
    assert.equal("again", queue:get_nowait())
  end)

  it("keeps nils in their places", function()
    local queue = async.Queue()
    for i = 1, 40 do queue:put_nowait(i % 3 == 0 and i or nil) end
    for i = 1, 40 do
      local item = queue:get_nowait()
      if i % 3 == 0 then assert.equal(i, item) else assert.is_nil(item) end
    end
    assert.is_true(queue:empty())
  end)

  it("lets get wait for an item, which is in the queue until the getter runs", function()
    local queue = async.Queue()
    local getter = async.create_task(queue:get())
    pass_turns()
    queue:put_nowait("item")
    assert.equal(1, queue:qsize())
    assert.is_false(getter:done())
    assert.equal("item", await(getter))
    assert.equal(0, queue:qsize())
  end)

  it("makes a getter wait again whose item was taken by another", function()
    local queue = async.Queue()
    local getter = async.create_task(queue:get())
    pass_turns()
    queue:put_nowait(1)
    assert.equal(1, queue:get_nowait())
    pass_turns(2)
    assert.is_false(getter:done())
    queue:put_nowait(2)
    assert.equal(2, await(getter))
  end)

  it("makes a putter wait again whose place was taken by another", function()
    local queue = async.Queue(1)
    queue:put_nowait(1)
    local putter = async.create_task(queue:put(2))
    pass_turns()
    assert.equal(1, queue:get_nowait())
    queue:put_nowait(3)
    pass_turns(2)
    assert.is_false(putter:done())
    assert.equal(3, queue:get_nowait())
    await(putter)
    assert.equal(2, queue:get_nowait())
  end)

  it("serves getters and putters in order of arrival", function()
    local queue, log = async.Queue(1), {}
    local tasks = {}
    for i = 1, 3 do
      tasks[i] = async.create_task(function()
        local item = await(queue:get())
        log[#log + 1] = i .. ":" .. item
      end)
    end
    for i = 1, 6 do tasks[3 + i] = async.create_task(queue:put(i)) end
    pass_turns(8)
    assert.equal("1:1 2:2 3:3", table.concat(log, " "))
    for i = 4, 6 do assert.equal(i, await(queue:get())) end
    await(async.gather(tasks))
  end)

  it("keeps the item that a cancelled getter was woken for", function()
    local queue = async.Queue()
    local first, second = async.create_task(queue:get()), async.create_task(queue:get())
    pass_turns()
    queue:put_nowait("item")
    first:cancel()
    pass_turns(2)
    assert.is_true(first:cancelled())
    assert.is_true(second:done())
    assert.equal("item", await(second))
  end)

  it("leaves the item in the queue when its only getter is cancelled", function()
    local queue = async.Queue()
    local getter = async.create_task(queue:get())
    pass_turns()
    queue:put_nowait("item")
    getter:cancel()
    pass_turns()
    assert.is_true(getter:cancelled())
    assert.equal("item", queue:get_nowait())
  end)

  it("serves a getter that comes after one that was cancelled", function()
    local queue = async.Queue()
    local first = async.create_task(queue:get())
    pass_turns()
    first:cancel()
    pass_turns()
    local second = async.create_task(queue:get())
    pass_turns()
    queue:put_nowait("item")
    assert.equal("item", await(second))
  end)

  it("passes over getters that were cancelled before the item came", function()
    local queue = async.Queue()
    local getters = {}
    for i = 1, 4 do getters[i] = async.create_task(queue:get()) end
    pass_turns()
    for i = 1, 3 do getters[i]:cancel() end
    queue:put_nowait("item")
    assert.equal("item", await(getters[4]))
    assert.equal("<Queue maxsize=0 tasks=1>", tostring(queue))
  end)

  it("passes a free place on when the putter that was woken is cancelled", function()
    local queue = async.Queue(1)
    queue:put_nowait(1)
    local first, second = async.create_task(queue:put(2)), async.create_task(queue:put(3))
    pass_turns()
    queue:get_nowait()
    first:cancel()
    pass_turns(2)
    assert.is_true(first:cancelled())
    assert.is_true(second:done())
    assert.equal(3, queue:get_nowait())
  end)

  it("puts nothing for a putter that is cancelled, and forgets it", function()
    local queue = async.Queue(1)
    queue:put_nowait(1)
    local putter = async.create_task(queue:put(2))
    pass_turns()
    putter:cancel()
    pass_turns()
    assert.is_true(putter:cancelled())
    assert.equal("<Queue maxsize=1 items[1] tasks=1>", tostring(queue))
    assert.equal(1, queue:get_nowait())
    assert.is_true(queue:empty())
  end)

  it("carries every item once between many putters and getters, some of them cancelled", function()
    local queue, got, tasks = async.Queue(3), {}, {}
    for i = 1, 200 do
      tasks[#tasks + 1] = async.create_task(queue:put(i))
      tasks[#tasks + 1] = async.create_task(function()
        local item = await(queue:get())
        assert.is_nil(got[item])
        got[item] = true
      end)
    end
    for i = 1, 10 do
      pass_turns()
      tasks[20 * i]:cancel() -- getters
    end
    pass_turns(300)
    for _, item in ipairs(drain(queue)) do got[item] = true end
    pass_turns(300)
    for _, item in ipairs(drain(queue)) do got[item] = true end
    local count, cancelled = 0, 0
    for _ in pairs(got) do count = count + 1 end
    for i = 1, #tasks do
      if tasks[i]:cancelled() then cancelled = cancelled + 1 end
      assert.is_true(tasks[i]:done())
    end
    assert.equal(200, count)
    assert.is_true(cancelled <= 10)
  end)

  it("can be waited for with a time-out, and loses no item to one", function()
    local loop = async.new_event_loop { clock = "virtual" }
    loop:run_until_complete(async(function()
      local queue = async.Queue()
      local ok, err = pcall(await, async.wait_for(queue:get(), 60))
      assert.is_false(ok)
      assert.equal("TimeoutError", err.name)
      queue:put_nowait(1)
      assert.equal(1, await(async.wait_for(queue:get(), 60)))
    end)())
    loop:close()
  end)

  it("belongs to the loop of the first that waits for it", function()
    local queue = async.Queue(1)
    local getter = async.create_task(queue:get())
    pass_turns()
    assert_raises(async.RuntimeError, "<Queue maxsize=1 getters[1]> is bound to a different event loop", async.run,
      async(function() await(queue:get()) end)())
    queue:put_nowait(1)
    await(getter)
  end)
end)

describe("LifoQueue", function()
  it("gives first what was put last", function()
    local queue = async.LifoQueue()
    for _, item in ipairs { 1, 3, 2 } do queue:put_nowait(item) end
    assert.same({ 2, 3, 1 }, drain(queue))
  end)

  it("keeps nils in their places", function()
    local queue = async.LifoQueue()
    for i = 1, 20 do queue:put_nowait(i % 3 == 0 and i or nil) end
    for i = 20, 1, -1 do
      local item = queue:get_nowait()
      if i % 3 == 0 then assert.equal(i, item) else assert.is_nil(item) end
    end
  end)
end)

describe("PriorityQueue", function()
  local Job = {}
  Job.__index = Job
  function Job.__lt(a, b) return a.priority < b.priority end

  local function job(priority, name)
    return setmetatable({ priority = priority, name = name }, Job)
  end

  it("gives the smallest first", function()
    local queue = async.PriorityQueue()
    for _, item in ipairs { 1, 3, 2 } do queue:put_nowait(item) end
    assert.same({ 1, 2, 3 }, drain(queue))
    for _, item in ipairs { "pear", "apple", "fig" } do queue:put_nowait(item) end
    assert.same({ "apple", "fig", "pear" }, drain(queue))
  end)

  it("gives equal items in the order in which they were put", function()
    local queue, random = async.PriorityQueue(), 12345
    local jobs = {}
    for i = 1, 500 do
      random = (random * 1103515245 + 12345) % 2147483648
      jobs[i] = job(math.floor(random / 65536) % 7, i)
      queue:put_nowait(jobs[i])
      if i % 5 == 0 then -- what is taken out meanwhile is put again, as the newest
        local first = queue:get_nowait()
        first.name = i + 0.5
        queue:put_nowait(first)
      end
    end
    local last
    for _, this in ipairs(drain(queue)) do
      if last then
        assert.is_true(last.priority < this.priority or last.priority == this.priority and last.name < this.name)
      end
      last = this
    end
  end)

  it("keeps its items when one cannot be compared", function()
    local queue = async.PriorityQueue()
    for _, item in ipairs { 3, 1, 2 } do queue:put_nowait(item) end
    local message = "PriorityQueue: attempt to compare table with number"
    assert_raises(async.TypeError, message, queue.put_nowait, queue, {})
    assert.equal(3, queue:qsize())
    assert.same({ 1, 2, 3 }, drain(queue))
  end)

  it("raises what comparing its items raises", function()
    local queue = async.PriorityQueue()
    local own = setmetatable({}, { __lt = function() error("own", 0) end })
    queue:put_nowait(own)
    assert.same({ false, "own" }, { pcall(queue.put_nowait, queue, own) })
  end)

  it("gives a getter that waited the smallest that is there when it runs", function()
    local queue = async.PriorityQueue()
    local getter = async.create_task(queue:get())
    pass_turns()
    for _, item in ipairs { 5, 1, 3 } do queue:put_nowait(item) end
    assert.equal(1, await(getter))
  end)
end)
