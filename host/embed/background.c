/* background: what comes to the runtime's thread from others: posted functions, and work done on other threads. And the
 * orderly end of all that goes on. */
#include <lauxlib.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/offload.h"
#include "embed/embedding.h"

/* ---- posting ---- */

typedef struct post {
  lac_delivery delivery;
  void (*on_post)(void *data);
  void *data;
} post;

static void on_delivery(lac_delivery *delivery, lacuna_t *runtime) {
  (void)runtime;
  post posted = *(post *)delivery; /* its first field */
  free(delivery);
  posted.on_post(posted.data);
}

bool lacuna_post(lacuna_t *runtime, void (*on_post)(void *data), void *data) {
  post *post = malloc(sizeof *post);
  if (!post) return false;
  *post = (struct post){{.deliver = on_delivery}, on_post, data};
  if (lac_inbox_put(lac_driver_inbox(lac_runtime_driver(runtime)), &post->delivery)) return true;
  free(post);
  return false;
}

/* ---- offloading ---- */

typedef struct offload {
  lac_job job; /* first: the callbacks cast */
  lac_embedding *embedding;
  void (*work)(void *data);
  void (*on_done)(void *data);
  void *data;
} offload;

static void on_work(lac_job *job) {
  const offload *offload = (struct offload *)job;
  offload->work(offload->data);
}

static void on_worked(lac_job *job) {
  offload done = *(offload *)job;
  free(job);
  done.embedding->offload_count--;
  lac_driver_wake(lac_runtime_driver(done.embedding->runtime));
  if (done.on_done) done.on_done(done.data);
}

bool lacuna_offload(lacuna_t *runtime, void (*work)(void *data), void (*on_done)(void *data), void *data) {
  lac_embedding *embedding = lac_is_closing(runtime) ? NULL : lac_embedding_of(runtime);
  if (!embedding) return false;
  if (!embedding->offload_pool) embedding->offload_pool = lac_offload_open(runtime);
  offload *offload = embedding->offload_pool ? malloc(sizeof *offload) : NULL;
  if (!offload) return false;
  *offload = (struct offload){{on_work, on_worked, NULL}, embedding, work, on_done, data};
  if (lac_offload_start(embedding->offload_pool, &offload->job)) {
    embedding->offload_count++;
    return true;
  }
  free(offload);
  return false;
}

/* ---- shutting down ---- */

static int run_shut_down(lua_State *L, void *data) {
  lac_embedding *embedding = data;
  lac_push_half(embedding, L, LAC_HALF_SHUT_DOWN);
  lua_call(L, 0, 0);
  return 0;
}

typedef struct count {
  lac_embedding *embedding;
  int value;
} count;

static int run_count(lua_State *L, void *data) {
  count *count = data;
  lac_push_half(count->embedding, L, LAC_HALF_PENDING);
  lua_call(L, 0, 1);
  count->value = (int)lua_tointeger(L, -1);
  return 0;
}

/* How much goes on: tasks, calls, work on the pool. */
static int count_pending(lac_embedding *embedding) {
  count count = {embedding, 0};
  lac_protect(embedding, run_count, &count);
  return count.value + embedding->pending_count + embedding->offload_count;
}

static bool is_quiet(void *data) {
  return count_pending(data) == 0;
}

static int run_report(lua_State *L, void *data) {
  lac_push_half(data, L, LAC_HALF_LEFT);
  lua_call(L, 0, 0);
  return 0;
}

/* Logs what has not ended, a line each. */
static void report_left(lac_embedding *embedding) {
  lac_output *output = lac_runtime_output(embedding->runtime);
  char text[256];
  lac_protect(embedding, run_report, embedding);
  lacuna_call_t *call = embedding->pending;
  for (int i = 0; i < embedding->pending_count; i++, call = call->next) {
    snprintf(text, sizeof text, "shutdown: a call of %s has not been completed", call->name);
    lac_output_log(output, text);
  }
  for (int i = 0; i < embedding->offload_count; i++) lac_output_log(output, "shutdown: work on the pool has not ended");
}

int lacuna_shutdown(lacuna_t *runtime, int timeout_ms) {
  lac_embedding *embedding = *lac_runtime_embedding(runtime);
  if (!embedding) return 0;
  if (lac_driver_is_inside(lac_runtime_driver(runtime))) {
    lac_output_log(lac_runtime_output(runtime), "lacuna_shutdown: called from within a callback");
    return count_pending(embedding);
  }
  lac_protect(embedding, run_shut_down, embedding);
  lac_driver_wake(lac_runtime_driver(runtime));
  if (lac_driver_run(lac_runtime_driver(runtime), is_quiet, embedding, timeout_ms, false)) return 0;
  report_left(embedding);
  return count_pending(embedding);
}
