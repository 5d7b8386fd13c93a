-- context: context managers, written as classes, as functions, and around anything with close().
local async = require "lacuna"
local sweep = require "spec.support.sweep"
local virtual = require "spec.support.virtual"

local await = async.await
local body, turns, raised = virtual.body, virtual.turns, virtual.raised
local CancelledError, ValueError = async.CancelledError, async.ValueError

-- A context manager that logs; `swallows` is what its __aexit returns.
local function manager(log, name, swallows)
  return setmetatable({}, {
    __aenter = function()
      turns()
      log[#log + 1] = "enter " .. name
      return name
    end,
    __aexit = function(_, err)
      turns()
      log[#log + 1] = ("exit %s %s"):format(name, err == nil and "nil" or tostring(err))
      return swallows
    end,
  })
end

describe("with", function()
  it("enters, calls the body with the value, leaves, and gives what the body returned", body(function()
    local log = {}
    assert.same({ "a", nil, 3 }, { async.with(manager(log, "a"), function(value)
      log[#log + 1] = "body"
      return value, nil, 3
    end) })
    assert.same({ "enter a", "body", "exit a nil" }, log)
  end))

  it("leaves with the error of the body, which goes on", body(function()
    local log, problem = {}, ValueError("x")
    assert.equal(problem, raised(ValueError, async.with, manager(log, "a"), function() error(problem) end))
    assert.same({ "enter a", "exit a ValueError: x" }, log)
    assert.same({ false, "text" }, { pcall(async.with, manager(log, "b"), function() error("text", 0) end) })
    assert.equal("exit b text", log[4])
  end))

  it("tells an error that is nil from none", body(function()
    local seen
    local ok, err = pcall(async.with, setmetatable({}, {
      __aenter = function() end,
      __aexit = function(_, problem) seen = problem end,
    }), function() error(nil) end)
    assert.is_false(ok)
    assert.is_nil(err)
    assert.is_true(async.isinstance(seen, async.Error))
  end))

  it("swallows the error when leaving returns true, and nothing else is lost", body(function()
    local log = {}
    assert.equal(0, select("#", async.with(manager(log, "a", true), function() error(ValueError("x")) end)))
    assert.equal("kept", async.with(manager(log, "a", true), function() return "kept" end))
  end))

  it("nests, and leaves in the opposite order", body(function()
    local log = {}
    raised(ValueError, async.with, manager(log, "outer"), function()
      async.with(manager(log, "inner"), function() error(ValueError("x")) end)
    end)
    assert.same({ "enter outer", "enter inner", "exit inner ValueError: x", "exit outer ValueError: x" }, log)
  end))

  it("leaves when cancelled, where it may wait", body(function()
    local log = {}
    local task = async.create_task(function()
      async.with(manager(log, "a"), function() await(async.sleep(10)) end)
    end)
    turns(3)
    task:cancel()
    raised(CancelledError, await, task)
    assert.same({ "enter a", "exit a CancelledError" }, log)
  end))

  it("does not leave what it could not enter", body(function()
    local log = {}
    raised(ValueError, async.with, setmetatable({}, {
      __aenter = function() error(ValueError("no entry")) end,
      __aexit = function() log[1] = "left" end,
    }), function() log[2] = "body" end)
    assert.same({}, log)
  end))

  it("raises the error of leaving instead of the body's", body(function()
    raised(async.TypeError, async.with, setmetatable({}, {
      __aenter = function() end,
      __aexit = function() error(async.TypeError("leaving")) end,
    }), function() error(ValueError("body")) end)
  end))

  it("awaits an async function as its body", body(function()
    assert.equal("slept a", async.with(manager({}, "a"), async(function(name)
      await(async.sleep(1))
      return "slept " .. name
    end)))
  end))

  it("takes context managers and functions only", body(function()
    raised(async.TypeError, async.with, {}, function() end)
    raised(async.TypeError, async.with, nil, function() end)
    raised(async.TypeError, async.with, async.timeout(1), "body")
  end))

  it("can be swept by cancellations", function()
    sweep(function()
      local entered, left = 0, 0
      local counter = setmetatable({}, {
        __aenter = function()
          await(async.sleep(1))
          entered = entered + 1
        end,
        __aexit = function()
          left = left + 1
          await(async.sleep(1))
        end,
      })
      pcall(async.with, counter, function() await(async.sleep(1)) end)
      assert(entered == left, "left as often as entered")
    end, 3)
  end)
end)

describe("contextmanager", function()
  local function logging(log)
    return async.contextmanager(function(yield, name)
      turns()
      log[#log + 1] = "before " .. name
      async.try(function() yield(name) end, { finally = function()
        turns()
        log[#log + 1] = "after " .. name
      end })
    end)
  end

  it("runs what is before yield on entering, the rest on leaving", body(function()
    local log = {}
    local opened = logging(log)
    assert.equal("a!", async.with(opened("a"), function(value)
      log[#log + 1] = "body"
      return value .. "!"
    end))
    assert.equal("b!", async.with(opened("b"), function(value) return value .. "!" end))
    assert.same({ "before a", "body", "after a", "before b", "after b" }, log)
  end))

  it("raises the body's error from yield", body(function()
    local log, problem = {}, ValueError("x")
    local opened = logging(log)
    assert.equal(problem, raised(ValueError, async.with, opened("a"), function() error(problem) end))
    assert.same({ "before a", "after a" }, log)
    assert.same({ false, "text" }, { pcall(async.with, opened("a"), function() error("text", 0) end) })
  end))

  it("swallows the body's error by catching it", body(function()
    local caught
    local swallow = async.contextmanager(function(yield) caught = select(2, pcall(yield)) end)
    assert.is_nil(async.with(swallow(), function() error(ValueError("x")) end))
    assert.equal("x", caught.message)
  end))

  it("may raise another error instead", body(function()
    local translate = async.contextmanager(function(yield)
      local ok, err = pcall(yield)
      if not ok then error(async.TypeError("translated", err)) end
    end)
    assert.equal("x", raised(async.TypeError, async.with, translate(), function()
      error(ValueError("x"))
    end).cause.message)
  end))

  it("leaves when cancelled", body(function()
    local log = {}
    local opened = logging(log)
    local task = async.create_task(function()
      async.with(opened("a"), function() await(async.sleep(10)) end)
    end)
    turns(3)
    task:cancel()
    raised(CancelledError, await, task)
    assert.same({ "before a", "after a" }, log)
  end))

  it("takes an async function", body(function()
    local log = {}
    local managed = async.contextmanager(async(function(yield, name)
      turns()
      yield(name)
      log[#log + 1] = "left " .. name
    end))
    assert.equal("a", async.with(managed("a"), function(value) return value end))
    assert.same({ "left a" }, log)
  end))

  it("must yield, and once", body(function()
    raised(async.RuntimeError, async.with, async.contextmanager(function() end)(), function() end)
    raised(async.RuntimeError, async.with, async.contextmanager(function(yield)
      yield()
      yield()
    end)(), function() end)
    raised(ValueError, async.with, async.contextmanager(function() error(ValueError("early")) end)(), print)
    raised(async.TypeError, async.contextmanager, 42)
  end))
end)

describe("closing", function()
  it("gives the object and closes it, whatever happens", body(function()
    local count = 0
    local object = { close = function() count = count + 1 end }
    assert.equal(object, async.with(async.closing(object), function(value) return value end))
    raised(ValueError, async.with, async.closing(object), function() error(ValueError("x")) end)
    assert.equal(2, count)
  end))

  it("awaits what close() returns, if that can be awaited", body(function()
    local log = {}
    local object = { close = async(function()
      await(async.sleep(1))
      log[1] = "closed"
    end) }
    async.with(async.closing(object), function() end)
    assert.same({ "closed" }, log)
  end))
end)
