-- doc: the docstrings that the command carries, and how a name is looked up in them.
local async = require "lacuna"
local doc = require "lacuna.cli.doc"
local docstrings = require "lacuna.cli.docstrings"
local tree = require "spec.support.tree"

-- The core as it is promised to users.
local core = {
  "async", "await", "run", "create_task", "current_task", "all_tasks", "iscoroutine", "isfuture",
  "iscoroutinefunction", "coroutine_state", "Future", "with", "try", "contextmanager", "closing", "pcall", "sleep",
  "gather", "TaskGroup", "wait", "as_completed", "wait_for", "timeout", "timeout_at", "shield", "Lock", "Event",
  "Condition", "Semaphore", "BoundedSemaphore", "Barrier", "Queue", "LifoQueue", "PriorityQueue", "BaseError",
  "Error", "CancelledError", "TimeoutError", "InvalidStateError", "RuntimeError", "TypeError", "ValueError", "OSError",
  "ConnectionError", "ConnectionRefusedError", "ConnectionResetError", "QueueEmpty", "QueueFull",
  "BrokenBarrierError", "BrokenExecutor", "TimeLimitError", "MemoryError", "ExceptionGroup", "isinstance", "split",
  "get_running_loop",
  "get_event_loop", "new_event_loop", "set_event_loop", "to_thread", "ThreadPoolExecutor", "ProcessPoolExecutor",
  "fetch", "input",
}

local methods = {
  Task = "done result exception cancel cancelled cancelling uncancel get_name set_name add_done_callback "
    .. "remove_done_callback get_coro get_stack print_stack",
  Future = "set_result set_exception done result exception cancel cancelled add_done_callback remove_done_callback",
  TaskGroup = "create_task",
  Timeout = "when reschedule expired",
  Lock = "acquire release locked",
  Event = "wait set clear is_set",
  Condition = "acquire release locked wait wait_for notify notify_all",
  Semaphore = "acquire release locked",
  BoundedSemaphore = "acquire release locked",
  Barrier = "wait abort reset",
  Queue = "put get join put_nowait get_nowait task_done qsize empty full",
  PriorityQueue = "put get",
  Loop = "time run_until_complete run_forever stop close is_running is_closed call_soon call_later call_at "
    .. "call_soon_threadsafe create_task create_future add_signal_handler remove_signal_handler run_in_executor "
    .. "set_exception_handler set_debug get_debug",
  Handle = "cancel cancelled when",
  Executor = "submit map shutdown",
  ClientSession = "get post put patch delete head options request close",
  Response = "text json read raise_for_status close",
}

