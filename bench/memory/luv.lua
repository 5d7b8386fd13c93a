-- luv.lua N: resident memory that N sleeping tasks add, a timer and a coroutine each.
local uv = require "luv"

local n = tonumber(arg[1])
local before = uv.resident_set_memory()
local threads = {}
for i = 1, n do
  threads[i] = coroutine.create(function()
    local thread, timer = coroutine.running(), uv.new_timer()
    timer:start(60000, 0, function()
      timer:close()
      coroutine.resume(thread)
    end)
    coroutine.yield()
  end)
  assert(coroutine.resume(threads[i]))
end
uv.run("nowait")
print(("bytes %d"):format(uv.resident_set_memory() - before))
io.stdout:flush()
assert(#threads == n)
os.exit(0)
