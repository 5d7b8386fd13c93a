-- mistakes: four common ones, what lacuna says about each, and the cure.

local async = require "lacuna"
local requests = require "lacuna.requests"
local site = require "support.site"
local time = require "lacuna.time"
local await = async.await

local count = async(function(n)
  await(async.sleep(0.1))
  return n
end)

local function add_one(number) return number + 1 end

-- 1. The call without await: nothing runs, and there is no result. (--debug also says which calls nobody awaited.)
print(count(5))
print(pcall(add_one, count(5)))
print("  cure:", add_one(await(count(5))))

-- 2. await where no task is, here in a callback of the loop.
local called = async.Future()
async.get_running_loop():call_soon(function()
  print(select(2, pcall(await, count(5))))
  async.create_task(function() called:set_result(await(count(5))) end)
end)
print("  cure:", await(called))

local function twice(body)
  local began = time.time()
  await(async.gather(async(body)(), async(body)()))
  return ("%.1f s for twice 0.5 s"):format(time.time() - began)
end

-- 3. A sleep that blocks: the other tasks stand still.
print("time.sleep:", twice(function() time.sleep(0.5) end))
print("  cure:", twice(function() await(async.sleep(0.5)) end))

-- 4. A library that blocks, for the same reason.
async.with(site(arg[1]), function(address)
  local url = address .. "/delay/0.5"
  print("requests.get:", twice(function() requests.get(url) end))
  print("  cure:", twice(function() await(async.fetch(url)) end))
  print("  or a thread:", twice(function() await(async.to_thread(requests.get, url)) end))
end)
