-- leftovers: what a spec may not leave behind, looked at after each one: a task, a file descriptor.
-- (Handles are looked at once, at the end: closing the runtime fails while one is open.)
local async = require "lacuna"
local busted = require "busted"
local lfs = require "lfs"

require "lacuna.native.worker" -- opens a descriptor that stays open as long as the runtime

local function open_descriptors()
  local open = {}
  for name in lfs.dir("/proc/self/fd") do
    local target = lfs.symlinkattributes("/proc/self/fd/" .. name, "target")
    if target and not target:find("^/proc/%d+/fd$") then open[name] = target end -- but the folder being read
  end
  return open
end

local function running_tasks()
  local running = {}
  for _, task in ipairs(async.all_tasks()) do running[task] = task:get_name() end
  return running
end

-- What is in `after` and was not in `before`.
local function additions(before, after)
  local names = {}
  for key, name in pairs(after) do
    if before[key] ~= name then names[#names + 1] = name end
  end
  table.sort(names)
  return table.concat(names, ", ")
end

local descriptors, tasks, spec_name

busted.subscribe({"test", "start"}, function(spec) spec_name = spec.name end)

busted.before_each(function()
  descriptors, tasks = open_descriptors(), running_tasks()
end)

busted.after_each(function()
  async.await(async.get_running_loop():shutdown_default_executor()) -- its warm workers hold descriptors
  jit.flush() -- compiled code holds the objects that it was compiled for
  for _ = 1, 3 do -- closing takes a turn of the loop, and what a dropped object owned takes a collection
    collectgarbage()
    async.await(async.sleep(0))
  end
  local left = additions(tasks, running_tasks())
  if left ~= "" then error(("%q left tasks running: %s"):format(spec_name, left), 0) end
  left = additions(descriptors, open_descriptors())
  if left ~= "" then error(("%q left descriptors open: %s"):format(spec_name, left), 0) end
end)
