/* restart: shutting down in order, what refuses to end, and again on the same loop. */
#include <lacuna.h>
#include <stdio.h>
#include <unistd.h>
#include <uv.h>

static int worked;

static void work(void *data) {
  (void)data;
  usleep(20000);
}

static void on_worked(void *data) {
  worked += *(int *)data;
}

static void on_posted(void *data) {
  worked += *(int *)data;
}

static void on_log(void *data, const char *text) {
  (void)data;
  printf("log: %s\n", text);
}

static const char source[] = "local async = require 'lacuna'\n"
                             "local function stubborn() while true do pcall(async.await, async.sleep(3600)) end end\n"
                             "async.create_task(stubborn, {name = 'stubborn'})\n"
                             "async.try(function() async.await(async.sleep(3600)) end, {finally = function()\n"
                             "  async.await(async.sleep(0.001))\n"
                             "  print('cleaned up')\n"
                             "end})\n";

int main(void) {
  uv_loop_t loop;
  uv_loop_init(&loop);
  setvbuf(stdout, NULL, _IONBF, 0);
  for (int round = 0; round < 3; round++) {
    int one = 1;
    lacuna_options options = {.loop = &loop, .on_log = on_log};
    lacuna_t *runtime = lacuna_new(&options);
    lacuna_task_t *task = lacuna_spawn_string(runtime, source, "=restart", NULL, 0);
    for (int turn = 0; turn < 10; turn++) uv_run(&loop, UV_RUN_NOWAIT);
    lacuna_offload(runtime, work, on_worked, &one);
    printf("left: %d\n", lacuna_shutdown(runtime, 500));
    printf("status %d, worked %d\n", lacuna_task_status(task), worked);
    lacuna_task_release(task);

    task = lacuna_spawn_string(runtime, "return 'used again'", "=again", NULL, 0);
    lacuna_task_wait(task, 1000);
    printf("%s\n", lacuna_task_result(task, 0).bytes);
    lacuna_task_release(task);

    lacuna_offload(runtime, work, on_worked, &one);
    lacuna_post(runtime, on_posted, &one);
    lacuna_free(runtime); /* waits for the pool, and delivers what was posted */
    printf("worked %d\n", worked);
  }
  printf("loop closed: %d\n", uv_loop_close(&loop));
  return 0;
}
