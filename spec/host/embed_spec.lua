-- embed: the programs in spec/host/embed use nothing but an installation: its header, pkg-config, find_package.
-- Each is built both ways and run; under valgrind too, unless a sanitizer watches the build under test already.
local lfs = require "lfs"
local shell = require "spec.support.shell"
local tree = require "spec.support.tree"

local BUILD = assert(os.getenv("LACUNA_BUILD"), "LACUNA_BUILD names the build folder under test")
local IS_SANITIZED = (os.getenv("CFLAGS") or ""):find("sanitize") ~= nil
local PROGRAMS = lfs.currentdir() .. "/spec/host/embed"

-- What the scripts of profiles.c try.
local FILES, SYSTEM = "open, stdin, remove, dofile", "popen, execute, getenv, signal, time"
local UNSAFE = "ffi NO_FFI, luv NO_FFI, thread NO_FFI, bytecode NO_BYTECODE"

local function without(flag, names)
  return names:gsub("[^, ]+", "%0 " .. flag) .. ", "
end

local function profiles(cases)
  local lines = {}
  for _, case in ipairs(cases) do
    local has_files = case.has:find("open", 1, true)
    table.insert(lines, ("%s:\nhas %s\nlacks %s\n%s\nwritten\nnil\tnil\tnil\ttrue\ttrue\nstatus 0\n"):format(case[1],
      case.has, case.lacks, has_files and 42 or "module 'beside' not found: the program gives none of this name, "
        .. "and withholds C modules (LACUNA_NO_FFI) and files (LACUNA_NO_FS)"))
  end
  return table.concat(lines)
end

