/* recurses_forever: endless recursion ends as an error, in Lua, through C functions, and in coroutines. */
#include <lacuna.h>
#include <stdio.h>
#include <string.h>

static void on_error(void *data, const char *context, const lacuna_error *error) {
  (void)data, (void)context;
  printf("%s\n", strstr(error->message, "stack overflow") ? "stack overflow" : error->message);
}

static void run(lacuna_t *runtime, const char *source) {
  printf("status %d\n", lacuna_run_string(runtime, source, "=script", 0, NULL));
}

int main(void) {
  lacuna_options options = {.on_error = on_error};
  lacuna_t *runtime = lacuna_new(&options);
  run(runtime, "local function f() return 1 + f() end f()");
  run(runtime, "local t = setmetatable({}, {__index = function(t, k) return t[k] .. k end}) print(t.x)");
  run(runtime, "local function f(text) return (text:gsub('x', f)) end f('x')");
  run(runtime, "local function f() table.sort({1, 2}, f) end f()");
  run(runtime, "local f function f() return coroutine.wrap(f)() end f()");
  run(runtime, "local async = require 'lacuna'\n"
               "local f f = async(function() return 1 + async.await(f()) end)\n"
               "print(pcall(function() local function g() return 1 + g() end g() end) == false)");
  run(runtime, "print('goes on')");
  lacuna_free(runtime);
  return 0;
}
