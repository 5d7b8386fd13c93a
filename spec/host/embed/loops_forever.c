/* loops_forever: scripts that never wait are broken off by the limit on a step's time, compiled loops included; the
 * runtime goes on, and so does a task that the busy one kept from running. */
#include <lacuna.h>
#include <stdio.h>

static void on_error(void *data, const char *context, const lacuna_error *error) {
  (void)data, (void)context;
  printf("%s: %s\n", error->class_name, error->message);
}

static void run(lacuna_t *runtime, const char *source) {
  printf("status %d\n", lacuna_run_string(runtime, source, "=script", 0, NULL));
}

/* valgrind cannot lengthen the stack of a thread that a signal finds waiting. */
static void use_stack(void) {
  volatile char bytes[65536];
  for (size_t i = 0; i < sizeof bytes; i += 1024) bytes[i] = 0;
}

int main(void) {
  use_stack();
  lacuna_options options = {.step_limit_ms = 100, .on_error = on_error};
  lacuna_t *runtime = lacuna_new(&options);
  run(runtime, "while true do end");
  run(runtime, "local x = 0.5 for i = 1, 1e18 do x = x * 1.000001 if x > 1e9 then x = 0.5 end end");
  run(runtime, "while true do pcall(function() while true do end end) end");
  run(runtime, "table.sort({3, 1, 2}, function() while true do end end)");
  run(runtime, "local async = require 'lacuna'\n"
               "local busy = async.create_task(function() while true do end end)\n"
               "local other = async.create_task(function() return 'the other task ran' end)\n"
               "print(pcall(async.await, busy))\n"
               "print(async.await(other))");
  run(runtime, "local async = require 'lacuna'\n"
               "async.try(function() while true do end end, {finally = function() print('cleaned up') end})");
  lacuna_free(runtime);
  return 0;
}
