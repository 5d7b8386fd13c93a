-- cqueues.lua N: resident memory that N sleeping tasks add.
local cqueues = require "cqueues"

local function resident()
  local statm = assert(io.open("/proc/self/statm"))
  local pages = tonumber(statm:read("*a"):match("%d+ (%d+)"))
  statm:close()
  return pages * 4096
end

local n = tonumber(arg[1])
local before = resident()
local controller = cqueues.new()
for _ = 1, n do
  controller:wrap(function() cqueues.sleep(60) end)
end
assert(controller:step(0)) -- all of them have started
assert(controller:count() == n)
print(("bytes %d"):format(resident() - before))
io.stdout:flush()
os.exit(0)
