-- lacuna.http and what it finds on the machine: no libcurl, and name servers that take their time. A preloaded library
-- stands in for both, so this runs the binary as a black box.
local uv = require "luv"
local shell = require "spec.support.shell"

local PRELOADED = [[
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void *dlopen(const char *path, int flags) {
  void *(*real)(const char *, int) = dlsym(RTLD_NEXT, "dlopen");
  return real(getenv("HIDE_CURL") && path && strstr(path, "libcurl") ? "/nowhere/libcurl.so.4" : path, flags);
}

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints, struct addrinfo **result) {
  int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **);
  real = dlsym(RTLD_NEXT, "getaddrinfo");
  if (name && strcmp(name, "slow.invalid") == 0) sleep(2);
  return real(name, service, hints, result);
}
]]

describe("lacuna.http", function()
  local folder

  setup(function()
    folder = shell.make_folder()
    shell.write_file(folder .. "/preloaded.c", PRELOADED)
    local built = shell.run(("cc -shared -fPIC -o %s/preloaded.so %s/preloaded.c -ldl"):format(folder, folder))
    assert(built.status == 0, built.stderr)
  end)

  teardown(function() shell.run("rm -r " .. folder) end)

  local function run(environment, script)
    local sanitizer = "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0"
    return shell.run(("%s LD_PRELOAD=%s/preloaded.so %s %s -e %s"):format(
      sanitizer, folder, environment, uv.exepath(), shell.quote(script)))
  end

  it("names the package to install when there is no libcurl, each time, and nothing else fails", function()
    local result = run("HIDE_CURL=1", [[
      local async = require "lacuna"
      local http = require "lacuna.http"
      for _ = 1, 2 do
        local ok, err = pcall(async.await, http.get("http://127.0.0.1:1/"))
        print(ok, async.isinstance(err, async.OSError), err.message:match("install the package libcurl4"))
      end]])
    assert.equal("false\ttrue\tinstall the package libcurl4\n", result.stdout:sub(1, #result.stdout / 2), result.stderr)
    assert.equal(0, result.status)
  end)

  it("keeps the loop going while a name is looked up, and lets go of a look-up that is cancelled", function()
    local result = run("", [[
      local async = require "lacuna"
      local http = require "lacuna.http"
      local await = async.await
      local started = async.get_running_loop():time()
      local ok, err = pcall(await, http.get("http://slow.invalid/", {timeout = 0.1}))
      print(ok, async.isinstance(err, async.TimeoutError))
      local task = async.create_task(http.get("http://slow.invalid/"))
      for _ = 1, 20 do await(async.sleep(0.005)) end
      task:cancel()
      print(pcall(await, task))
      print(async.get_running_loop():time() - started < 1)]])
    assert.equal("false\ttrue\nfalse\tCancelledError\ntrue\n", result.stdout, result.stderr)
    assert.equal(0, result.status)
  end)
end)
