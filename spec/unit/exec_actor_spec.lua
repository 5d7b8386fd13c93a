-- actor: spawn_worker and its channel. Real threads; nothing here waits for time to pass.
local async = require "lacuna"
local lfs = require "lfs"
local sanitizer = require "spec.support.sanitizer"
local shell = require "spec.support.shell"
local virtual = require "spec.support.virtual"

local await, raised = async.await, virtual.raised

-- Runs body(worker) and ends the worker, so that the next spec finds no thread.
local function with_worker(fn, body, ...)
  return async.with(async.spawn_worker(fn, ...), body)
end

local function echo(channel)
  for value in channel do require("lacuna").await(channel:send(value)) end
end

describe("a spawned worker", function()
  it("answers what it is sent", function()
    with_worker(echo, function(worker)
      for i = 1, 3 do
        await(worker:send({number = i}))
        assert.same({number = i}, await(worker:receive()))
      end
    end)
  end)

  it("is given the arguments after the channel", function()
    local function sum(channel, a, b) require("lacuna").await(channel:send(a + b)) end
    with_worker(sum, function(worker) assert.equal(5, await(worker:receive())) end, 2, 3)
  end)

  it("finds the modules that its starter finds", function()
    local folder = os.tmpname()
    os.remove(folder)
    assert(lfs.mkdir(folder))
    shell.write_file(folder .. "/beside_the_script.lua", "return {answer = 42}")
    local path = package.path
    package.path = folder .. "/?.lua;" .. path
    local function tell(channel, module) require("lacuna").await(channel:send(module.answer)) end
    with_worker(tell, function(worker) assert.equal(42, await(worker:receive())) end, require "beside_the_script")
    package.path, package.loaded.beside_the_script = path, nil
    os.remove(folder .. "/beside_the_script.lua")
    lfs.rmdir(folder)
  end)

  it("is iterated over until its function has ended", function()
    local function count(channel)
      for i = 1, 200 do require("lacuna").await(channel:send(i)) end
    end
    with_worker(count, function(worker)
      local expected = 0
      for value in worker do
        expected = expected + 1
        assert.equal(expected, value)
      end
      assert.equal(200, expected)
      assert.is_nil(await(worker:receive()))
    end)
  end)

  it("ends its own iteration when the channel is closed", function()
    local function collect(channel)
      local sum = 0
      for value in channel do sum = sum + value end
      require("lacuna").await(channel:send(sum))
    end
    with_worker(collect, function(worker)
      for i = 1, 100 do await(worker:send(i)) end
      worker:close()
      assert.equal(5050, await(worker:receive()))
    end)
  end)

  it("holds up a sender while it does not receive", function()
    local function wait_for_word(channel)
      local inner = require "lacuna"
      inner.await(channel:receive())
      inner.await(channel:send("received one"))
      inner.await(inner.sleep(1000))
    end
    with_worker(wait_for_word, function(worker)
      local sent = 0
      local sender = async.create_task(function()
        while true do
          await(worker:send(sent))
          sent = sent + 1
        end
      end)
      assert.equal("received one", await(worker:receive()))
      virtual.turns(5)
      assert.is_true(sent >= 64 and sent <= 66)
      sender:cancel()
      raised(async.CancelledError, await, sender)
    end)
  end)

  it("serves several receivers in the order in which they came", function()
    with_worker(echo, function(worker)
      local order = {}
      local function receiver(name)
        return async.create_task(function() table.insert(order, name .. await(worker:receive())) end)
      end
      local one, two = receiver("a"), receiver("b")
      virtual.turns()
      await(worker:send(1))
      await(worker:send(2))
      await(async.gather(one, two))
      assert.same({"a1", "b2"}, order)
    end)
  end)

  it("loses nothing when a receiver is cancelled", function()
    with_worker(echo, function(worker)
      local receiver = async.create_task(worker:receive())
      virtual.turns()
      receiver:cancel()
      raised(async.CancelledError, await, receiver)
      await(worker:send("kept"))
      assert.equal("kept", await(worker:receive()))
    end)
  end)

  it("gives what it sent before it failed, then its error", function()
    local function fail(channel)
      local inner = require "lacuna"
      inner.await(channel:send(1))
      error(inner.ValueError("no more"))
    end
    with_worker(fail, function(worker)
      assert.equal(1, await(worker:receive()))
      local err = raised(async.ValueError, await, worker:receive())
      assert.equal("no more", err.message)
      assert.truthy(err.traceback:find("in a worker thread", 1, true))
    end)
  end)

  it("is broken when it exits", function()
    with_worker(function() os.exit(0) end, function(worker)
      local err = raised(async.BrokenExecutor, await, worker:receive())
      assert.equal("a worker thread died: os.exit(0) was called", err.message)
    end)
  end)

  it("can be terminated while it waits, and receives nothing after that", function()
    local worker = async.spawn_worker(echo)
    await(worker:terminate())
    assert.equal("<worker ended>", tostring(worker))
    assert.is_nil(await(worker:receive()))
    raised(async.RuntimeError, await, worker:send(1))
    await(worker:terminate())
  end)

  local show = sanitizer.is_for_threads and pending or it
  show("can be terminated while it computes", function()
    local worker = async.spawn_worker(function(channel)
      require("lacuna").await(channel:send("begun"))
      while true do end
    end)
    assert.equal("begun", await(worker:receive()))
    await(worker:terminate())
  end)

  it("refuses what cannot travel", function()
    raised(async.TypeError, async.spawn_worker, 5)
    with_worker(echo, function(worker)
      assert.equal("value 1.proxy: userdata", raised(async.TypeError, await, worker:send({proxy = newproxy()})).message)
    end)
  end)
end)
