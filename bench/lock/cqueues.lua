-- cqueues.lua bare|with|closure N: a lock made of a condition variable; with: freed whatever the body does.
local condition = require "cqueues.condition"
local cqueues = require "cqueues"

local mode, n = arg[1], tonumber(arg[2])
local freed, is_locked = condition.new(), false

local function acquire()
  while is_locked do freed:wait() end
  is_locked = true
end

local function release()
  is_locked = false
  freed:signal(1)
end

local function with(body)
  acquire()
  local ok, problem = pcall(body)
  release()
  if not ok then error(problem, 0) end
end

local controller = cqueues.new()
local started, started_cpu = cqueues.monotime(), os.clock()
controller:wrap(function()
  local count = 0
  local function body() count = count + 1 end
  if mode == "bare" then
    for _ = 1, n do
      acquire()
      release()
    end
  elseif mode == "with" then
    for _ = 1, n do with(body) end
    assert(count == n)
  else
    for _ = 1, n do
      with(function() count = count + 1 end)
    end
    assert(count == n)
  end
end)
assert(controller:loop())
print(("wall_s %f\ncpu_s %f"):format(cqueues.monotime() - started, os.clock() - started_cpu))
