-- generators: await at any depth of Lua, in a user's own coroutines too, and what happens where C stands between.
local async = require "lacuna"
local sweep = require "spec.support.sweep"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local RuntimeError = async.RuntimeError

-- A generator that waits before each value.
local function counting(count)
  return coroutine.wrap(function()
    for i = 1, count do
      await(async.sleep(1))
      coroutine.yield(i)
    end
  end)
end

describe("a coroutine of one's own", function()
  it("may await, and yields to its caller in between", body(function(loop)
    local start, seen = loop:time(), {}
    for i in counting(3) do seen[#seen + 1] = i end
    assert.same({ 1, 2, 3 }, seen)
    assert.equal(3, loop:time() - start)
  end))

  it("passes values in and out of resume and wrap, awaits between them", body(function()
    local co = coroutine.create(function(...)
      await(async.sleep(1))
      local back = { coroutine.yield(select("#", ...), ...) }
      await(async.sleep(1))
      return "end", nil, unpack(back)
    end)
    assert.same({ true, 3, 1, nil, 3 }, { coroutine.resume(co, 1, nil, 3) })
    assert.same({ true, "end", nil, "x", "y" }, { coroutine.resume(co, "x", "y") })
    assert.equal("dead", coroutine.status(co))
    assert.is_false((coroutine.resume(co)))
  end))

  it("lets other tasks run while it awaits", body(function()
    local log = {}
    local function consume(name)
      return function()
        for i in counting(2) do table.insert(log, name .. i) end
      end
    end
    await(async.gather(consume "a", consume "b"))
    assert.same({ "a1", "b1", "a2", "b2" }, log)
  end))

  it("may stand in another", body(function()
    local outer = coroutine.wrap(function()
      for i in counting(2) do
        turns()
        coroutine.yield("outer " .. i)
      end
      return "end"
    end)
    assert.equal("outer 1", outer())
    assert.equal("outer 2", outer())
    assert.equal("end", outer())
  end))

  it("stays a coroutine of Lua where nothing is awaited, in callbacks too", body(function(loop)
    local values = {}
    loop:call_soon(function()
      for i in coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end) do values[i] = i end
    end)
    turns()
    assert.same({ 1, 2, 3 }, values)
  end))

  it("passes errors out that come after an await", body(function()
    local problem = async.ValueError("late")
    local function failing()
      await(async.sleep(1))
      error(problem)
    end
    assert.equal(problem, raised(async.ValueError, coroutine.wrap(failing)))
    local co = coroutine.create(failing)
    assert.same({ false, problem }, { coroutine.resume(co) })
    assert.equal("dead", coroutine.status(co))
    assert.same({ false, "text" }, { coroutine.resume(coroutine.create(function()
      turns()
      error("text", 0)
    end)) })
  end))

  it("is cancelled with the task that waits in it, and may catch that", body(function()
    local log = {}
    local task = async.create_task(function()
      local generate = coroutine.wrap(function()
        local ok, err = pcall(await, async.sleep(10))
        table.insert(log, not ok and err.name)
        coroutine.yield("caught")
        await(async.sleep(10))
      end)
      table.insert(log, generate())
      generate()
    end)
    turns()
    task:cancel()
    await(async.sleep(1))
    task:cancel()
    raised(async.CancelledError, await, task)
    assert.same({ "CancelledError", "caught" }, log)
  end))

  it("can be swept by cancellations", function()
    assert.is_true(sweep(function()
      for _ in counting(2) do turns() end
    end, 2) > 0)
  end)

  it("cannot be resumed by another task while one waits in it", body(function()
    local generate = counting(2)
    local first = async.create_task(function() return generate() end)
    turns()
    raised(RuntimeError, generate)
    assert.equal(1, await(first))
    assert.equal(2, generate())
  end))

  it("can be begun by one task and gone on with by another", body(function()
    local generate = counting(2)
    assert.equal(1, await(async.create_task(function() return generate() end)))
    assert.equal(2, await(async.create_task(function() return generate() end)))
  end))

  it("may use pcall, context managers and groups inside", body(function()
    local generate = coroutine.wrap(function()
      async.with(async.TaskGroup(), function(group)
        local task = group:create_task(async.sleep(1, "task"))
        coroutine.yield(await(task))
      end)
      coroutine.yield((select(2, pcall(async.with, async.timeout(1), function() await(async.sleep(5)) end))).name)
    end)
    assert.equal("task", generate())
    assert.equal("TimeoutError", generate())
  end))
end)

