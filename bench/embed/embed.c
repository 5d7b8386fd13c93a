/* embed.c CASE N: what it costs a C program to have lacuna inside; prints wall_s and cpu_s of N times. */
#include <lacuna.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void fail(const char *what) {
  fprintf(stderr, "embed.c: %s\n", what);
  exit(1);
}

/* ---- what the scripts call ---- */

static lacuna_status add(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  lacuna_value sum = lacuna_number(arguments[0].number + arguments[1].number);
  return lacuna_complete(call, &sum, 1);
}

enum { QUEUE_SIZE = 1 << 16 };

/* Calls to be completed, from the script's thread to the one that completes them. */
static struct {
  lacuna_call_t *calls[QUEUE_SIZE];
  atomic_uint first, last;
  atomic_bool is_over;
} queue;

static lacuna_status put(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments;
  (void)count;
  unsigned last = atomic_load_explicit(&queue.last, memory_order_relaxed);
  queue.calls[last % QUEUE_SIZE] = call;
  atomic_store_explicit(&queue.last, last + 1, memory_order_release);
  return LACUNA_PENDING;
}

/* Completes what has been put; how many. */
static int complete_all(void) {
  unsigned first = atomic_load_explicit(&queue.first, memory_order_relaxed);
  unsigned last = atomic_load_explicit(&queue.last, memory_order_acquire);
  for (unsigned i = first; i != last; i++) {
    lacuna_value value = lacuna_number(i);
    lacuna_complete(queue.calls[i % QUEUE_SIZE], &value, 1);
  }
  atomic_store_explicit(&queue.first, last, memory_order_relaxed);
  return (int)(last - first);
}

static void *complete_in_thread(void *data) {
  (void)data;
  while (!atomic_load_explicit(&queue.is_over, memory_order_relaxed))
    if (complete_all() == 0) sched_yield();
  return NULL;
}

static void complete_posted(void *data) {
  complete_all();
  if (!atomic_load_explicit(&queue.is_over, memory_order_relaxed)) lacuna_post(data, complete_posted, data);
}

static const lacuna_function functions[] = {
    {"add", add, "number number", false},
    {"put", put, "", true},
    {NULL, NULL, NULL, false},
};

/* ---- the cases ---- */

static lacuna_t *open_runtime(void) {
  lacuna_t *runtime = lacuna_new(NULL);
  if (!runtime || !lacuna_module(runtime, "host", functions, NULL)) fail("no runtime");
  return runtime;
}

static void run_script(lacuna_t *runtime, const char *source, double n) {
  lacuna_value argument = lacuna_number(n);
  lacuna_task_t *task = lacuna_spawn_string(runtime, source, "=bench", &argument, 1);
  if (lacuna_task_wait(task, -1) != LACUNA_OK) fail(lacuna_task_error(task)->text);
  lacuna_task_release(task);
}

static void measure_step(lacuna_t *runtime, long n) {
  while (lacuna_step(runtime, 1000000)) continue;
  for (long i = 0; i < n; i++) lacuna_step(runtime, 1000000);
}

static const char call_source[] = "local host, n = require 'host', ... local add, sum = host.add, 0 "
                                  "for i = 1, n do sum = add(sum, i) end assert(sum == n * (n + 1) / 2)";
/* 1,000 calls are under way at a time. */
static const char put_source[] =
    "local async, host, n = require 'lacuna', require 'host', ... local await, put = async.await, host.put "
    "local calls = {} for round = 1, n / 1000 do for i = 1, 1000 do calls[i] = put() end "
    "for i = 1, 1000 do await(calls[i]) end end";

static void measure_new(long n, bool is_used) {
  for (long i = 0; i < n; i++) {
    lacuna_t *runtime = lacuna_new(NULL);
    if (!runtime || (is_used && lacuna_run_string(runtime, "", "=bench", 0, NULL) != 0)) fail("no runtime");
    lacuna_free(runtime);
  }
}

static double resident_bytes(void) {
  long pages = 0, resident = 0;
  FILE *file = fopen("/proc/self/statm", "r");
  if (!file || fscanf(file, "%ld %ld", &pages, &resident) != 2) fail("no /proc/self/statm");
  fclose(file);
  return (double)resident * (double)sysconf(_SC_PAGESIZE);
}

/* What a runtime holds that has run a script. */
static void print_size(void) {
  lacuna_t *runtimes[20];
  enum { COUNT = sizeof runtimes / sizeof *runtimes };
  double before = resident_bytes();
  for (int i = 0; i < COUNT; i++) {
    runtimes[i] = lacuna_new(NULL);
    if (!runtimes[i] || lacuna_run_string(runtimes[i], "", "=bench", 0, NULL) != 0) fail("no runtime");
  }
  printf("size_kib %.0f\n", (resident_bytes() - before) / COUNT / 1024);
  for (int i = 0; i < COUNT; i++) lacuna_free(runtimes[i]);
}

int main(int argc, char **argv) {
  if (argc != 3) fail("CASE N");
  const char *name = argv[1];
  long n = atol(argv[2]);
  bool is_new = strncmp(name, "new", 3) == 0;
  lacuna_t *runtime = is_new ? NULL : open_runtime();
  pthread_t thread;
  bool has_thread = strcmp(name, "thread") == 0;
  if (has_thread) pthread_create(&thread, NULL, complete_in_thread, NULL);
  if (strcmp(name, "loop") == 0) lacuna_post(runtime, complete_posted, runtime);
  double started = seconds(CLOCK_MONOTONIC), started_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (strcmp(name, "step") == 0)
    measure_step(runtime, n);
  else if (strcmp(name, "call") == 0)
    run_script(runtime, call_source, (double)n);
  else if (strcmp(name, "loop") == 0 || has_thread)
    run_script(runtime, put_source, (double)n);
  else if (is_new)
    measure_new(n, strcmp(name, "new_used") == 0);
  else
    fail("unknown case");
  printf("wall_s %f\ncpu_s %f\n", seconds(CLOCK_MONOTONIC) - started, seconds(CLOCK_PROCESS_CPUTIME_ID) - started_cpu);
  atomic_store(&queue.is_over, true);
  if (has_thread) pthread_join(thread, NULL);
  lacuna_free(runtime);
  if (is_new) print_size();
  return 0;
}
