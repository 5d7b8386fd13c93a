/* two_runtimes: each in a thread of its own; they post to each other. */
#include <lacuna.h>
#include <pthread.h>
#include <stdio.h>

enum { ROUNDS = 1000 };

typedef struct side {
  lacuna_t *runtime;
  struct side *other;
  lacuna_call_t *waiting; /* this side's script waits for a message */
  int arrived;            /* messages that came before it did */
} side;

/* On the runtime's thread: a message from the other one. */
static void on_message(void *data) {
  side *side = data;
  if (side->waiting) {
    lacuna_complete(side->waiting, NULL, 0);
    side->waiting = NULL;
  } else {
    side->arrived++;
  }
}

static lacuna_status send_message(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  side *side = lacuna_data(call);
  if (!lacuna_post(side->other->runtime, on_message, side->other))
    return lacuna_fail(call, "RuntimeError", "the other side is gone");
  return LACUNA_OK;
}

static lacuna_status receive_message(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  side *side = lacuna_data(call);
  if (side->arrived > 0) {
    side->arrived--;
    return LACUNA_OK;
  }
  side->waiting = call;
  return LACUNA_PENDING;
}

static const lacuna_function functions[] = {
    {"send", send_message, "", false},
    {"receive", receive_message, "", true},
    {NULL, NULL, NULL, false},
};

static void *run(void *data) {
  side *side = data;
  lacuna_value rounds = lacuna_number(ROUNDS);
  lacuna_task_t *task = lacuna_spawn_string(side->runtime,
                                            "local async, other, n = require 'lacuna', require 'other', ...\n"
                                            "for i = 1, n do other.send() async.await(other.receive()) end\n"
                                            "return n\n",
                                            "=side", &rounds, 1);
  lacuna_task_wait(task, -1);
  printf("%g messages\n", lacuna_task_result(task, 0).number);
  lacuna_task_release(task);
  return NULL;
}

int main(void) {
  side sides[2] = {{.other = &sides[1]}, {.other = &sides[0]}};
  pthread_t threads[2];
  for (int i = 0; i < 2; i++) {
    sides[i].runtime = lacuna_new(NULL);
    lacuna_module(sides[i].runtime, "other", functions, &sides[i]);
  }
  for (int i = 0; i < 2; i++) pthread_create(&threads[i], NULL, run, &sides[i]);
  for (int i = 0; i < 2; i++) pthread_join(threads[i], NULL);
  for (int i = 0; i < 2; i++) lacuna_free(sides[i].runtime);
  return 0;
}
