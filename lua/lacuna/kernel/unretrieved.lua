-- unretrieved: failed futures that nobody has looked at.
-- An error must not vanish: when a failed future is collected, or at the latest when the script ends, and neither
-- result() nor exception() nor an await ever asked for its error, it is reported. `is_unretrieved` is set on the future
-- while that is so; a sentinel with a finalizer hangs on it, for tables have none in this Lua.

local notify = require("lacuna.native.scheduler").notify

local unretrieved = {}

local watched = setmetatable({}, { __mode = "v" }) -- in order of failure
local last = 0
local collected = {} -- found by a finalizer, reported at the next safe point

---@param fut lacuna.Future failed a moment ago
function unretrieved.watch(fut)
  last = last + 1
  fut.is_unretrieved = true
  watched[last] = fut
  local sentinel = newproxy(true)
  getmetatable(sentinel).__gc = function()
    if not fut.is_unretrieved then return end
    collected[#collected + 1] = fut
    notify()
  end
  fut.sentinel = sentinel
end

--- How many futures have failed so far.
---@return integer
function unretrieved.count()
  return last
end

--- Takes the futures whose errors nobody will ever look at; at the end of a script also those that somebody still
--- could, but for those of a loop that goes on.
---@param surviving_loop? lacuna.Loop at the end of a script: the loop that goes on
---@return lacuna.Future[] in order of failure
function unretrieved.take(surviving_loop)
  local found = collected
  collected = {}
  if surviving_loop then
    for index = 1, last do
      local fut = watched[index]
      if fut and fut.is_unretrieved and fut:get_loop() ~= surviving_loop then found[#found + 1] = fut end
    end
  end
  for i = 1, #found do found[i].is_unretrieved = nil end
  return found
end

return unretrieved