describe("coroutine.yield", function()
  it("raises RuntimeError in a task itself, and in a callback", body(function(loop)
    raised(RuntimeError, coroutine.yield)
    local errors = {}
    loop:call_soon(function() errors[1] = raised(RuntimeError, coroutine.yield, "x") end)
    loop:call_later(1, function() errors[2] = raised(RuntimeError, coroutine.yield) end)
    local fut = async.Future()
    fut:add_done_callback(function() errors[3] = raised(RuntimeError, coroutine.yield, 1, 2) end)
    fut:set_result()
    await(async.sleep(2))
    assert.equal(3, #errors)
  end))
end)

describe("await", function()
  it("works in metamethods", body(function()
    local object = setmetatable({}, {
      __index = function(_, key) return await(async.sleep(1, "got " .. key)) end,
      __newindex = function(self, key, value) rawset(self, key, await(async.sleep(1, value))) end,
      __call = function(_, x) return await(async.sleep(1, x)) end,
      __add = function(_, x) return await(async.sleep(1, x + 1)) end,
      __concat = function(_, x) return await(async.sleep(1, "joined " .. x)) end,
      __eq = function() return await(async.sleep(1, true)) end,
      __lt = function() return await(async.sleep(1, true)) end,
      __len = function() return await(async.sleep(1, 9)) end,
      __unm = function() return await(async.sleep(1, "minus")) end,
      __tostring = function() return await(async.sleep(1, "text")) end,
    })
    local other = setmetatable({}, getmetatable(object))
    assert.equal("got field", object.field)
    object.kept = 5
    assert.equal(5, rawget(object, "kept"))
    assert.equal("called", object("called"))
    assert.equal(42, object + 41)
    assert.equal("joined x", object .. "x")
    assert.is_true(object == other)
    assert.is_true(object < other)
    assert.equal("minus", -object)
  end))

  it("works in iterators, at any call depth, and in chunks", body(function()
    local function each(count)
      return function(_, i)
        i = await(async.sleep(1, i + 1))
        if i <= count then return i end
      end, nil, 0
    end
    local sum = 0
    for i in each(3) do sum = sum + i end
    assert.equal(6, sum)
    local function deep(n)
      if n == 0 then return await(async.sleep(1, "bottom")) end
      return (deep(n - 1))
    end
    assert.equal("bottom", deep(500))
    local chunk = loadstring("local async = ... return async.await(async.sleep(1, 'chunk'))")
    assert.equal("chunk", chunk(async))
  end))

  it("works in pcall and xpcall, nested", body(function()
    assert.same({ true, true, "x" }, { pcall(pcall, function() return await(async.sleep(1, "x")) end) })
    assert.same({ false, "HANDLED" }, { xpcall(function()
      await(async.sleep(1))
      error("handled", 0)
    end, string.upper) })
  end))

  it("works in the body of a required module, in dofile, and in print of an object", function()
    local shell = require "spec.support.shell"
    local folder = shell.make_folder()
    local function write(name, text) shell.write_file(folder .. "/" .. name, text) end
    write("slow.lua", [[
      local async = require "lacuna"
      async.await(async.sleep(1))
      return { name = ..., value = async.await(async.sleep(1, "module")) }
    ]])
    write("chunk.lua", [[ local async = require "lacuna" return async.await(async.sleep(1, "chunk")), 2 ]])
    write("main.lua", [[
      local async = require "lacuna"
      local slow = require "slow"
      print(slow.name, slow.value, require "slow" == slow)
      print(dofile(arg[1]))
      print(setmetatable({}, { __tostring = function() return async.await(async.sleep(1, "object")) end }))
    ]])
    local lacuna = os.getenv("LACUNA") or "lacuna"
    local result = shell.run(("%s --clock=virtual %s/main.lua %s/chunk.lua"):format(lacuna, folder, folder))
    shell.run("rm -r " .. folder)
    assert.equal("", result.stderr)
    assert.equal("slow\tmodule\ttrue\nchunk\t2\nobject\n", result.stdout)
    assert.equal(0, result.status)
  end)

  it("names the C function that it cannot be suspended below, and the task goes on", body(function()
    local function refused(name, fn)
      local err = raised(RuntimeError, fn)
      assert.truthy(err.message:find(name, 1, true), err.message)
      assert.equal("goes on", await(async.sleep(1, "goes on")))
      turns()
    end
    local fut = async.Future()
    for _, make in ipairs {
      function() return async.sleep(1) end, function() return async.sleep(0) end, function() return fut end,
      function() return async.gather(async.sleep(1)) end,
    } do
      refused("table.sort", function()
        table.sort({ 3, 1, 2 }, function(a, b)
          await(make())
          return a < b
        end)
      end)
      refused("string.gsub", function() return (("abc"):gsub("%w", function() await(make()) end)) end)
    end
    fut:set_result()
  end))

  it("names a reader of load, and says so below an FFI callback", body(function()
    local messages = {}
    local function refuse()
      local _, err = pcall(await, async.sleep(1))
      messages[#messages + 1] = err.message
    end
    load(refuse)
    require("ffi").cast("void (*)(void)", refuse)()
    assert.equal(2, #messages)
    assert.truthy(messages[1]:find("the C function load, which cannot be suspended: ", 1, true), messages[1])
    assert.truthy(messages[2]:find("cannot be suspended: ", 1, true), messages[2])
  end))

  it("below a C function takes what need not wait", body(function()
    local fut = async.Future()
    fut:set_result("there")
    assert.equal("there", (("x"):gsub("x", function() return await(fut) end)))
    assert.equal("plain", (("x"):gsub("x", function() return await(async(function() return "plain" end)()) end)))
  end))

  it("below a C function leaves a cancellation to the next wait", body(function()
    local task = async.create_task(function()
      async.current_task():cancel()
      raised(RuntimeError, function()
        table.sort({ 2, 1 }, function() await(async.Future()) end)
      end)
      await(async.sleep(10))
    end)
    raised(async.CancelledError, await, task)
    task = async.create_task(function()
      async.current_task():cancel()
      raised(RuntimeError, function()
        table.sort({ 2, 1 }, function() await(async.sleep(1)) end)
      end)
      await(async.sleep(10))
    end)
    raised(async.CancelledError, await, task)
  end))

  it("below a C function is refused within a coroutine of one's own too", body(function()
    local generate = coroutine.wrap(function()
      coroutine.yield((raised(RuntimeError, table.sort, { 2, 1 }, function() await(async.sleep(1)) end)))
      coroutine.yield(await(async.sleep(1, "goes on")))
    end)
    assert.truthy(generate().message:find("table.sort", 1, true))
    assert.equal("goes on", generate())
    local refused = raised(RuntimeError, table.sort, { 2, 1 }, function()
      return coroutine.wrap(function() await(async.sleep(1)) end)()
    end)
    assert.truthy(refused.message:find("C function", 1, true))
    turns()
  end))
end)
