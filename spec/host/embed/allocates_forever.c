/* allocates_forever: scripts that keep all they allocate meet the limit on memory, and the runtime goes on; what they
 * drop does not count against it. */
#include <lacuna.h>
#include <stdio.h>

static void on_error(void *data, const char *context, const lacuna_error *error) {
  (void)data, (void)context;
  printf("%s: %s\n", error->class_name, error->message);
}

static void run(lacuna_t *runtime, const char *source) {
  printf("status %d\n", lacuna_run_string(runtime, source, "=script", 0, NULL));
}

int main(void) {
  lacuna_options options = {.memory_limit_bytes = 8 << 20, .task_limit = 1000, .on_error = on_error};
  lacuna_t *runtime = lacuna_new(&options);
  run(runtime, "local all = {} while true do all[#all + 1] = {} end");
  run(runtime, "local text = 'x' while true do text = text .. text end");
  run(runtime, "local ok, err = pcall(function() local all = {} while true do all[#all + 1] = {} end end)\n"
               "print(ok, require('lacuna').isinstance(err, require('lacuna').MemoryError))");
  run(runtime,
      "local async = require 'lacuna'\n"
      "local function grow() local all = {} while true do all[#all + 1] = {} async.await(async.sleep(0)) end end\n"
      "print(pcall(async.await, async.gather(grow, grow)))");
  run(runtime, "for i = 1, 200 do local text = ('x'):rep(1e6) end print('200 times 1 MB, dropped')");
  run(runtime, "local async = require 'lacuna'\n"
               "while true do async.create_task(async.sleep(3600)) end");
  run(runtime, "print('goes on')");
  lacuna_free(runtime);
  return 0;
}
