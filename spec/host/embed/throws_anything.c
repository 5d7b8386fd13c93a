/* throws_anything: what a script raises need not be a string, nor willing to be shown; each is reported once. */
#include <lacuna.h>
#include <stdio.h>

static void on_error(void *data, const char *context, const lacuna_error *error) {
  (void)data, (void)context;
  printf("%s: %.20s\n", error->class_name, error->message);
}

static void run(lacuna_t *runtime, const char *source) {
  printf("status %d\n", lacuna_run_string(runtime, source, "=script", 0, NULL));
}

int main(void) {
  lacuna_options options = {.on_error = on_error};
  lacuna_t *runtime = lacuna_new(&options);
  run(runtime, "error()");
  run(runtime, "error(nil)");
  run(runtime, "error(false)");
  run(runtime, "error(42)");
  run(runtime, "error({}, 0)");
  run(runtime, "error(print)");
  run(runtime, "error(coroutine.create(print))");
  run(runtime, "error(setmetatable({}, {__tostring = function() return 'shown' end}))");
  run(runtime, "error(setmetatable({}, {__tostring = function() error('not shown') end}))");
  run(runtime, "error(setmetatable({}, {__tostring = function() return {} end}))");
  run(runtime, "error(setmetatable({}, {__metatable = false, __index = error}))");
  run(runtime, "error(require('ffi').new('int64_t', 7))");
  run(runtime, "require('lacuna').await(require('lacuna').create_task(function() error({}) end))");
  run(runtime, "print('goes on')");
  lacuna_free(runtime);
  return 0;
}
