/* reports: the library writes nowhere by itself: what scripts write and what goes wrong goes to callbacks. */
#include <lacuna.h>
#include <stdio.h>
#include <uv.h>

static void on_error(void *data, const char *context, const lacuna_error *error) {
  (void)data;
  printf("error [%s] %s: %s\n", context, error->class_name, error->message);
}

static void on_log(void *data, const char *text) {
  (void)data;
  printf("log [%s]\n", text);
}

static void on_output(void *data, lacuna_stream stream, const char *bytes, size_t size) {
  (void)data;
  printf("%s [%.*s]\n", stream == LACUNA_STDOUT ? "stdout" : "stderr", (int)size - 1, bytes);
}

/* step(): what must not be called from within a callback says so. */
static lacuna_status step(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  lacuna_step(lacuna_runtime(call), 0);
  return LACUNA_OK;
}

static const lacuna_function functions[] = {{"step", step, "", false}, {NULL, NULL, NULL, false}};

/* A callback of the program's own loop, which the program runs: all that would run the loop again says no. */
static void on_async(uv_async_t *async) {
  lacuna_t *runtime = async->data;
  lacuna_task_t *task = lacuna_spawn_string(runtime, "", "=task", NULL, 0);
  lacuna_step(runtime, 0);
  lacuna_run_string(runtime, "", "=script", 0, NULL);
  lacuna_task_wait(task, -1);
  lacuna_shutdown(runtime, -1);
  lacuna_free(runtime);
  lacuna_task_release(task);
  uv_close((uv_handle_t *)async, NULL);
}

static void run_loop(lacuna_options options) {
  uv_loop_t loop;
  uv_async_t async;
  uv_loop_init(&loop);
  options.loop = &loop;
  async.data = lacuna_new(&options);
  uv_async_init(&loop, &async, on_async);
  uv_async_send(&async);
  uv_run(&loop, UV_RUN_DEFAULT);
  printf("left %d\n", lacuna_shutdown(async.data, -1));
  lacuna_free(async.data);
  printf("loop closed: %d\n", uv_loop_close(&loop));
}

static void run(lacuna_t *runtime, const char *source) {
  printf("status %d\n", lacuna_run_string(runtime, source, "=script", 0, NULL));
}

int main(void) {
  lacuna_options options = {.on_error = on_error, .on_log = on_log, .on_output = on_output};
  lacuna_t *runtime = lacuna_new(&options);
  lacuna_module(runtime, "program", functions, NULL);
  run(runtime, "print('print', 1)");
  run(runtime, "io.write('io.write\\n')");
  run(runtime, "io.stderr:write('io.stderr\\n')");
  run(runtime, "require('lacuna').await(require('lacuna').to_thread(function() print('worker') end))");
  run(runtime, "require('lacuna').await(require('lacuna').to_thread(function() io.stderr:write('worker\\n') end))");
  run(runtime, "error(require('lacuna').ValueError('thrown'))");
  run(runtime, "error({})");
  run(runtime, "local async = require 'lacuna'\n"
               "async.create_task(function() error('nobody looks', 0) end)\n"
               "async.await(async.sleep(0))");
  run(runtime, "no Lua");
  run(runtime, "os.exit(3)");
  run(runtime, "require('program').step()");
  lacuna_task_release(lacuna_spawn_string(runtime, "error('released', 0)", "=task", NULL, 0));
  while (lacuna_step(runtime, 1000000)) continue;
  lacuna_free(runtime);
  run_loop(options);
  return 0;
}
