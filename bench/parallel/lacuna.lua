-- lacuna.lua threads|processes sums|strings SIZE
local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local Executor = arg[1] == "threads" and async.ThreadPoolExecutor or async.ProcessPoolExecutor
local size = tonumber(arg[3])

local work = {}

function work.sums(n)
  local sum = 0
  for i = 0, n - 1 do sum = sum + i * i end
  return sum
end

-- Tables and strings are made and dropped: nothing that a compiler could leave out.
function work.strings(n)
  local words = {}
  for i = 1, n do
    local word = ("w%d"):format(i * 7 % 50021)
    words[word] = (words[word] or 0) + 1
  end
  local count = 0
  for _ in pairs(words) do count = count + 1 end
  return count
end

local TICKS_A_SECOND, IDLE, OWN_FIRST, OWN_LAST = 100, 4, 14, 17 -- of the kernel's times, and where they stand

-- Seconds of CPU that nobody used, on all cores, and that this process and its ended children did.
local function read_unused_and_used()
  local machine, own, used = {}, {}, 0
  for field in io.open("/proc/stat"):read("*l"):gmatch("%d+") do machine[#machine + 1] = tonumber(field) end
  for field in io.open("/proc/self/stat"):read("*a"):gmatch("%S+") do own[#own + 1] = tonumber(field) or 0 end
  for i = OWN_FIRST, OWN_LAST do used = used + own[i] end
  return machine[IDLE] / TICKS_A_SECOND, used / TICKS_A_SECOND
end

-- Calls body; gives how many seconds it took, of wall time and of CPU, and how many cores others left meanwhile.
local function measure(body)
  local unused_before, used_before = read_unused_and_used()
  local started = time.perf_counter()
  body()
  local wall_s = time.perf_counter() - started
  local unused, used = read_unused_and_used()
  return wall_s, used - used_before, (unused - unused_before + used - used_before) / wall_s
end

local fn, expected = work[arg[2]], nil

local serial_s, serial_cpu_s, serial_cores = measure(function()
  for _ = 1, 4 do expected = fn(size) end
end)

local wall_s, cpu_s, cores = measure(function()
  async.with(Executor(2), function(pool)
    for _, result in ipairs(await(pool:map(fn, {size, size, size, size}))) do assert(result == expected) end
  end)
end)

print(("wall_s %f\nserial_s %f\ncpu_s %f\nserial_cpu_s %f"):format(wall_s, serial_s, cpu_s, serial_cpu_s))
local is_long = math.min(wall_s, serial_s) > 30 / TICKS_A_SECOND -- else the ticks are too few
if is_long then print(("cores %.2f"):format(math.min(cores, serial_cores))) end
