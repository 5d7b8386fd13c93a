-- exec.process_pool: calls in child processes. What pools have in common is in unit/exec_thread_pool_spec.lua; here it
-- is about processes: that they die alone, are replaced, and leave nothing behind.
local async = require "lacuna"
local await = async.await
local shell = require "spec.support.shell"
local uv = require "luv"

uv.new_pipe():close() -- with its first stream a libuv loop opens /dev/null, once

local function pid_there() return require("luv").os_getpid() end

local buffers = {} -- closed after each spec: a compiled loop may hold on to what it has seen

local function new_counter()
  local buffer = async.SharedBuffer(8)
  buffers[#buffers + 1] = buffer
  return buffer:view("int64_t")
end

after_each(function()
  for _, buffer in ipairs(buffers) do buffer:close() end
  buffers = {}
end)

local function children()
  local file = assert(io.open(("/proc/self/task/%d/children"):format(uv.os_getpid())))
  local list = {}
  for pid in file:read("*a"):gmatch("%d+") do list[#list + 1] = tonumber(pid) end
  file:close()
  return list
end

local function run(code, options)
  return shell.run(("%s %s -e %s"):format(os.getenv("LACUNA"), options or "", shell.quote(code)), 20)
end

local function exists(pid) return uv.kill(pid, 0) == 0 end

local function with_pool(options, body)
  assert.same({}, children())
  local result = async.with(async.ProcessPoolExecutor(options), body)
  assert.same({}, children()) -- ended and reaped
  return result
end

local function failure_of(future)
  local ok, err = pcall(await, future)
  assert.is_false(ok)
  return err
end

local function assert_broken(err, pattern)
  assert.is_true(async.isinstance(err, async.BrokenExecutor), tostring(err))
  assert.is_truthy(err.message:find(pattern), err.message)
end

-- Waits for what other processes do, at most ten seconds.
local function wait_until(condition)
  for _ = 1, 1000 do
    if condition() then return end
    await(async.sleep(0.01))
  end
  error("it did not come about")
end

describe("ProcessPoolExecutor", function()
  it("runs calls in other processes, and keeps them", function()
    with_pool(2, function(pool)
      assert.equal("<ProcessPoolExecutor max_workers=2>", tostring(pool))
      local first = await(pool:submit(pid_there))
      assert.are_not.equal(uv.os_getpid(), first)
      for _ = 1, 5 do await(pool:submit(pid_there)) end
      assert.same({first}, children())
    end)
  end)

  it("takes functions, arguments and results as thread pools do", function()
    with_pool(1, function(pool)
      local offset, Failure = 10, async.Error:subclass("Failure")
      local sum = async(function(a, b)
        await(async.sleep(0.001))
        return a + b + offset, nil, "셋"
      end)
      local results = {await(pool:submit(sum, 1, 2))}
      assert.equal(13, results[1])
      assert.equal("셋", results[3])
      local err = failure_of(pool:submit(function() error(Failure("there")) end))
      assert.is_true(async.isinstance(err, Failure))
      assert.equal("there", err.message)
      assert.is_truthy(err.traceback:find("process_pool_spec.lua", 1, true))
      local file = io.tmpfile()
      local ok, refusal = pcall(pool.submit, pool, function() return file end)
      assert.is_false(ok)
      assert.equal("TypeError: upvalue 'file': userdata", tostring(refusal))
      file:close()
    end)
  end)

  it("runs calls at the same time, and maps in order", function()
    with_pool(3, function(pool)
      local squares = await(pool:map(function(x) return x * x end, {1, 2, 3, 4, 5, 6, 7}))
      assert.same({1, 4, 9, 16, 25, 36, 49, n = 7}, squares)
      local meeting = new_counter()
      await(pool:map(function() -- each waits for the others
        meeting:add(0, 1)
        while meeting:load(0) < 3 do require("lacuna.time").sleep(0.001) end
      end, {1, 2, 3}))
      assert.equal(3, #children())
    end)
  end)

  it("carries values of any size, both ways at once", function()
    with_pool(2, function(pool)
      local text = ("0123456789"):rep(300000)
      local futures = {}
      for i = 1, 8 do futures[i] = pool:submit(function(given) return given .. "!", #given end, text .. i) end
      for i = 1, 8 do assert.is_true(await(futures[i]) == text .. i .. "!") end
    end)
    local ran = run [[ -- small outcomes before large ones; children print what goes wrong in them
      local async = require "lacuna"
      async.with(async.ProcessPoolExecutor(1), function(pool)
        local function size(i) return i % 3 == 0 and 200000 + i * 1000 or 1 end
        local futures = {}
        for i = 1, 150 do futures[i] = pool:submit(string.rep, "x", size(i)) end
        for i = 1, 150 do assert(#await(futures[i]) == size(i)) end
      end)
    ]]
    assert.equal("", ran.stderr)
  end)

  it("shares buffers with its processes, and they with it", function()
    with_pool(2, function(pool)
      local counter = new_counter()
      await(pool:map(function()
        for _ = 1, 10000 do counter:add(0, 1) end
      end, {1, 2, 3, 4}))
      assert.equal(40000, counter:load(0))
      local view = await(pool:submit(function()
        local made = async.SharedBuffer(80):view("double")
        made[9] = 1.5
        return made
      end))
      await(pool:submit(collectgarbage))
      assert.equal(1.5, view[9])
    end)
  end)

  it("calls the initializer once in each process", function()
    with_pool({max_workers = 1, initializer = function(a, b) _G.prepared = a .. b end, initargs = {"x", "y"}},
      function(pool)
        assert.equal("xy", await(pool:submit(function() return _G.prepared end)))
      end)
  end)

  it("is broken if the initializer fails", function()
    with_pool({max_workers = 2, initializer = function() error("no database", 0) end}, function(pool)
      assert_broken(failure_of(pool:submit(pid_there)), "its initializer failed: no database")
      local ok, err = pcall(pool.submit, pool, pid_there)
      assert.is_false(ok)
      assert_broken(err, "initializer")
    end)
  end)

  it("is broken if no process can be started", function()
    uv.os_setenv("LACUNA_EXECUTABLE", "/nonexistent/lacuna")
    local ok, err = pcall(with_pool, 1, function(pool) await(pool:submit(pid_there)) end)
    uv.os_unsetenv("LACUNA_EXECUTABLE")
    assert.is_false(ok)
    assert_broken(err, "/nonexistent/lacuna cannot be started: ENOENT")
  end)

  it("is broken if processes die before they take calls", function()
    uv.os_setenv("LACUNA_EXECUTABLE", "/bin/false")
    local ok, err = pcall(with_pool, 2, function(pool) await(pool:submit(pid_there)) end)
    uv.os_unsetenv("LACUNA_EXECUTABLE")
    assert.is_false(ok)
    assert_broken(err, "pid %d+ exited with status 1")
  end)
end)

describe("a process of a pool that dies", function()
  it("fails its call, with pid and status, and is replaced", function()
    with_pool(1, function(pool)
      local pid = await(pool:submit(pid_there))
      assert_broken(failure_of(pool:submit(function() os.exit(3) end)), ("pid %d exited with status 3"):format(pid))
      local next_pid = await(pool:submit(pid_there))
      assert.are_not.equal(pid, next_pid)
      local begun = new_counter()
      local running = pool:submit(function()
        begun:store(0, 1)
        while true do begun:load(0) end
      end)
      wait_until(function() return begun:load(0) == 1 end)
      uv.kill(next_pid, "sigkill")
      assert_broken(failure_of(running), ("pid %d was killed by SIGKILL"):format(next_pid))
      local abort = pool:submit(function() require("luv").kill(require("luv").os_getpid(), "sigabrt") end)
      assert_broken(failure_of(abort), "killed by SIGABRT")
      assert.equal(1, await(pool:submit(function() return 1 end)))
    end)
  end)

  it("fails no call that it has not begun", function()
    with_pool(1, function(pool)
      await(pool:submit(pid_there))
      local first = pool:submit(function() os.exit(0) end)
      local futures = {}
      for i = 1, 100 do futures[i] = pool:submit(function(x) return x end, i) end
      assert_broken(failure_of(first), "exited with status 0")
      for i = 1, 100 do assert.equal(i, await(futures[i])) end
    end)
  end)

  it("is replaced when it died without a call", function()
    with_pool(1, function(pool)
      local pid = await(pool:submit(pid_there))
      uv.kill(pid, "sigkill")
      wait_until(function() return #children() == 0 end)
      assert.are_not.equal(pid, await(pool:submit(pid_there)))
    end)
  end)

  it("leaves every call of a map with a result or an error, whenever it is killed", function()
    math.randomseed(7)
    with_pool(2, function(pool)
      local results, broken, kills, futures = 0, 0, 0, {}
      local function work(x)
        local text = {}
        for i = 1, 2000 do text[i] = x .. i end
        return #table.concat(text)
      end
      local function kill_some()
        while kills < 50 do
          await(async.sleep(math.random() * 0.01))
          local list = children()
          if #list > 0 and uv.kill(list[math.random(#list)], "sigkill") == 0 then kills = kills + 1 end
        end
      end
      async.with(async.TaskGroup(), function(group)
        group:create_task(kill_some)
        while kills < 50 do
          for i = 1, 40 do futures[i] = pool:submit(work, i) end
          for i = 1, 40 do
            local ok, value = pcall(await, futures[i])
            if ok then
              assert.equal(work(i), value)
              results = results + 1
            else
              assert_broken(value, "killed by SIGKILL")
              broken = broken + 1
            end
          end
        end
      end)
      assert.is_true(broken <= 50)
      assert.equal(0, (results + broken) % 40)
      assert.equal(work(1), await(pool:submit(work, 1)))
    end)
  end)
end)

describe("cancelling a call in a process", function()
  it("removes one that waits, also where it was sent ahead", function()
    with_pool(1, function(pool)
      local ran = new_counter()
      await(pool:submit(pid_there))
      local gate = new_counter()
      local first = pool:submit(function()
        while gate:load(0) == 0 do require("lacuna.time").sleep(0.001) end
      end)
      local waiting = {}
      for i = 1, 50 do waiting[i] = pool:submit(function() ran:add(0, 1) end) end
      await(async.sleep(0.01))
      for i = 1, 50, 2 do assert.is_true(waiting[i]:cancel()) end
      gate:store(0, 1)
      await(first)
      for i = 2, 50, 2 do await(waiting[i]) end
      assert.equal(25, ran:load(0))
    end)
  end)

  it("kills the process of one that runs, whatever it runs, and no other call", function()
    with_pool(1, function(pool)
      local pid = await(pool:submit(pid_there))
      local begun = new_counter()
      local endless = pool:submit(function()
        begun:store(0, 1)
        while true do begun:load(0) end
      end)
      local after = pool:submit(pid_there)
      wait_until(function() return begun:load(0) == 1 end)
      assert.is_true(endless:cancel())
      assert.is_true(endless:cancelled())
      assert.are_not.equal(pid, await(after))
      wait_until(function() return not exists(pid) end)
    end)
  end)

  it("comes out right at any moment", function()
    math.randomseed(3)
    with_pool(2, function(pool)
      local began = new_counter()
      local cancelled, done = 0, 0
      for _ = 1, 30 do
        local futures = {}
        for i = 1, 20 do futures[i] = pool:submit(function() began:add(0, 1) end) end
        await(async.sleep(math.random() * 0.002))
        for i = 1, 20 do
          if math.random() < 0.3 then futures[i]:cancel() end
        end
        for i = 1, 20 do
          local ok, err = pcall(await, futures[i])
          if ok then done = done + 1 else cancelled = cancelled + 1 end
          assert.is_true(ok or async.isinstance(err, async.CancelledError), tostring(err))
        end
      end
      assert.equal(600, done + cancelled)
      assert.is_true(began:load(0) >= done and began:load(0) <= 600)
    end)
  end)
end)

describe("the end of a pool of processes", function()
  it("waits for the calls that are out", function()
    local future
    with_pool(1, function(pool)
      future = pool:submit(function()
        require("lacuna.time").sleep(0.02)
        return "ended"
      end)
    end)
    assert.is_true(future:done())
    assert.equal("ended", await(future))
  end)

  it("cancels what waits if asked to", function()
    local pool = async.ProcessPoolExecutor(1)
    pool:submit(pid_there)
    await(pool:submit(pid_there))
    local running = pool:submit(function() require("lacuna.time").sleep(0.05) return 1 end)
    local waiting = pool:submit(pid_there)
    await(async.sleep(0.02))
    pool:shutdown {cancel_pending = true}
    assert.equal(1, await(running))
    assert.is_true(waiting:cancelled())
    assert.same({}, children())
    local ok, err = pcall(pool.submit, pool, pid_there)
    assert.is_false(ok)
    assert.is_truthy(tostring(err):find("after shutdown"))
  end)

  it("comes with its being dropped", function()
    local pool = async.ProcessPoolExecutor(1)
    await(pool:submit(pid_there))
    assert.equal(1, #children())
    pool = nil -- luacheck: ignore 311
    wait_until(function()
      collectgarbage()
      return #children() == 0
    end)
  end)
end)

describe("the processes of a pool", function()
  it("print where the script prints", function()
    local ran = run [[
      async.with(async.ProcessPoolExecutor(1), function(pool)
        await(pool:submit(function() print("안녕") io.stderr:write("trouble\n") end))
      end)
    ]]
    assert.equal("안녕\n", ran.stdout)
    assert.equal("trouble\n", ran.stderr)
  end)

  it("inherit no file and read no input", function()
    local file = assert(io.open("README.md"))
    with_pool(1, function(pool)
      local names, input = await(pool:submit(function()
        local found = {}
        for line in io.popen("ls -l /proc/$PPID/fd"):lines() do
          local name = line:match("%-> (/.*)")
          if name then found[#found + 1] = name end
        end
        return table.concat(found, " "), io.read("*a")
      end))
      assert.is_nil(names:find("README", 1, true))
      assert.equal("", input)
    end)
    file:close()
  end)

  it("sleep no longer than the virtual clock", function()
    local ran = run([[
      async.with(async.ProcessPoolExecutor(2), function(pool)
        local started = async.get_running_loop():time()
        local function sleep() require("lacuna").run(require("lacuna").sleep(3600)) end
        await(async.gather(pool:submit(sleep), async.sleep(60)))
        print(async.get_running_loop():time() - started)
      end)
    ]], "--clock=virtual")
    assert.equal("", ran.stderr)
    assert.equal("3600\n", ran.stdout)
  end)

  it("end with the script, whatever they run", function()
    local ran = run [[
      local pool = async.ProcessPoolExecutor(2)
      print(await(pool:submit(function() return require("luv").os_getpid() end)))
      pool:submit(function() while true do end end)
      pool:submit(function() while true do end end)
      await(async.sleep(0.05))
      local ok, err = pcall(error, "x")
    ]]
    assert.equal("", ran.stderr)
    assert.is_false(exists(tonumber(ran.stdout)))
  end)

  for _, what in ipairs {"while true do end", "require('lacuna.time').sleep(100)", "await(async.sleep(100))"} do
    it("end when the script's process is killed, in the middle of " .. what, function()
      local path = os.tmpname()
      local ran = run(([[
        local pool = async.ProcessPoolExecutor(1)
        local await, async = await, async
        pool:submit(function()
          local file = io.open(%q, "w")
          file:write(require("luv").os_getpid())
          file:close()
          %s
        end)
        while true do
          await(async.sleep(0.01))
          local file = io.open(%q)
          if #file:read("*a") > 0 then require("luv").kill(require("luv").os_getpid(), "sigkill") end
          file:close()
        end
      ]]):format(path, what, path))
      assert.equal(137, ran.status)
      local file = io.open(path)
      local pid = tonumber(file:read("*a"))
      file:close()
      os.remove(path)
      wait_until(function() return not exists(pid) end)
    end)
  end

  it("work for a pool in a worker thread", function()
    assert.equal(9, await(async.to_thread(function()
      return async.with(async.ProcessPoolExecutor(1), function(pool)
        return await(pool:submit(function() return 9 end))
      end)
    end)))
    await(async.get_running_loop():shutdown_default_executor())
  end)
end)
