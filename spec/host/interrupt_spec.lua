-- Ctrl-C in code that never waits: it is broken off where it runs, compiled or not.

local shell = require "spec.support.shell"

local LACUNA = shell.quote(os.getenv("LACUNA") or "build/lacuna")

-- Each runs for ever in machine code of another shape, or in none.
local endless = {
  ["an empty loop"] = "while true do end",
  ["a loop whose only guard is its own condition"] = "for i = 1, 1e18 do end",
  ["a loop of doubles without any guard"] = "local x = 0.5 while true do x = x + 1.5 end",
  ["a loop that tests for not-a-number"] = "local a, b = 1.0, 2.0 while a == a do a = b b = a end",
  ["a loop of branches that all have code of their own"] = [[
    local s = 0
    while true do
      for i = 1, 100 do if i % 2 == 0 then s = s + 1 elseif i % 3 == 0 then s = s + 2 else s = s - 1 end end
    end]],
  ["loops that lead into each other"] = "while true do for i = 1, 10 do end end",
  ["tail calls"] = "local function f() return f() end f()",
  ["recursion"] = "local function fib(n) return n < 2 and n or fib(n - 1) + fib(n - 2) end while true do fib(20) end",
  ["a loop that allocates"] = "while true do local t = {} for i = 1, 100 do t[i] = {i} end end",
  ["a loop that spends its time in C"] = "while true do local s = ('x'):rep(1e6) end",
  ["a metamethod"] = [[
    local t, s = setmetatable({}, {__index = function(_, k) return k end}), 0
    while true do s = s + t[1] end]],
  ["FFI arrays"] = [[
    local a = require("ffi").new("double[1000]")
    while true do for i = 0, 999 do a[i] = a[i] + 1 end end]],
  ["a coroutine"] = [[
    local f = coroutine.wrap(function() while true do coroutine.yield(1) end end)
    while true do f() end]],
  ["a callback of the loop"] = [[
    local async = require "lacuna"
    async.get_running_loop():call_soon(function() while true do end end)
    async.await(async.sleep(100))]],
  ["a callback of table.sort"] = "table.sort({3, 2, 1}, function() while true do end end)",
  ["code that is not compiled"] = "jit.off() local n = 0 while true do n = n + 1 end",
}

-- Runs a script, which gets a Ctrl-C once it says that it is ready.
local function interrupt(text)
  local folder = shell.make_folder()
  shell.write_file(folder .. "/script.lua", "io.write('ready\\n') io.flush()\n", text)
  local command = "cd %s && (%s script.lua & echo $! >pid; wait $!; echo status $?) | "
    .. "(read ready; sleep 0.2; kill -INT $(cat pid); cat)"
  local result = shell.run(command:format(shell.quote(folder), LACUNA), 20)
  shell.run("rm -r " .. shell.quote(folder))
  return result
end

describe("Ctrl-C", function()
  for name, text in pairs(endless) do
    it("ends " .. name, function()
      assert.same({status = 0, stdout = "status 130\n", stderr = ""}, interrupt(text))
    end)
  end

  it("ends a request that blocks, whose clean-up may ask again", function()
    local result = interrupt [[
      local async, requests, uv = require "lacuna", require "lacuna.requests", require "luv"
      local silent = uv.new_tcp()
      silent:bind("127.0.0.1", 0)
      silent:listen(8, function() end)
      local url = "http://127.0.0.1:" .. silent:getsockname().port
      async.try(function() requests.get(url) end, {finally = function()
        print((select(2, pcall(requests.get, url, {timeout = 0.02}))).name)
      end})]]
    assert.same({status = 0, stdout = "TimeoutError\nstatus 130\n", stderr = ""}, result)
  end)

  it("lets clean-up run in the broken-off task, which may wait", function()
    local result = interrupt [[
      local async = require "lacuna"
      async.try(function() while true do end end, {finally = function()
        async.await(async.sleep(0.1))
        print("clean")
      end})]]
    assert.same({status = 0, stdout = "clean\nstatus 130\n", stderr = ""}, result)
  end)

  it("is not swallowed by code that catches all and goes on", function()
    assert.equal("status 130\n", interrupt("while true do pcall(function() while true do end end) end").stdout)
  end)

  it("breaks off a busy task and cancels the main task, which waits", function()
    local result = interrupt [[
      local async = require "lacuna"
      local busy = async.create_task(function() while true do end end)
      async.try(function() async.await(async.sleep(100)) end, {finally = function() print(busy:cancelled()) end})]]
    assert.same({status = 0, stdout = "true\nstatus 130\n", stderr = ""}, result)
  end)

  it("leaves a hook of the script's own in place", function()
    local result = interrupt [[
      local function hook() end
      debug.sethook(hook, "c")
      pcall(function() while true do end end)
      print(debug.gethook() == hook)]]
    assert.equal("true\n", result.stdout:match("^%a+\n"))
  end)
end)
