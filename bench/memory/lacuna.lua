-- lacuna.lua N: resident memory that N sleeping tasks add.
local async = require "lacuna"
local uv = require "luv"
local await = async.await

local n = tonumber(arg[1])
local before = uv.resident_set_memory()
local tasks = {}
for i = 1, n do tasks[i] = async.create_task(async.sleep(60)) end
await(async.sleep(0.2))
print(("bytes %d"):format(uv.resident_set_memory() - before))
assert(#tasks == n)
