/* own_loop: the program runs its own uv loop; its timer ticks beside two tasks of a script. */
#include <lacuna.h>
#include <stdio.h>
#include <uv.h>

static int ticks;

static void on_tick(uv_timer_t *timer) {
  if (++ticks == 5) uv_close((uv_handle_t *)timer, NULL);
}

static void on_done(lacuna_task_t *task, void *data) {
  printf("%s returned %g after some ticks: %s\n", (const char *)data, lacuna_task_result(task, 0).number,
         ticks > 0 ? "yes" : "no");
  lacuna_task_release(task);
}

int main(void) {
  uv_loop_t loop;
  uv_timer_t timer;
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  uv_timer_start(&timer, on_tick, 5, 5);

  lacuna_options options = {.loop = &loop};
  lacuna_t *runtime = lacuna_new(&options);
  const char *source = "local async, seconds, n = require 'lacuna', ...\n"
                       "for i = 1, n do async.await(async.sleep(seconds)) end\n"
                       "return n\n";
  lacuna_value first[] = {lacuna_number(0.02), lacuna_number(2)}, second[] = {lacuna_number(0.02), lacuna_number(4)};
  lacuna_task_on_done(lacuna_spawn_string(runtime, source, "=first", first, 2), on_done, "first");
  lacuna_task_on_done(lacuna_spawn_string(runtime, source, "=second", second, 2), on_done, "second");

  uv_run(&loop, UV_RUN_DEFAULT); /* returns when the timer is closed and both tasks have ended */
  lacuna_free(runtime);
  printf("ticks %d, loop closed: %d\n", ticks, uv_loop_close(&loop));
  return 0;
}
