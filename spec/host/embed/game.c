/* game: a loop of 60 ticks a second gives scripts 2 ms of each; 10,000 tasks share them. */
#include <lacuna.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

enum { BUDGET_NS = 2000000 };

static const long tick_ns = 1000000000 / 60;

static const char source[] = "local async = require 'lacuna'\n"
                             "local steps = 0\n"
                             "local function creature()\n"
                             "  while true do\n"
                             "    for i = 1, 100 do steps = steps + 0.01 end\n"
                             "    async.await(async.sleep(0))\n"
                             "  end\n"
                             "end\n"
                             "for i = 1, ... do async.create_task(creature) end\n"
                             "return function() return steps end\n";

static long long now_ns(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static void sleep_until(long long when_ns) {
  struct timespec when = {when_ns / 1000000000, when_ns % 1000000000};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &when, NULL);
}

int main(int argc, char **argv) {
  int ticks = argc > 1 ? atoi(argv[1]) : 60, steps_on_time = 0, busy_steps = 0;
  lacuna_value creatures = lacuna_number(argc > 2 ? atof(argv[2]) : 10000);
  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_task_t *script = lacuna_spawn_string(runtime, source, "=game", &creatures, 1);
  while (lacuna_task_status(script) == LACUNA_PENDING) lacuna_step(runtime, BUDGET_NS);

  long long next_ns = now_ns(CLOCK_MONOTONIC);
  for (int tick = 0; tick < ticks; tick++) {
    long long started_ns = now_ns(CLOCK_THREAD_CPUTIME_ID); /* not what other programs take meanwhile */
    if (lacuna_step(runtime, BUDGET_NS)) busy_steps++;      /* true: the creatures would go on */
    if (now_ns(CLOCK_THREAD_CPUTIME_ID) - started_ns < BUDGET_NS + BUDGET_NS / 2) steps_on_time++;
    next_ns += tick_ns; /* here the game draws */
    sleep_until(next_ns);
  }

  lacuna_task_t *counting = lacuna_spawn(runtime, lacuna_task_result(script, 0), NULL, 0);
  while (lacuna_task_status(counting) == LACUNA_PENDING) lacuna_step(runtime, BUDGET_NS);
  double steps = lacuna_task_result(counting, 0).number;
  printf("every tick had more to run: %s\n", busy_steps == ticks ? "yes" : "no");
  printf("most were on time: %s\n", steps_on_time * 10 >= ticks * 9 ? "yes" : "no");
  printf("every creature moved: %s\n", steps >= creatures.number ? "yes" : "no");
  lacuna_task_release(counting);
  lacuna_task_release(script);
  printf("left after shutdown: %d\n", lacuna_shutdown(runtime, -1));
  lacuna_free(runtime);
  return 0;
}