-- What each program prints, as a pattern where it ends with a $; `arguments` make it small where everything is slow.
local programs = {
  hello = {output = "hello, world\n"},
  own_loop = {output = [[
first returned 2 after some ticks: yes
second returned 4 after some ticks: yes
ticks 5, loop closed: 0
]]},
  guest = {output = "20 answered, 20 as expected\n"},
  game = {arguments = "6 500",
    slow_output = "every tick had more to run: yes\n.*\nleft after shutdown: 0\n$", output = [[
every tick had more to run: yes
most were on time: yes
every creature moved: yes
left after shutdown: 0
]]},
  completions = {arguments = "5000", output = "all completed: yes\n"},
  two_runtimes = {output = "1000 messages\n1000 messages\n"},
  cancelling = {output = [[
TimeoutError; cancelled 1
cancelled; cancelled 2
the program gave the call up; cancelled 2
log: program.give_up_later: the program gave up a call without completing it
the program gave the call up; cancelled 2
CancelledError: enough
CancelledError: the task's deadline has passed
log: shutdown: a call of program.wait has not been completed
left: 1, cancelled 3
log: program.wait: a call was still pending when the runtime was freed
log: program.wait: a call was still pending when the runtime was freed
status 3, cancelled 4
]]},
  races = {arguments = "500", slow_output = "^all completed: yes, some cancelled: %S+, wrong: 0\n$",
    output = "all completed: yes, some cancelled: yes, wrong: 0\n"},
  values = {output = [[
counter 3, 3 positions, name 이름, 2 more
TypeError: bad argument #1 to 'program.describe' (Counter expected, got table)
TypeError: bad argument #2 to 'program.describe' (table expected, got nil)
TypeError: calling 'Counter:add' on a bad object (Counter expected, got table)
TypeError: bad argument #1 to 'Counter:add' (number expected, got string)
counters alive: 0
3 fields, first -1
2 results: 42 twice
42
]]},
  results = {output = [[
0 -1 x
16 2 1.5
TypeError: bad argument #1 to 'program.show' (number expected, got string)
TypeError: bad argument #2 to 'program.show' (integer expected, got string)
TypeError: bad argument #3 to 'program.show' (string expected, got boolean)
TypeError: bad argument #1 to 'program.show' (number expected, got string)
TypeError: bad argument #1 to 'program.show' (number expected, got nil)
]] .. ("-1\tfalse\tKeyError: none\n"):rep(3) .. ("0\ttrue\n"):rep(3) .. ("1\ttrue\t하나\n"):rep(3)
    .. ("2\ttrue\t하나\tnil\n"):rep(3) .. ("3\ttrue\t하나\tnil\t3\n"):rep(3) .. [[
false	RuntimeError: program.fail failed
false	RuntimeError: program.fail_async failed
status 1, lacuna_spawn: function expected, got nil
status 1, not enough memory
0 results, a nil one, cancelled 0
]]},
  reports = {output = "^" .. [==[
stdout %[print	1]
status 0
stdout %[io.write]
status 0
stderr %[io.stderr]
status 0
stdout %[worker]
status 0
stderr %[worker]
status 0
error %[] ValueError: thrown
status 1
error %[] Error: table: 0x%x+
status 1
error %[Task exception was never retrieved: [^]]*]%S* Error: nobody looks
status 1
log %[script:1: '=' expected near 'Lua']
status 1
error %[] Error: script:1: os.exit: a script cannot end the program that it runs in
status 1
log %[lacuna_step: called from within a callback]
status 0
error %[Task exception was never retrieved] Error: released
log %[lacuna_step: called from within a callback]
log %[lacuna_run_file, lacuna_run_string: called from within a callback]
log %[lacuna_task_wait: called from within a callback]
log %[lacuna_shutdown: called from within a callback]
log %[lacuna_free: called from within a callback]
left 0
loop closed: 0
$]==]},
  restart = {output = "^" .. ([[
cleaned up
log: shutdown: still running: stubborn sleeps for another 3599%%.%%d+ s at restart:2
left: 1
status 3, worked %d
used again
worked %d
]]):rep(3):format(1, 3, 4, 6, 7, 9) .. "loop closed: 0\n$"},
  loops_forever = {output = [[
TimeLimitError: time limit of 0.1 s exceeded
status 1
TimeLimitError: time limit of 0.1 s exceeded
status 1
TimeLimitError: time limit of 0.1 s exceeded
status 1
TimeLimitError: time limit of 0.1 s exceeded
status 1
false	TimeLimitError: time limit of 0.1 s exceeded
the other task ran
status 0
cleaned up
TimeLimitError: time limit of 0.1 s exceeded
status 1
]]},
  allocates_forever = {output = [[
MemoryError: the limit of 8388608 bytes is reached
status 1
MemoryError: the limit of 8388608 bytes is reached
status 1
false	true
status 0
false	MemoryError: the limit of 8388608 bytes is reached
status 0
200 times 1 MB, dropped
status 0
RuntimeError: create_task: the limit of 1000 tasks is reached
status 1
goes on
status 0
]]},
  recurses_forever = {output = ("stack overflow\nstatus 1\n"):rep(5) .. "true\nstatus 0\ngoes on\nstatus 0\n"},
  throws_anything = {output = "^" .. [[
Error: nil
status 1
Error: nil
status 1
Error: false
status 1
Error: script:1: 42
status 1
Error: table: 0x%x+
status 1
Error: function: 0x%x+
status 1
Error: thread: 0x%x+
status 1
Error: shown
status 1
Error: a table whose __tost
status 1
Error: a table whose __tost
status 1
Error: table: 0x%x+
status 1
Error: 7LL
status 1
Error: table: 0x%x+
status 1
goes on
status 0
$]]},
  offload = {output = "looked at a file: yes, jobs done: 0\njobs done: 5\n"},
  sandboxed = {output = [[
tasks
TEXT	[1]	from the program	true	42
42	true
1	1	nil
status 0
nothing there
status 0
no way out
status 0
goes on
status 0
]]},
  profiles = {output = profiles {
    {"no ffi", has = FILES .. ", http, fetch, " .. SYSTEM, lacks = UNSAFE},
    {"no bytecode", has = FILES .. ", http, fetch, " .. SYSTEM, lacks = UNSAFE},
    {"no os", has = FILES .. ", http, fetch", lacks = without("NO_OS", SYSTEM) .. UNSAFE},
    {"no net", has = FILES, lacks = without("NO_NET", "http, fetch") .. without("NO_OS", SYSTEM) .. UNSAFE},
    {"no fs", has = "http, fetch", lacks = without("NO_FS", FILES) .. without("NO_OS", SYSTEM) .. UNSAFE},
    {"no net and no fs", has = "", lacks = without("NO_FS", FILES) .. without("NO_NET", "http, fetch")
      .. without("NO_OS", SYSTEM) .. UNSAFE},
    {"sandbox", has = "", lacks = without("NO_FS", FILES) .. without("NO_NET", "http, fetch")
      .. without("NO_OS", SYSTEM) .. UNSAFE},
  }},
  cpp = {source = "cpp.cpp", compiler = "c++ $CXXFLAGS", output = "cba\nzyx\n"},
}

