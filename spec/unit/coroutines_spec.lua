-- coroutines: async functions, coroutine objects, and what awaiting one does.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised

describe("an async function", function()
  it("runs nothing when called, and runs when awaited", body(function()
    local log = {}
    local fn = async(function(x)
      log[#log + 1] = "runs"
      return x
    end)
    local coro = fn("value")
    assert.same({}, log)
    assert.equal("value", await(coro))
    assert.same({ "runs" }, log)
  end))

  it("is given all its arguments and gives all its results", body(function()
    local echo = async(function(...) return select("#", ...), ... end)
    assert.same({ 0 }, { await(echo()) })
    assert.same({ 1 }, { await(echo(nil)) })
    local count, a, b, c = await(echo(1, nil, 3))
    assert.same({ 3, 1, nil, 3 }, { count, a, b, c })
    assert.equal(5, (await(echo(nil, nil, nil, nil, nil))))
  end))

  it("is made of functions only", body(function()
    raised(async.TypeError, async, 42)
    raised(async.TypeError, async.async, "text")
  end))

  it("is told from plain functions, its objects from everything else", body(function()
    local fn = async(function() end)
    assert.is_true(async.iscoroutinefunction(fn))
    assert.is_false(async.iscoroutinefunction(function() end))
    local coro = fn()
    assert.is_true(async.iscoroutine(coro))
    assert.is_false(async.iscoroutine(fn))
    assert.is_false(async.iscoroutine(async.Future()))
    await(coro)
  end))
end)

describe("await", function()
  it("runs a coroutine object in the same task, without a turn of the loop", body(function(loop)
    local has_turned = false
    loop:call_soon(function() has_turned = true end)
    assert.equal(async.current_task(), await(async(function() return async.current_task() end)()))
    assert.is_false(has_turned)
    turns()
  end))

  it("raises the error of what is awaited, whatever its value", body(function()
    local list = {}
    for _, value in ipairs { "text", 7, list, false } do
      assert.same({ false, value }, { pcall(await, async(function() error(value, 0) end)()) })
    end
    local ok, err = pcall(await, async(function() error(nil) end)())
    assert.is_false(ok)
    assert.is_nil(err)
    assert.equal(list, select(2, pcall(await, async(function() error(list) end)())))
  end))

  it("says what is missing when a coroutine object is used as if it were the result", body(function()
    local count = async(function() return 5 end)
    for _, use in ipairs {
      function() return count() + 1 end, function() return "count: " .. count() end, function() return -count() end,
      function() return count() < count() end, function() return 2 ^ count() end, function() return count().total end,
      function() return count():total() end, function() return count()() end,
      function() for value in count() do print(value) end end,
    } do
      local err = raised(async.TypeError, use)
      assert.truthy(err.message:find("count at 0x%x+> is used before it was awaited: write await%(…%)"), err.message)
    end
    for name, make in pairs {
      sleep = function() return async.sleep(0) end, ["Lock.acquire"] = function() return async.Lock():acquire() end,
      to_thread = function() return async.to_thread(print) end, wait = function() return async.wait {} end,
    } do
      assert.truthy(raised(async.TypeError, function() return make().name_of_result end).message:find(name, 1, true))
      assert.truthy(raised(async.TypeError, function() return make() .. "" end).message:find(name, 1, true))
    end
  end))

  it("takes a coroutine object once", body(function()
    local coro = async(function() return 1 end)()
    await(coro)
    raised(async.RuntimeError, await, coro)
    local failing = async(function() error("x") end)()
    pcall(await, failing)
    raised(async.RuntimeError, await, failing)
    for _, make in ipairs {
      function() return async.sleep(0) end, function() return async.wait_for(async.sleep(0), 1) end,
      function() return async.Lock():acquire() end,
    } do
      local twice = make()
      await(twice)
      raised(async.RuntimeError, await, twice)
    end
  end))

  it("does not take a coroutine object that another task is awaiting", body(function()
    local coro = async.sleep(1)
    local task = async.create_task(coro)
    turns()
    raised(async.RuntimeError, await, coro)
    await(task)
  end))

  it("names what is not awaitable", body(function()
    local function refused(value) return raised(async.TypeError, await, value).message end
    assert.equal("await: nil is not awaitable (what was called is no async function, and returned nothing)",
      refused(nil))
    assert.equal('await: string "x" is not awaitable (it is a result already: no await is needed)', refused("x"))
    assert.equal("await: number 42 is not awaitable (it is a result already: no await is needed)", refused(42))
    assert.equal("await: table is not awaitable (it is a result already: no await is needed)", refused {})
    assert.equal("await: table is not awaitable (await(async.gather(list)) awaits all of a list)",
      refused { async.sleep(0) })
    assert.equal("await: a function is not awaitable (call it, or wrap it with async)", refused(function() end))
    assert.matches("^await: <Event .*> is not awaitable %(await what one of its methods returns%)$",
      refused(async.Event()))
  end))

  it("runs __await of an object's metatable", body(function()
    local Delay = {}
    function Delay.__await(self)
      await(async.sleep(self.seconds))
      return self, nil, "third"
    end
    local delay = setmetatable({ seconds = 2 }, Delay)
    local start = async.get_running_loop():time()
    local first, second, third = await(delay)
    assert.equal(delay, first)
    assert.is_nil(second)
    assert.equal("third", third)
    assert.equal(2, async.get_running_loop():time() - start)
    assert.equal(delay, await(async.gather(delay))[1])
    assert.equal(delay, (await(async.wait_for(delay, 5))))
  end))

  it("raises RuntimeError outside a task", body(function(loop)
    local err
    loop:call_soon(function() err = select(2, pcall(await, async.sleep(0))) end)
    turns()
    assert.is_true(async.isinstance(err, async.RuntimeError))
  end))

  it("keeps errors and results straight through pcall and xpcall", body(function()
    local function late(value, is_error)
      return async(function()
        turns()
        if is_error then error(value, 0) end
        return value
      end)()
    end
    assert.same({ true, 1 }, { pcall(await, late(1)) })
    assert.same({ false, "e" }, { pcall(await, late("e", true)) })
    assert.same({ true, 2 }, { xpcall(await, tostring, late(2)) })
    assert.same({ false, "handled e" }, { xpcall(await, function(e) return "handled " .. e end, late("e", true)) })
    assert.same({ true, false, "inner" }, { pcall(pcall, await, late("inner", true)) })
  end))
end)

describe("coroutine_state", function()
  it("tells what a coroutine object has behind it", body(function()
    local coro, inside
    coro = async(function()
      inside = async.coroutine_state(coro)
      turns()
    end)()
    assert.equal("CREATED", async.coroutine_state(coro))
    local task = async.create_task(coro)
    turns()
    assert.equal("RUNNING", inside)
    assert.equal("SUSPENDED", async.coroutine_state(coro))
    await(task)
    assert.equal("CLOSED", async.coroutine_state(coro))
  end))

  it("tells it of the whole chain of awaits", body(function()
    local inner = async.sleep(1)
    local outer = async(function() await(inner) end)()
    local task = async.create_task(outer)
    turns()
    assert.equal("SUSPENDED", async.coroutine_state(inner))
    assert.equal("SUSPENDED", async.coroutine_state(outer))
    task:cancel()
    pcall(await, task)
    assert.equal("CLOSED", async.coroutine_state(inner))
    assert.equal("CLOSED", async.coroutine_state(outer))
  end))

  it("tells it of whatever waits, in compiled code too", body(function()
    local lock, event, condition = async.Lock(), async.Event(), async.Condition()
    local semaphore, empty, full = async.Semaphore(0), async.Queue(), async.Queue(1)
    await(lock:acquire())
    full:put_nowait("item")
    local nested = async(function(...) return await(async.sleep(1, ...)) end)
    local made = {
      function() return async.sleep(1) end,
      function() return async.sleep(1, "value") end,
      function() return lock:acquire() end,
      function() return event:wait() end,
      function() return semaphore:acquire() end,
      function() return empty:get() end,
      function() return full:put("another") end,
      function() return full:join() end,
      function() return nested() end,
      function() return nested("a") end,
      function() return nested("a", "b") end,
      async(function()
        return async.with(condition, function() await(condition:wait()) end)
      end),
    }
    for kind, make in ipairs(made) do
      for round = 1, 120 do
        local coro = make()
        local task = async.create_task(function() await(coro) end)
        turns()
        assert.equal("SUSPENDED", async.coroutine_state(coro), kind .. ", " .. round)
        task:cancel()
        pcall(await, task)
        assert.equal("CLOSED", async.coroutine_state(coro), kind .. ", " .. round)
      end
    end
  end))

  it("is CLOSED after an error, TypeError for anything else", body(function()
    local coro = async(function() error("x") end)()
    pcall(await, coro)
    assert.equal("CLOSED", async.coroutine_state(coro))
    raised(async.TypeError, async.coroutine_state, 42)
  end))
end)

describe("a coroutine object that a task awaits", function()
  it("is kept by nobody else, and by none once the wait has begun", body(function()
    local event, queue = async.Event(), async.Queue()
    local outer = async(function(x) return await(async.sleep(5, x)) end)
    local makers = {
      function() return async.sleep(5) end,
      function() return event:wait() end,
      function() return queue:get() end,
      function() return outer("value") end,
    }
    for kind, make in ipairs(makers) do
      local seen = setmetatable({}, { __mode = "v" })
      local task = async.create_task(function()
        await((function()
          seen[1] = make()
          return seen[1]
        end)())
      end)
      turns()
      collectgarbage()
      assert.is_nil(seen[1], kind)
      task:cancel()
      pcall(await, task)
    end
  end))
end)

describe("the text of a coroutine object", function()
  -- What a function is called that is defined in this text; the place as a number of the line.
  local function name_in(text)
    local path = os.tmpname()
    local file = assert(io.open(path, "w"))
    file:write(text)
    file:close()
    local make = assert(loadfile(path))(async)
    local name = tostring(make()):match("^<coroutine object (.*) at 0x%x+>$")
    os.remove(path)
    return (name:gsub("^.*:(%d+)$", "%1"))
  end

  it("names it as its definition does, if that can be told", function()
    assert.equal("fetch", name_in "local async = ... local fetch = async(function() end) return fetch")
    assert.equal("fetch", name_in "local m, a = {}, ...\nm.fetch = a.async(function() end) -- function\nreturn m.fetch")
    assert.equal("fetch", name_in "local a = ...\nlocal function fetch() end\nreturn a(fetch)")
    assert.equal("2", name_in "local a = ...\nreturn a(function() end)")
    assert.equal("1", name_in "local a = ... local f = a(function() end) return a(function() end)")
    assert.equal("1", name_in "local a = require 'lacuna' local t = a.closing return a(function() end)")
  end)

  it("names the function", body(function()
    local fetch = async(function() end)
    local coro = fetch()
    assert.truthy(tostring(coro):match("^<coroutine object fetch at 0x%x+>$"))
    await(coro)
    local sleep = async.sleep(0)
    assert.truthy(tostring(sleep):match("^<coroutine object sleep at 0x%x+>$"))
    await(sleep)
  end))
end)
