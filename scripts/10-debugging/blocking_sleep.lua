-- blocking_sleep: time.sleep stops every task of the script, async.sleep only its own: the ticker shows it.

local async = require "lacuna"
local time = require "lacuna.time"
local await = async.await

local loop = async.get_running_loop()
local began = loop:time()
local function log(event) print(("%.1f s  %s"):format(loop:time() - began, event)) end

local ticker = async.create_task(function()
  while true do
    log("tick")
    await(async.sleep(0.5))
  end
end)
await(async.sleep(0)) -- its first turn

log("async.sleep(2): the ticker goes on")
await(async.sleep(2))
log("time.sleep(2): the ticker stalls")
time.sleep(2)
log("awake again")
await(async.sleep(1))
ticker:cancel()
