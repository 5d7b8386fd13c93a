-- waiting: wait, as_completed and shield.

local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local loops = require "lacuna.async.loops"
local options_module = require "lacuna.kernel.options"
local queues = require "lacuna.async.queues"
local task_module = require "lacuna.kernel.task"
local trap = require "lacuna.kernel.trap"

local waiting = {}

local conditions = { ALL_COMPLETED = true, FIRST_COMPLETED = true, FIRST_EXCEPTION = true }

local function check_list(list, name)
  if type(list) ~= "table" or getmetatable(list) ~= nil then
    error(errors.TypeError(("%s: a list of awaitables is expected, got %s"):format(name, tostring(list))), 3)
  end
end

local function has_failed(fut)
  return not fut:cancelled() and fut:done() and fut[2] ~= nil and fut:exception() ~= nil
end

-- The distinct futures of a list, in the order given; anything that is no future becomes a task.
local function distinct_futures(list, loop, name)
  local futures, seen = {}, {}
  for i = 1, #list do
    local awaitable = list[i]
    if not seen[awaitable] then
      local kind = type(awaitable)
      if kind == "table" or kind == "userdata" then seen[awaitable] = true end -- a function is run as often as given
      futures[#futures + 1] = task_module.ensure_future(loop, awaitable, name)
    end
  end
  return futures
end

local function wait_until(futures, timeout, return_when)
  local loop = trap.current():get_loop()
  local waiter = loop:create_future()
  waiter.what, waiter.children = "wait", futures
  local handle
  if timeout then
    handle = loop:call_later(timeout, function()
      if not waiter:done() then waiter:set_result() end
    end)
  end
  local left = #futures
  local function on_done(fut)
    left = left - 1
    if left <= 0 or return_when == "FIRST_COMPLETED" or return_when == "FIRST_EXCEPTION" and has_failed(fut) then
      if handle then handle:cancel() end
      if not waiter:done() then waiter:set_result() end
    end
  end
  for i = 1, #futures do futures[i]:add_done_callback(on_done) end
  local ok, err = pcall(trap.await, waiter)
  if handle then handle:cancel() end
  for i = 1, #futures do futures[i]:remove_done_callback(on_done) end
  if not ok then error(err, 0) end
  local done, pending = {}, {}
  for i = 1, #futures do
    local side = futures[i]:done() and done or pending
    side[#side + 1] = futures[i]
  end
  return done, pending
end

--- Waits until all, or the first, of many are done, or a time has passed; nothing is cancelled.
--- Errors, when awaited: ValueError for an empty list or an unknown return_when, TypeError for what is no list.
--- Source: asyncio.wait.
---@param list any[] awaitables; anything but a Task or a Future becomes a new Task
---@param options? {timeout?: number, return_when?: "ALL_COMPLETED"|"FIRST_COMPLETED"|"FIRST_EXCEPTION"}
---@return lacuna.Coroutine of two lists in the order given: done, pending
function waiting.wait(list, options)
  if coroutines.iscoroutine(list) then check_list(list, "wait") end -- of several that should be one list
  local given = options_module.check("wait", options, { timeout = "number", return_when = "any" })
  return coroutines.named("wait", function()
    check_list(list, "wait")
    local return_when = given.return_when or "ALL_COMPLETED"
    if #list == 0 then error(errors.ValueError("Set of Tasks/Futures is empty."), 0) end
    if not conditions[return_when] then
      error(errors.ValueError("Invalid return_when value: " .. tostring(return_when)), 0)
    end
    local futures = distinct_futures(list, trap.current():get_loop(), "wait")
    return wait_until(futures, given.timeout, return_when)
  end)
end

-- A queue into which each future goes when it is done; once the time is up, nil for each one that is not.
local function queue_of_finished(futures, timeout, loop)
  local finished, left = queues.Queue(), #futures
  local handle
  local function on_done(fut)
    if left == 0 then return end -- the time was up first
    left = left - 1
    finished:put_nowait(fut)
    if left == 0 and handle then handle:cancel() end
  end
  for i = 1, #futures do futures[i]:add_done_callback(on_done) end
  if left > 0 and timeout then
    handle = loop:call_later(timeout, function()
      for i = 1, #futures do futures[i]:remove_done_callback(on_done) end
      for _ = 1, left do finished:put_nowait(nil) end
      left = 0
    end)
  end
  return finished
end

--- Iterates over awaitables in order of completion: each one yielded waits for the next that is done and gives its
--- result or raises its error. They are started, and the time begins, with the first iteration.
--- Errors: TypeError for what is no list and for unknown options; an awaitable raises TimeoutError once the time is up.
--- Source: asyncio.as_completed.
---@param list any[]
---@param options? {timeout?: number} seconds for all together
---@return fun(): lacuna.Coroutine?
function waiting.as_completed(list, options)
  check_list(list, "as_completed")
  local timeout = options_module.check("as_completed", options, { timeout = "number" }).timeout
  local finished, left
  local function take()
    local fut = trap.await(finished:get())
    if not fut then error(errors.quiet(errors.TimeoutError), 0) end
    return fut:result()
  end
  return function()
    if not finished then
      local loop = loops.current()
      local futures = distinct_futures(list, loop, "as_completed")
      finished, left = queue_of_finished(futures, timeout, loop), #futures
    end
    if left == 0 then return nil end
    left = left - 1
    return coroutines.named("as_completed", take)
  end
end

--- Lets an awaitable go on when the task that waits for it is cancelled.
--- Source: asyncio.shield.
---@param awaitable any starts at the call
---@return lacuna.Future
function waiting.shield(awaitable)
  local inner = task_module.ensure_future(loops.current(), awaitable, "shield")
  if inner:done() then return inner end
  local outer = future.new(inner:get_loop())
  outer.what, outer.children = "shield", { inner }
  local function on_inner_done()
    if outer:cancelled() then
      inner.is_unretrieved = nil
    elseif inner:cancelled() then
      outer:cancel()
    else
      local err = inner:exception()
      if err then
        outer.stack = inner.stack
        future.fail(outer, err)
      else
        future.complete(outer, inner:result())
      end
    end
  end
  inner:add_done_callback(on_inner_done)
  outer:add_done_callback(function()
    if not inner:done() then inner:remove_done_callback(on_inner_done) end
  end)
  return outer
end

return waiting
