-- errors: classes, objects, groups, and how values that are no error objects travel.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, raised = virtual.body, virtual.raised
local Error, ExceptionGroup = async.Error, async.ExceptionGroup
local ValueError, TypeError = async.ValueError, async.TypeError

describe("an error class", function()
  it("stands where it stands in Python", function()
    local parents = {
      CancelledError = "BaseError", Error = "BaseError", TimeoutError = "OSError", InvalidStateError = "Error",
      RuntimeError = "Error", TypeError = "Error", ValueError = "Error", OSError = "Error", ConnectionError = "OSError",
      ConnectionRefusedError = "ConnectionError", ConnectionResetError = "ConnectionError", QueueEmpty = "Error",
      QueueFull = "Error", BrokenBarrierError = "RuntimeError", BrokenExecutor = "RuntimeError",
      TimeLimitError = "RuntimeError", MemoryError = "Error",
      ExceptionGroup = "Error",
    }
    for name, parent in pairs(parents) do
      assert.equal(name, tostring(async[name]))
      assert.equal(async[parent], async[name].subclass_of)
    end
    assert.is_false(async.isinstance(async.CancelledError(), Error))
    assert.is_true(async.isinstance(async.TimeoutError(), async.OSError))
  end)

  it("is made below another and called to make objects", function()
    local HttpError = Error:subclass("HttpError")
    local NotFound = HttpError:subclass("NotFound")
    local err = NotFound("no such page")
    assert.equal("NotFound", err.name)
    assert.equal("NotFound: no such page", tostring(err))
    assert.is_true(async.isinstance(err, NotFound))
    assert.is_true(async.isinstance(err, HttpError))
    assert.is_true(async.isinstance(err, Error))
    assert.is_false(async.isinstance(HttpError("x"), NotFound))
    raised(TypeError, Error.subclass, Error, nil)
  end)

  it("hands methods and fields down to its objects", function()
    local StatusError = Error:subclass("StatusError")
    StatusError.is_retryable = true
    function StatusError:shout() return self.message:upper() end
    local ServerError = StatusError:subclass("ServerError")
    assert.equal("OOPS", ServerError("oops"):shout())
    assert.is_true(ServerError().is_retryable)
  end)
end)

describe("an error object", function()
  it("has a message, a name, a cause and a text", function()
    local cause = ValueError("inner")
    local err = TypeError("outer", cause)
    assert.equal("outer", err.message)
    assert.equal("TypeError", err.name)
    assert.equal(cause, err.cause)
    assert.equal("TypeError: outer", tostring(err))
    assert.equal("", ValueError().message)
    assert.equal("ValueError", tostring(ValueError()))
    assert.is_nil(ValueError("x").cause)
    assert.equal("42", ValueError(42).message)
  end)

  it("joins with text by its message", function()
    assert.equal("error: bad", "error: " .. ValueError("bad"))
    assert.equal("bad!", ValueError("bad") .. "!")
    assert.equal("ab", ValueError("a") .. ValueError("b"))
    assert.equal("n7", ValueError("n") .. 7)
  end)

  it("remembers where it was made through being raised again", body(function()
    local function make() return ValueError("x") end
    local err = make()
    local trace = err.traceback
    assert.truthy(trace:find("errors_spec.lua", 1, true))
    local ok, caught = pcall(function()
      local _, first = pcall(error, err)
      error(first, 0)
    end)
    assert.is_false(ok)
    assert.equal(err, caught)
    assert.equal(trace, caught.traceback)
  end))

  it("gets the tasks that waited for it into its traceback", body(function()
    local failing = async.create_task(function() error(ValueError("x")) end, { name = "failing" })
    local waiting = async.create_task(function() await(failing) end, { name = "waiting" })
    local err = raised(ValueError, await, waiting)
    assert.truthy(err.traceback:find("awaited by task .waiting."))
  end))
end)

describe("isinstance", function()
  it("takes a class or a list of classes", function()
    assert.is_true(async.isinstance(ValueError(), { TypeError, ValueError }))
    assert.is_false(async.isinstance(ValueError(), { TypeError }))
    assert.is_false(async.isinstance(ValueError(), {}))
  end)

  it("is false for any value that is no error object", function()
    for _, value in ipairs { "ValueError", 42, {}, true, print, setmetatable({}, {}), ValueError } do
      assert.is_false(async.isinstance(value, async.BaseError))
    end
    assert.is_false(async.isinstance(nil, async.BaseError))
  end)

  it("raises TypeError for what is no class", function()
    raised(TypeError, async.isinstance, ValueError(), "ValueError")
    raised(TypeError, async.isinstance, ValueError(), nil)
  end)
end)

