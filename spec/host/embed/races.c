/* races: calls are cancelled by the script while a thread completes them, and the runtime ends while some are under
 * way. on_cancel and completion share a request, which is freed as soon as the completion has returned. */
#include <lacuna.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct request {
  lacuna_call_t *call;
  int cancelled;
  struct request *next;
} request;

static struct {
  pthread_mutex_t lock;
  request *first;
  bool is_over;
} queue = {.lock = PTHREAD_MUTEX_INITIALIZER};

static int started, completed, cancelled, wrong; /* `completed` is the thread's, the others the runtime's */

static void on_cancel(lacuna_call_t *call, void *data) {
  request *request = data;
  if (request->call != call || request->cancelled++ > 0) wrong++;
  cancelled++;
}

static lacuna_status start(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  request *request = calloc(1, sizeof *request);
  request->call = call;
  started++;
  lacuna_on_cancel(call, on_cancel, request);
  pthread_mutex_lock(&queue.lock);
  request->next = queue.first;
  queue.first = request;
  pthread_mutex_unlock(&queue.lock);
  return LACUNA_PENDING;
}

static void *complete_all(void *data) {
  (void)data;
  for (bool is_over = false; !is_over;) {
    pthread_mutex_lock(&queue.lock);
    request *request = queue.first;
    if (request) queue.first = request->next;
    is_over = !request && queue.is_over;
    pthread_mutex_unlock(&queue.lock);
    if (request) {
      lacuna_value value = lacuna_string("a result longer than fits into a value, so that it is copied");
      lacuna_complete(request->call, &value, 1);
      free(request);
      completed++;
    } else {
      sched_yield();
    }
  }
  return NULL;
}

/* That calls were pending when the runtime was freed is what this is about. */
static void ignore(void *data, const char *text) {
  (void)data, (void)text;
}

static const lacuna_function functions[] = {{"start", start, "", true}, {NULL, NULL, NULL, false}};

static const char source[] = "local async, program, n = require 'lacuna', require 'program', ...\n"
                             "local results, cancellations = 0, 0\n"
                             "for i = 1, n do\n"
                             "  local call = program.start()\n"
                             "  for _ = 1, i % 4 do async.await(async.sleep(0)) end\n"
                             "  if i % 3 > 0 then call:cancel() end\n"
                             "  local ok, result = pcall(async.await, call)\n"
                             "  if ok then results = results + 1 else cancellations = cancellations + 1 end\n"
                             "end\n"
                             "return results + cancellations\n";

static const char endless[] =
    "while true do require('program').start() require('lacuna').await(require('lacuna').sleep(0)) "
    "end\n";

int main(int argc, char **argv) {
  double count = argc > 1 ? atof(argv[1]) : 20000;
  pthread_t thread;
  pthread_create(&thread, NULL, complete_all, NULL);
  for (int round = 0; round < 5; round++) {
    lacuna_options options = {.on_log = ignore};
    lacuna_t *runtime = lacuna_new(&options);
    lacuna_module(runtime, "program", functions, NULL);
    lacuna_value argument = lacuna_number(count / 5);
    lacuna_task_t *task = lacuna_spawn_string(runtime, source, "=races", &argument, 1);
    if (lacuna_task_wait(task, -1) != LACUNA_OK || lacuna_task_result(task, 0).number != argument.number) wrong++;
    lacuna_task_release(task);
    lacuna_task_release(lacuna_spawn_string(runtime, endless, "=endless", NULL, 0));
    for (int i = 0; i < 100; i++) lacuna_step(runtime, 100000);
    lacuna_free(runtime); /* while calls are under way */
  }
  pthread_mutex_lock(&queue.lock);
  queue.is_over = true;
  pthread_mutex_unlock(&queue.lock);
  pthread_join(thread, NULL);
  printf("all completed: %s, some cancelled: %s, wrong: %d\n", started == completed ? "yes" : "no",
         cancelled > 0 ? "yes" : "no", wrong);
  return 0;
}
