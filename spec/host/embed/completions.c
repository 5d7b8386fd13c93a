/* completions: asynchronous functions of the program, completed by four threads of its own. */
#include <lacuna.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

enum { THREADS = 4, CAPACITY = 4096 };

/* Calls on their way to one thread. */
typedef struct lane {
  pthread_mutex_t lock;
  pthread_cond_t changed;
  lacuna_call_t *calls[CAPACITY];
  int count;
  bool is_over;
  pthread_t thread;
} lane;

static lane lanes[THREADS];

static void *serve(void *data) {
  lane *lane = data;
  lacuna_call_t *taken[CAPACITY];
  for (;;) {
    pthread_mutex_lock(&lane->lock);
    while (lane->count == 0 && !lane->is_over) pthread_cond_wait(&lane->changed, &lane->lock);
    int count = lane->count;
    memcpy(taken, lane->calls, (size_t)count * sizeof *taken);
    lane->count = 0;
    pthread_mutex_unlock(&lane->lock);
    if (count == 0) return NULL;
    for (int i = 0; i < count; i++) {
      lacuna_value one = lacuna_number(1);
      lacuna_complete(taken[i], &one, 1);
    }
  }
}

/* ask(n): hands the call to the thread n % 4. */
static lacuna_status ask(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  lane *lane = &lanes[arguments[0].integer % THREADS];
  pthread_mutex_lock(&lane->lock);
  bool is_full = lane->count == CAPACITY;
  if (!is_full) lane->calls[lane->count++] = call;
  pthread_cond_signal(&lane->changed);
  pthread_mutex_unlock(&lane->lock);
  return is_full ? lacuna_fail(call, "QueueFull", "too many at once") : LACUNA_PENDING;
}

static const lacuna_function functions[] = {{"ask", ask, "integer", true}, {NULL, NULL, NULL, false}};

static const char source[] = "local async, program = require 'lacuna', require 'program'\n"
                             "local sum, calls, width = 0, {}, 1000\n"
                             "for first = 1, ..., width do\n"
                             "  for i = 1, width do calls[i] = program.ask(first + i) end\n"
                             "  for i = 1, width do sum = sum + async.await(calls[i]) end\n"
                             "end\n"
                             "return sum\n";

int main(int argc, char **argv) {
  lacuna_value count = lacuna_number(argc > 1 ? atof(argv[1]) : 1000000);
  for (int i = 0; i < THREADS; i++) {
    pthread_mutex_init(&lanes[i].lock, NULL);
    pthread_cond_init(&lanes[i].changed, NULL);
    pthread_create(&lanes[i].thread, NULL, serve, &lanes[i]);
  }
  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_module(runtime, "program", functions, NULL);
  lacuna_task_t *task = lacuna_spawn_string(runtime, source, "=completions", &count, 1);
  if (lacuna_task_wait(task, -1) == LACUNA_OK)
    printf("all completed: %s\n", lacuna_task_result(task, 0).number == count.number ? "yes" : "no");
  else
    printf("%s\n", lacuna_task_error(task)->text);
  lacuna_task_release(task);
  for (int i = 0; i < THREADS; i++) {
    pthread_mutex_lock(&lanes[i].lock);
    lanes[i].is_over = true;
    pthread_cond_signal(&lanes[i].changed);
    pthread_mutex_unlock(&lanes[i].lock);
    pthread_join(lanes[i].thread, NULL);
  }
  lacuna_free(runtime);
  return 0;
}
