-- gather: many awaitables as one future of the list of their results.
-- One list is all it takes: of awaitables first, of their futures while they run, of results in the end.

local await = require("lacuna.kernel.trap").await
local coroutines = require "lacuna.kernel.coroutine"
local errors = require "lacuna.kernel.errors"
local future = require "lacuna.kernel.future"
local layout = require "lacuna.kernel.layout"
local loops = require "lacuna.async.loops"
local new_table = require "table.new"
local options_module = require "lacuna.kernel.options"
local task_module = require "lacuna.kernel.task"

local STATE, RESULT, LOOP, PLACE, COROUTINE =
  layout.STATE, layout.RESULT, layout.LOOP, layout.PLACE, layout.COROUTINE
local PENDING, RETURNED, RETURNED_MANY = layout.PENDING, layout.RETURNED, layout.RETURNED_MANY
local FAILED, CANCELLED = layout.FAILED, layout.CANCELLED

-- Fields of a gathering future behind those of any future. It listens to its children, so nothing is at THREAD.
local CHILDREN = 7
local RETURN_EXCEPTIONS = 8
local IS_WHOLE = 9 -- false: gather itself raised
local PENDING_COUNT = 10 -- children that are not done
local UNCOUNTED = 11 -- the same, and those for which run() is to be called

local iscoroutine, isfuture = coroutines.iscoroutine, future.isfuture
local type = type

local GatheringFuture = future.subclass("GatheringFuture")

--- For the tree of tasks (debug/tree.lua).
---@return lacuna.Future[]
function GatheringFuture:children()
  return self[CHILDREN]
end

--- Cancels every awaitable that is not done; the gathering future follows when they have ended.
---@param message? any
---@return boolean asked false if there was nothing to cancel
function GatheringFuture:cancel(message)
  if self[STATE] ~= PENDING then return false end
  message = future.cancel_message(message)
  local children, is_asked = self[CHILDREN], false
  for i = 1, #children do
    if children[i]:cancel(message) then
      is_asked = true
      if i == #children then self.cancel_message = message end
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

-- Makes the list of children that of their results.
local function collect(children)
  local count = #children
  for i = 1, count do children[i] = outcome(children[i]) end
  children.n = count
  return children
end

local function is_plain(value)
  return type(value) == "table" and getmetatable(value) == nil
end

local NONE = {} -- no options

local function check_options(options)
  return options_module.check("gather", options, { return_exceptions = "any" })
end

-- The options in a list of awaitables, which may be long: the whole is looked at only if something follows the last.
local function options_in(list)
  local count = #list
  if next(list, count > 0 and count or nil) == nil then return list end
  local options = {}
  for name, value in pairs(list) do
    if type(name) ~= "number" and name ~= "n" then options[name] = value end
  end
  return check_options(options)
end

-- gather(a, b, {…}), gather(list, {…}) and gather{a, b, return_exceptions = true} as a list, its length, the options,
-- and the list for the children, which is the first unless that is the user's.
local function read_arguments(...)
  local count, arguments = select("#", ...), { ... }
  local first, last = arguments[1], arguments[count]
  if is_plain(first) then
    if count == 1 then return first, #first, options_in(first), new_table(#first, 1) end
    if count == 2 and (last == nil or is_plain(last)) then
      return first, #first, check_options(last), new_table(#first, 1)
    end
  end
  if is_plain(last) and #last == 0 then
    arguments[count] = nil
    return arguments, count - 1, check_options(last), arguments
  end
  return arguments, count, NONE, arguments
end

-- The list is complete: results, or what the cancellation of the gathering future has come to.
local function finish(outer)
  local children = outer[CHILDREN]
  if not outer.is_cancel_requested then
    outer[CHILDREN] = false
    return future.complete_with(outer, 1, collect(children))
  end
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
  local state, pending_count = child[STATE], self[PENDING_COUNT] - 1
  self[PENDING_COUNT] = pending_count
  if pending_count == 0 or state ~= RETURNED and state ~= RETURNED_MANY then return false end
  self[UNCOUNTED] = self[UNCOUNTED] - 1
  return true
end

--- A child is done; kernel/trap.lua calls it.
---@param child lacuna.Future
function GatheringFuture:run(child)
  local uncounted = self[UNCOUNTED] - 1
  self[UNCOUNTED] = uncounted
  if not self[IS_WHOLE] or self[STATE] ~= PENDING then
    child.is_unretrieved = nil
    return
  end
  if not self[RETURN_EXCEPTIONS] then
    local state = child[STATE]
    if state == CANCELLED then return future.fail(self, future.cancelled_error(child)) end
    if state == FAILED then
      self.stack = child.stack
      return future.fail(self, child:exception())
    end
  end
  if uncounted == 0 then finish(self) end
end

-- Where in the list the awaitable at `i` stands first. What the kernel made is told its place; others may have written
-- there too, so the child at that place is asked. For anything else there is a table. A function is run as often as it
-- is given.
local function first_place(outer, awaitable, i)
  local kind = type(awaitable)
  if kind ~= "table" and kind ~= "userdata" then return i end
  if not iscoroutine(awaitable) and not isfuture(awaitable) then
    local places = outer.places or {}
    outer.places = places
    places[awaitable] = places[awaitable] or i
    return places[awaitable]
  end
  local place = awaitable[PLACE]
  if place and place < i then
    local child = outer[CHILDREN][place]
    if child == awaitable or child[COROUTINE] == awaitable then return place end
  end
  awaitable[PLACE] = i
  return i
end

-- Makes the awaitable at `i` of the list the child at `i`.
local function adopt(outer, awaitable, i)
  local children, place = outer[CHILDREN], first_place(outer, awaitable, i)
  if place < i then
    children[i] = children[place]
    return
  end
  local child = task_module.ensure_future(outer[LOOP], awaitable, "gather")
  if i == 1 then outer[LOOP] = child[LOOP] end
  children[i] = child
  outer[PENDING_COUNT], outer[UNCOUNTED] = outer[PENDING_COUNT] + 1, outer[UNCOUNTED] + 1
  future.listen(child, outer)
end

--- Runs awaitables together. Starts at the call: coroutine objects and functions become tasks.
--- The first error, or cancellation of one of them, is raised at once while the others go on; with
--- `return_exceptions = true` errors stand in the list instead. Cancelling the future cancels them all.
--- Errors: TypeError for what is not awaitable.
--- Source: asyncio.gather.
---@param ... any awaitables, or one list of them; a table of options may come last
---@return lacuna.Future future of the list of results, in the order given, with `.n`
local function gather(...)
  local awaitables, count, options, children = read_arguments(...)
  local outer = setmetatable({ PENDING, nil, loops.current(), false, false, nil, children,
    options.return_exceptions or false, false, 0, 0 }, GatheringFuture)
  for i = 1, count do adopt(outer, awaitables[i], i) end
  outer[IS_WHOLE] = true
  if count == 0 then finish(outer) end
  return outer
end

return { gather = gather, await_all = function(list) return await(gather(list, { return_exceptions = true })) end }
