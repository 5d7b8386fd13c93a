-- gather: many awaitables as one future of the list of their results.

local await = require("lacuna.kernel.trap").await
local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local loops = require "lacuna.async.loops"
local new_table = require "table.new"
local options_module = require "lacuna.kernel.options"
local task_module = require "lacuna.kernel.task"

local STATE, RESULT, LOOP, PLACE = layout.STATE, layout.RESULT, layout.LOOP, layout.PLACE
local PENDING, RETURNED, RETURNED_MANY = layout.PENDING, layout.RETURNED, layout.RETURNED_MANY
local FAILED, CANCELLED = layout.FAILED, layout.CANCELLED

local iscoroutine, isfuture = coroutines.iscoroutine, future.isfuture
local type = type

local GatheringFuture = future.subclass("GatheringFuture")

--- Cancels every awaitable that is not done; the gathering future follows when they have ended.
---@param message? any
---@return boolean asked false if there was nothing to cancel
function GatheringFuture:cancel(message)
  if self[STATE] ~= PENDING then return false end
  message = future.cancel_message(message)
  local is_asked = false
  for i = 1, #self.children do
    if self.children[i]:cancel(message) then
      is_asked = true
      if i == #self.children then self.cancel_message = message end
    end
  end
  if is_asked then self.is_cancel_requested = true end
  return is_asked
end

local function first_result(fut)
  if fut[STATE] == RETURNED then return fut[RESULT] end
  return fut[RESULT][1]
end

-- The slot of a child that is done, as return_exceptions wants it.
local function outcome(fut)
  local state = fut[STATE]
  if state == CANCELLED then return future.cancelled_error(fut) end
  if state == FAILED then return fut:exception() end
  return first_result(fut)
end

local function collect(children)
  local count = #children
  local results = new_table(count, 1)
  results.n = count
  for i = 1, count do results[i] = outcome(children[i]) end
  return results
end

local function is_plain(value)
  return type(value) == "table" and getmetatable(value) == nil
end

local function check_options(options)
  return options_module.check("gather", options, { return_exceptions = "any", n = "any" })
end

-- The options in a list of awaitables, which may be long: the whole is looked at only if something follows the last.
local function options_in(list)
  local count = #list
  if next(list, count > 0 and count or nil) == nil then return list end
  local options = {}
  for name, value in pairs(list) do
    if type(name) ~= "number" then options[name] = value end
  end
  return check_options(options)
end

-- gather(a, b, {…}), gather(list, {…}) and gather{a, b, return_exceptions = true} as one list and its options.
local function read_arguments(...)
  local count, arguments = select("#", ...), { ... }
  local first, last = arguments[1], arguments[count]
  if is_plain(first) then
    if count == 1 then return first, #first, options_in(first) end
    if count == 2 and (last == nil or is_plain(last)) then return first, #first, check_options(last) end
  end
  if is_plain(last) and #last == 0 then
    arguments[count] = nil
    return arguments, count - 1, check_options(last)
  end
  return arguments, count, {}
end

-- The list is complete: results, or what the cancellation of the gathering future has come to.
local function finish(outer)
  local children = outer.children
  if not outer.is_cancel_requested then return future.complete(outer, collect(children)) end
  local last = children[#children] -- its message is the one that asyncio passes on
  local is_cancelled = last[STATE] == CANCELLED
  future.fail(outer, is_cancelled and future.cancelled_error(last)
    or errors.quiet(errors.CancelledError, outer.cancel_message))
  for i = 1, #children do children[i].is_unretrieved = nil end
end

--- Counts a child that is done, if all it does is to add to the list, and is not the last; kernel/future.lua calls it.
---@param child lacuna.Future
---@return boolean is_counted
function GatheringFuture:takes_note(child)
  local state = child[STATE]
  self.pending_count = self.pending_count - 1
  if self.pending_count == 0 or state ~= RETURNED and state ~= RETURNED_MANY then return false end
  self.uncounted = self.uncounted - 1
  return true
end

--- A child is done; kernel/trap.lua calls it.
---@param child lacuna.Future
function GatheringFuture:run(child)
  self.uncounted = self.uncounted - 1
  if not self.is_whole or self[STATE] ~= PENDING then -- not whole: gather itself raised
    child.is_unretrieved = nil
    return
  end
  if not self.return_exceptions then
    local state = child[STATE]
    if state == CANCELLED then return future.fail(self, future.cancelled_error(child)) end
    if state == FAILED then
      self.stack = child.stack
      return future.fail(self, child:exception())
    end
  end
  if self.uncounted == 0 then finish(self) end
end

-- Where in the list the awaitable at `i` stands first. What the kernel made is told its place; an earlier call may have
-- done that too, so the list is asked. For anything else `places` knows. A function is run as often as it is given.
local function first_place(awaitables, i, places)
  local awaitable = awaitables[i]
  local kind = type(awaitable)
  if kind ~= "table" and kind ~= "userdata" then return i end
  local known, key = places, awaitable
  if iscoroutine(awaitable) or isfuture(awaitable) then known, key = awaitable, PLACE end
  local place = known[key]
  if place and place < i and awaitables[place] == awaitable then return place end
  known[key] = i
  return i
end

--- Runs awaitables together. Starts at the call: coroutine objects and functions become tasks.
--- The first error, or cancellation of one of them, is raised at once while the others go on; with
--- `return_exceptions = true` errors stand in the list instead. Cancelling the future cancels them all.
--- Errors: TypeError for what is not awaitable.
--- Source: asyncio.gather.
---@param ... any awaitables, or one list of them; a table of options may come last
---@return lacuna.Future future of the list of results, in the order given, with `.n`
local function gather(...)
  local awaitables, count, options = read_arguments(...)
  local loop = loops.current()
  local children, places = new_table(count, 0), {}
  local outer = { false, nil, false, false, false, children = false, return_exceptions = false, is_whole = false,
    pending_count = 0, -- children that are not done
    uncounted = 0 } -- the same, and those for which run() is to be called
  outer[STATE], outer[LOOP], outer.children, outer.return_exceptions =
    PENDING, loop, children, options.return_exceptions or false
  setmetatable(outer, GatheringFuture)
  for i = 1, count do
    local place = first_place(awaitables, i, places)
    local child = children[place]
    if place == i then
      child = task_module.ensure_future(loop, awaitables[i], "gather")
      if i == 1 then
        loop = child[LOOP]
        outer[LOOP] = loop
      end
      outer.pending_count, outer.uncounted = outer.pending_count + 1, outer.uncounted + 1
      future.listen(child, outer)
    end
    children[i] = child
  end
  outer.is_whole = true
  if count == 0 then future.complete(outer, { n = 0 }) end
  return outer
end

return { gather = gather, await_all = function(list) return await(gather(list, { return_exceptions = true })) end }