describe("an exception group", function()
  it("holds errors, foreign values wrapped", function()
    local a = ValueError("a")
    local group = ExceptionGroup("several", { a, "text" })
    assert.equal("several", group.message)
    assert.equal(a, group.errors[1])
    assert.equal("text", group.errors[2].value)
    assert.is_true(async.isinstance(group, Error))
  end)

  it("needs at least one error", function()
    raised(ValueError, ExceptionGroup, "none", {})
    raised(ValueError, ExceptionGroup, "none")
  end)

  it("does not keep the caller's list", function()
    local list = { ValueError("a") }
    local group = ExceptionGroup("g", list)
    list[2] = ValueError("b")
    assert.equal(1, #group.errors)
  end)
end)

describe("split", function()
  local function messages(err)
    if not err then return nil end
    if not err.errors then return err.message end
    local list = {}
    for i, inner in ipairs(err.errors) do list[i] = messages(inner) end
    return list
  end

  it("has classes of its own kinds below it, made and split as it is", function()
    local Several = ExceptionGroup:subclass("Several")
    local group = Several("s", { ValueError("v"), TypeError("t") })
    assert.equal(2, #group.errors)
    local matched, rest = async.split(group, ValueError)
    assert.is_true(async.isinstance(matched, Several))
    assert.equal("TypeError: t", tostring(rest.errors[1]))
    raised(ValueError, Several, "none", {})
  end)

  it("parts a group by class and keeps its message", function()
    local group = ExceptionGroup("g", { ValueError("v"), TypeError("t"), ValueError("w") })
    local matched, rest = async.split(group, ValueError)
    assert.same({ "v", "w" }, messages(matched))
    assert.same({ "t" }, messages(rest))
    assert.equal("g", matched.message)
    assert.equal("g", rest.message)
  end)

  it("keeps nesting and drops what is empty", function()
    local group = ExceptionGroup("g", { ExceptionGroup("inner", { ValueError("v"), TypeError("t") }), TypeError("u") })
    local matched, rest = async.split(group, ValueError)
    assert.same({ { "v" } }, messages(matched))
    assert.same({ { "t" }, "u" }, messages(rest))
    assert.equal("inner", matched.errors[1].message)
    matched, rest = async.split(group, async.QueueFull)
    assert.is_nil(matched)
    assert.same({ { "v", "t" }, "u" }, messages(rest))
    matched, rest = async.split(group, { ValueError, TypeError })
    assert.same({ { "v", "t" }, "u" }, messages(matched))
    assert.is_nil(rest)
  end)

  it("takes the whole group when the group itself matches", function()
    local group = ExceptionGroup("g", { ValueError("v") })
    local matched, rest = async.split(group, Error)
    assert.equal(group, matched)
    assert.is_nil(rest)
  end)

  it("treats anything else as a leaf", function()
    local err = ValueError("v")
    assert.same({ err }, { async.split(err, ValueError) })
    local matched, rest = async.split(err, TypeError)
    assert.is_nil(matched)
    assert.equal(err, rest)
    assert.equal("text", async.split("text", Error).value)
  end)
end)

describe("try", function()
  it("gives all values of the body", body(function()
    assert.same({ 1, nil, 3 }, { async.try(function() return 1, nil, 3 end, {}) })
    assert.equal(1, (async.try(function() return 1 end)))
  end))

  it("calls the handler of the most specific class with the error", body(function()
    local problem = async.ConnectionRefusedError("x")
    local function choose(handlers)
      return async.try(function() error(problem) end, handlers)
    end
    local function named(name)
      return function(err)
        assert.equal(problem, err)
        return name, err.message
      end
    end
    assert.same({ "connection", "x" }, { choose {
      [Error] = named "error", [async.ConnectionError] = named "connection", [async.OSError] = named "os",
    } })
    assert.same({ "base", "x" }, { choose { [async.BaseError] = named "base", [ValueError] = named "value" } })
  end))

  it("awaits async functions as body, handler and finally", body(function()
    local log = {}
    local function note(word, value)
      return async(function()
        virtual.turns()
        log[#log + 1] = word
        if value then error(value) end
        return word
      end)
    end
    assert.equal("handler", async.try(note("body", ValueError("x")), {
      [ValueError] = note "handler", finally = note "finally",
    }))
    assert.same({ "body", "handler", "finally" }, log)
  end))

  it("raises what no handler takes, unchanged", body(function()
    local problem = ValueError("x")
    assert.equal(problem, raised(ValueError, async.try, function() error(problem) end, { [TypeError] = print }))
    assert.same({ false, "text" }, { pcall(async.try, function() error("text", 0) end, { [TypeError] = print }) })
    assert.same({ false, "text" }, { pcall(async.try, function() error("text", 0) end) })
  end))

  it("gives foreign values to a handler of Error, wrapped", body(function()
    for _, value in ipairs { "text", 42, false } do
      assert.equal(value, async.try(function() error(value, 0) end, { [Error] = function(err) return err.value end }))
    end
    assert.is_true(async.try(function() error(nil) end, { [Error] = function(err) return err.value == nil end }))
    local own = {}
    assert.same({ false, own }, { pcall(async.try, function() error(own) end, { [ValueError] = print }) })
  end))

  it("leaves a cancellation to a handler for it", body(function()
    local seen = {}
    local task = async.create_task(function()
      async.try(function() await(async.sleep(10)) end, { [Error] = function() seen[1] = "Error" end })
    end)
    virtual.turns()
    task:cancel()
    raised(async.CancelledError, await, task)
    assert.same({}, seen)
    task = async.create_task(function()
      return async.try(function() await(async.sleep(10)) end, {
        [Error] = function() return "Error" end,
        [async.CancelledError] = function(err) return "cancelled " .. err end,
      })
    end)
    virtual.turns()
    task:cancel("why")
    assert.equal("cancelled why", await(task))
  end))

  it("runs finally whatever happens, where it may wait, and keeps the outcome", body(function()
    local log = {}
    local function finally()
      await(async.sleep(1))
      log[#log + 1] = "finally"
    end
    assert.same({ 1, nil, 3 }, { async.try(function() return 1, nil, 3 end, { finally = finally }) })
    raised(ValueError, async.try, function() error(ValueError()) end, { finally = finally })
    assert.equal("handled", async.try(function() error(ValueError()) end, {
      [ValueError] = function() return "handled" end, finally = finally,
    }))
    raised(TypeError, async.try, function() error(ValueError()) end, {
      [ValueError] = function() error(TypeError()) end, finally = finally,
    })
    assert.same({ "finally", "finally", "finally", "finally" }, log)
  end))

  it("raises the error of finally instead", body(function()
    raised(TypeError, async.try, function() error(ValueError()) end, { finally = function() error(TypeError()) end })
    raised(TypeError, async.try, function() return 1 end, { finally = function() error(TypeError()) end })
  end))

  it("runs finally when cancelled, and again cancelled within it", body(function()
    local log = {}
    local task = async.create_task(function()
      async.try(function() await(async.sleep(10)) end, { finally = function()
        log[#log + 1] = "begins"
        await(async.sleep(1))
        log[#log + 1] = "ends"
      end })
    end)
    virtual.turns()
    task:cancel()
    raised(async.CancelledError, await, task)
    assert.same({ "begins", "ends" }, log)
  end))

  it("nests", body(function()
    assert.equal("outer inner", async.try(function()
      return async.try(function() error(ValueError("inner")) end, { [TypeError] = print })
    end, { [ValueError] = function(err) return "outer " .. err end }))
  end))

  it("takes functions only", body(function()
    raised(TypeError, async.try, 42, {})
  end))
end)

describe("async.pcall", function()
  it("is pcall for everything but a cancellation", body(function()
    assert.same({ true, 1, nil, 3 }, { async.pcall(function(...) return ... end, 1, nil, 3) })
    assert.same({ false, "text" }, { async.pcall(error, "text", 0) })
    assert.same({ true, "slept" }, { async.pcall(await, async.sleep(1, "slept")) })
    local problem = ValueError("x")
    assert.same({ false, problem }, { async.pcall(error, problem) })
    raised(async.CancelledError, async.pcall, error, async.CancelledError())
  end))
end)