local function expect(expected, result, status)
  assert.message(result.stdout .. result.stderr).equal(status or 0, result.status)
  if expected:sub(-1) == "$" then
    assert.message(result.stdout).truthy(result.stdout:find(expected))
  else
    assert.equal(expected, result.stdout)
  end
end

local VALGRIND = "valgrind -q --error-exitcode=9 --leak-check=full --show-leak-kinds=all --errors-for-leak-kinds=all"

describe("a program that embeds lacuna", function()
  local folder

  -- Runs a command with the installation in $prefix.
  local function run(command)
    return shell.run(([[
      prefix=%s/prefix programs=%s
      export PKG_CONFIG_PATH="$prefix/lib/pkgconfig" LD_LIBRARY_PATH="$prefix/lib"
      cd %s && %s]]):format(shell.quote(folder), shell.quote(PROGRAMS), shell.quote(folder), command), 120)
  end

  local function must_run(command)
    local result = run(command)
    assert.message(result.stdout .. result.stderr).equal(0, result.status)
  end

  lazy_setup(function()
    folder = shell.make_folder()
    must_run("cmake --install " .. shell.quote(BUILD) .. ' --prefix "$prefix"')
  end)

  lazy_teardown(function() shell.run("rm -rf " .. shell.quote(folder)) end)

  it("exists for each file of the folder", function()
    for _, path in ipairs(tree.files("spec/host/embed", "")) do
      local name = path:match("([%w_]+)%.cp?p?$")
      if name then assert.message(path).truthy(programs[name]) end
    end
  end)

  it("is built by CMake with find_package", function()
    must_run('cmake -G Ninja -S "$programs" -B cmake -DCMAKE_PREFIX_PATH="$prefix" && cmake --build cmake -j 2')
  end)

  for name, program in pairs(programs) do
    describe("(" .. name .. ")", function()
      it("is built with pkg-config, and runs", function()
        must_run(('%s -g -O1 -Wall -Wextra -Wpedantic -Werror $(pkg-config --cflags lacuna libuv) "$programs/%s" '
          .. '$(pkg-config --libs lacuna libuv) -lpthread -o %s'):format(
            program.compiler or "cc -std=gnu11 $CFLAGS", program.source or name .. ".c", name))
        local is_slow = IS_SANITIZED and program.arguments
        expect(is_slow and program.slow_output or program.output,
          run("./" .. name .. " " .. (is_slow and program.arguments or "")))
      end)

      it("runs as CMake built it", function()
        local is_slow = IS_SANITIZED and program.arguments
        expect(is_slow and program.slow_output or program.output,
          run("cmake/" .. name .. " " .. (is_slow and program.arguments or "")))
      end)

      if not IS_SANITIZED then
        it("loses no memory and reads none that is not its own", function()
          expect(program.slow_output or program.output,
            run((VALGRIND .. " ./%s %s"):format(name, program.arguments or "")))
        end)
      end
    end)
  end

  if not IS_SANITIZED then -- with which Python is not built, and which has names of its own
    it("may be a Python program that opens the shared library", function()
      expect("status 0\n[9,16]\n", run('/usr/bin/python3 "$programs/script.py" "$prefix/lib/liblacuna.so"'))
    end)

    it("finds nothing in the shared library but lacuna's own names", function()
      assert.equal("", run([[nm -D --defined-only "$prefix/lib/liblacuna.so" | grep -v ' lacuna_']]).stdout)
    end)
  end

  it("finds the version of the header in the library's name", function()
    must_run([[
      abi=$(sed -n 's/#define LACUNA_ABI *\([0-9]*\).*/\1/p' "$prefix/include/lacuna.h")
      test -e "$prefix/lib/liblacuna.so.$abi"]])
  end)
end)
