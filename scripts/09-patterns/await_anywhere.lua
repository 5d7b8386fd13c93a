-- await_anywhere: await in a plain function, a metamethod and a generator. Functions have no colour.

local async = require "lacuna"
local await = async.await

-- A plain function, called from plain functions: it needs no async around it, only a task below it.
local function price_of(fruit)
  await(async.sleep(0.1))
  return ({apple = 3, pear = 2, plum = 1})[fruit]
end

-- A metamethod: reading a field waits.
local prices = setmetatable({}, {__index = function(_, fruit) return price_of(fruit) end})
print("plum", prices.plum)

-- A generator: whoever iterates waits, and the other tasks go on.
local function priced(...)
  local fruits = {...}
  return coroutine.wrap(function()
    for _, fruit in ipairs(fruits) do coroutine.yield(fruit, price_of(fruit)) end
  end)
end
for fruit, price in priced("apple", "pear") do print(fruit, price) end

-- Where a C function stands between, lacuna says which.
local ok, err = pcall(table.sort, {"plum", "apple"}, function(a, b) return price_of(a) < price_of(b) end)
print(ok, err.name)
print(err.message)
