-- arguments: what is wrong with an argument or an option is said by a TypeError or a ValueError that names it; a
-- misspelt option is never just ignored.
local async = require "lacuna"
local virtual = require "spec.support.virtual"

local await = async.await
local body, raised = virtual.body, virtual.raised
local TypeError, ValueError = async.TypeError, async.ValueError

local NAN = 0 / 0

local function nap()
  return async.sleep(0, "slept")
end

-- what -> a call with the wrong argument
local wrong_types = {
  ["run: a table of options expected"] = function() async.run(nap(), 5) end,
  ["run: unknown option debgu"] = function() async.run(nap(), { debgu = true }) end,
  ["create_task: a table of options expected"] = function() async.create_task(nap(), "name") end,
  ["create_task: unknown option nmae"] = function() async.create_task(nap(), { nmae = "x" }) end,
  ["all_tasks: loop or nil expected, got 5"] = function() async.all_tasks(5) end,
  ["gather: unknown option return_exception (there is return_exceptions)"] = function()
    async.gather(nap(), { return_exception = true })
  end,
  ["gather: unknown option return_errors"] = function() async.gather { nap(), return_errors = true } end,
  ["gather: a coroutine was expected, got nan"] = function() async.gather(nap(), NAN) end,
  ["wait: unknown option timout"] = function() async.wait({ nap() }, { timout = 1 }) end,
  ["wait: option timeout: number expected, got string"] = function() async.wait({ nap() }, { timeout = "1" }) end,
  ["wait: a table of options expected, got number"] = function() async.wait({ nap() }, 1) end,
  ["wait: a coroutine was expected, got nan"] = function() await(async.wait { NAN }) end,
  ["wait: a coroutine was expected, got nil"] = function() await(async.wait { nil, nap() }) end,
  ["as_completed: unknown option timout"] = function() async.as_completed({ nap() }, { timout = 1 }) end,
  ["wait_for: unknown option seconds"] = function() async.wait_for(nap(), { seconds = 1 }) end,
  ["new_event_loop: unknown option clocks"] = function() async.new_event_loop { clocks = "virtual" } end,
  ["Queue: unknown option max_size"] = function() async.Queue { max_size = 1 } end,
  ["Semaphore: unknown option count"] = function() async.Semaphore { count = 1 } end,
  ["Barrier: unknown option n"] = function() async.Barrier { n = 1 } end,
  ["notify: unknown option count"] = function() async.Condition():notify { count = 1 } end,
  ["try: a table of handlers expected, got 5"] = function() async.try(function() end, 5) end,
  ["try: handlers are for classes of errors and finally, not for finaly"] = function()
    async.try(function() end, { finaly = print })
  end,
  ["try: ValueError: function expected, got string"] = function()
    async.try(function() end, { [ValueError] = "handler" })
  end,
  ["with: not a context manager: <coroutine object sleep"] = function() async.with(nap(), print) end,
  ['timeout: seconds must be a number or nil, got "3"'] = function() async.timeout("3") end,
  ['Semaphore: value must be an integer, got "5"'] = function() async.Semaphore("5") end,
  ['gather: a coroutine was expected, got "slept"'] = function() async.gather("slept") end,
  ["wait: a list of awaitables is expected, got <coroutine object sleep"] = function() async.wait(nap(), nap()) end,
  ["as_completed: unknown option timeot (there is timeout)"] = function() async.as_completed({}, { timeot = 1 }) end,
  ["write group:create_task(…), with a colon"] = function() async.TaskGroup().create_task(nap()) end,
  ["write loop:create_task(…), with a colon"] = function() async.get_running_loop().create_task(nap()) end,
  ["write loop:run_until_complete(…), with a colon"] = function() async.new_event_loop().run_until_complete(nap()) end,
  ["ThreadPoolExecutor: unknown option workers (there is initargs, initializer, max_workers)"] = function()
    async.ThreadPoolExecutor { workers = 3 }
  end,
  ["closing: an object with close() expected, got nil"] = function() async.closing(nil) end,
  ["run_in_executor: an executor or nil expected, got 5"] = function()
    async.get_running_loop():run_in_executor(5, function() end)
  end,
}

local wrong_values = {
  ["sleep: seconds is not a number (NaN)"] = function() async.sleep(NAN) end,
  ["timeout: seconds is not a number (NaN)"] = function() async.timeout(NAN) end,
  ["timeout_at: seconds is not a number (NaN)"] = function() async.timeout_at(NAN) end,
  ["wait_for: seconds is not a number (NaN)"] = function() async.wait_for(nap(), NAN) end,
  ["call_at: when is not a number (NaN)"] = function() async.get_running_loop():call_later(NAN, print) end,
}

describe("a wrong argument", function()
  for message, call in pairs(wrong_types) do
    it("is a TypeError: " .. message, function()
      local err = raised(TypeError, virtual.run, call)
      assert.equal(message, err.message:sub(1, #message))
    end)
  end

  for message, call in pairs(wrong_values) do
    it("is a ValueError: " .. message, function()
      assert.equal(message, raised(ValueError, virtual.run, call).message)
    end)
  end

  it("leaves the options out, empty or nil", body(function()
    assert.same({ n = 1, "slept" }, await(async.gather({ nap() }, {})))
    assert.same({ n = 1, "slept" }, await(async.gather({ nap() }, nil)))
    assert.same({ n = 2, "slept", "slept" }, await(async.gather(nap(), nap(), {})))
    assert.equal("slept", await(async.wait_for(nap(), {})))
  end))

  it("of cancel is its text", body(function()
    local task = async.create_task(async.sleep(1))
    task:cancel { "why" }
    assert.matches("^table: ", select(2, pcall(await, task)).message)
    local future = async.Future()
    future:cancel(false)
    assert.equal("CancelledError: false", tostring(select(2, pcall(await, future))))
  end))
end)