describe("lacuna.cli.doc", function()
  describe("has a docstring for", function()
    for _, name in ipairs(core) do
      if async[name] ~= nil then
        it("async." .. name, function()
          local text = doc.lookup("async." .. name)
          assert.is_truthy(text)
          assert.is_truthy(text:find("\n[%u_%l]+[ (]"), "a sentence below the signature: " .. text)
        end)
      end
    end

    for _, path in ipairs(tree.files("lua/lacuna", ".lua")) do
      local battery = path:match("^lua/lacuna/([%w_]+)%.lua$") or path:match("^lua/lacuna/([%w_]+)/init%.lua$")
      if battery and battery ~= "init" then
        it("every function of lacuna." .. battery, function()
          local module, bare = require("lacuna." .. battery), {}
          for name, value in pairs(type(module) == "table" and module or {}) do
            if type(value) == "function" and not doc.lookup(battery .. "." .. name) then bare[#bare + 1] = name end
          end
          assert.same({}, bare)
          assert.is_truthy(doc.lookup(battery))
        end)
      end
    end

    for class, list in pairs(methods) do
      it("the methods of " .. class, function()
        for name in list:gmatch("%S+") do
          assert.is_truthy(doc.lookup(class .. "." .. name), class .. "." .. name)
        end
      end)
    end
  end)

  local function first_line(name)
    local text = doc.lookup(name)
    return text and text:match("^[^\n]*")
  end

  it("finds a name however it is written", function()
    assert.equal("async.gather(...)", first_line("async.gather"))
    assert.equal("async.gather(...)", first_line("gather"))
    assert.equal("async.gather(...)", first_line("lacuna.gather"))
    assert.equal("async.gather(...)", first_line("gather()"))
    assert.equal("Task:cancel(message)", first_line("Task.cancel"))
    assert.equal("Task:cancel(message)", first_line("task:cancel"))
    assert.equal("Queue:put(item)", first_line("queue:put(item)"))
    assert.equal("Queue:get()", first_line("work_queue.get"))
    assert.equal("http.get(url, opts)", first_line("http.get"))
    assert.equal("Session:get(address, opts)", first_line("session.get"))
    assert.equal("http.ClientSession(opts)", first_line("ClientSession"))
    assert.equal("json.decode(text)", first_line("lacuna.json.decode"))
    assert.equal("inspect(value, options)", first_line("inspect"))
  end)

  it("finds what a class has from its parent", function()
    assert.equal("Future:done()", first_line("task.done"))
    assert.equal("Semaphore:acquire()", first_line("BoundedSemaphore.acquire"))
  end)

  it("finds methods that other files add to a class", function()
    assert.equal("Loop:run_in_executor(executor, fn, ...)", first_line("loop:run_in_executor"))
    assert.equal("Loop:add_signal_handler(name, fn, ...)", first_line("loop.add_signal_handler"))
    assert.equal("Loop:call_soon_threadsafe(fn, ...)", first_line("loop.call_soon_threadsafe"))
  end)

  it("lists the methods of a class, and of what makes its objects", function()
    assert.truthy(doc.lookup("Lock"):find("methods: acquire, locked, release$"))
    assert.truthy(doc.lookup("async.Queue"):find("methods: empty, full, get,", 1, true))
    assert.truthy(doc.lookup("Task"):find("^class Task\na Future\n"))
  end)

  it("says parameters and results in words", function()
    assert.equal([[
Task:cancel(message)
Asks the task to end: CancelledError is raised at its present or next await, once. A task that has not started never
runs. What the task waits for is cancelled with it.
Source: asyncio.Task.cancel.
  message? any its text is the message of the CancelledError
  returns boolean asked false if it was done already]], doc.lookup("Task.cancel"))
  end)

  it("has nothing for what there is not", function()
    for _, name in ipairs {"nonsense", "async.nonsense", "Task.nonsense", "x.y", "", "async.wrap", "kernel.trap"} do
      assert.is_nil(doc.lookup(name), name)
    end
  end)

  it("lists every name, sorted", function()
    local names, seen = doc.names(), {}
    for i, name in ipairs(names) do
      seen[name] = true
      assert.is_true(i == 1 or names[i - 1] < name)
      assert.is_truthy(doc.lookup(name), name)
    end
    assert.is_true(seen["async.gather"] and seen["Queue.put"] and seen["json"])
  end)

  it("tells what a call gives", function()
    assert.equal("lacuna.Coroutine", doc.return_type("async.sleep"))
    assert.equal("lacuna.Coroutine", doc.return_type("Queue.put"))
    assert.equal("lacuna.Coroutine", doc.return_type("BoundedSemaphore.acquire"))
    assert.equal("lacuna.Lock", doc.return_type("async.Lock"))
    assert.equal("lacuna.Task", doc.return_type("async.create_task"))
    assert.is_nil(doc.return_type("Event.set"))
    assert.is_nil(doc.return_type("nonsense.x"))
  end)
end)

describe("lacuna.cli.docstrings", function()
  local index = docstrings.index {
    ["lacuna.shapes"] = [[
-- shapes: what can be drawn.
-- Two lines.

local square = require "lacuna.shapes.square"
local errors = require "lacuna.shapes.errors"

---@class lacuna.Shape
---@field area number
local Shape = {}

--- Draws it.
---@param where string
---@return lacuna.Coroutine
function Shape:draw(where) end

-- No docstring.
function Shape:hidden() end

local function private() end

local shapes = {
  square = square,
  corner = require("lacuna.shapes.corners").corner,
  --- How many there are.
  count = 4,
}
for name, class in pairs(errors) do
  if name ~= "quiet" then shapes[name] = class end
end

--- A circle.
---@param radius number
function shapes.circle(radius) end

--- One of several.
---@return number
for _, name in ipairs { "pentagon", "hexagon" } do
  Shape[name] = function(self, size)
  end
end

---@class lacuna.shapes.Options nothing but fields
---@field fill? string

return shapes
]],
    ["lacuna.shapes.square"] = [[
-- square
--- Four sides.
local function square(side) end
return square
]],
    ["lacuna.shapes.corners"] = [[
-- corners
local corners = {}
--- A corner.
function corners.corner(n) end
return corners
]],
    ["lacuna.shapes.errors"] = [[
-- errors
local errors = {
  --- It does not fit.
  SizeError = Error:subclass("SizeError"),
  Quiet = Error:subclass("Quiet"),
}
--- Not for shapes.
function errors.quiet() end
return errors
]],
  }

  it("reads functions, methods, fields, classes, rows of tables, and error classes", function()
    assert.same({
      ["Shape"] = "class Shape\n@class lacuna.Shape\n@field area number",
      ["Shape.draw"] = "Shape:draw(where)\nDraws it.\n@param where string\n@return lacuna.Coroutine",
      ["Shape.pentagon"] = "Shape:pentagon(size)\nOne of several.\n@return number",
      ["Shape.hexagon"] = "Shape:hexagon(size)\nOne of several.\n@return number",
      ["shapes"] = "shapes: what can be drawn.\nTwo lines.",
      ["shapes.circle"] = "shapes.circle(radius)\nA circle.\n@param radius number",
      ["shapes.corner"] = "shapes.corner(n)\nA corner.",
      ["shapes.count"] = "shapes.count\nHow many there are.",
      ["shapes.square"] = "shapes.square(side)\nFour sides.",
      ["shapes.SizeError"] = "shapes.SizeError(message, cause): Error\nIt does not fit.",
      ["shapes.Quiet"] = "shapes.Quiet(message, cause): Error",
      ["shapes.Options"] = "class shapes.Options\n@class lacuna.shapes.Options nothing but fields\n@field fill? string",
    }, index)
  end)
end)
