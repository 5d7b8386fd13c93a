#include "mod/worker_thread.h"

#include <errno.h>
#include <lauxlib.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define REGISTRY_KEY "lacuna.worker"

enum { GRACE_MS = 10 }; /* within which a worker that waits, or soon does, hears of it and leaves by itself */

#define SERVE "require('lacuna.exec.worker').serve()"
static const char script[] = SERVE;
static const char talking_script[] = "io.stdout:setvbuf('line') " SERVE; /* whole lines, as they come */

/* ---- on the worker's thread ---- */

static void release(lac_worker *worker) {
  if (atomic_fetch_sub(&worker->holders, 1) > 1) return;
  lac_mailbox_release(worker->inbox);
  lac_mailbox_release(worker->outbox);
  lac_mailbox_release(worker->control);
  lac_mailbox_release(worker->stream);
  lac_message_free(worker->setup);
  lac_words_release(worker->words);
  pthread_mutex_destroy(&worker->lock);
  pthread_cond_destroy(&worker->ended);
  free(worker);
}

static int register_worker(lua_State *L) {
  lua_setfield(L, LUA_REGISTRYINDEX, REGISTRY_KEY); /* the light userdata that lua_cpcall pushed */
  return 0;
}

lac_worker *lac_worker_of(lua_State *L) {
  lua_getfield(L, LUA_REGISTRYINDEX, REGISTRY_KEY);
  lac_worker *worker = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return worker;
}

void lac_worker_set_reason(lac_worker *worker, const char *reason) {
  snprintf(worker->reason, sizeof worker->reason, "%s", reason);
}

void lac_worker_begin(lac_worker *worker, int64_t id) {
  lac_interrupt_set_run(lac_runtime_interrupt(worker->runtime), (uint64_t)id); /* the only thread that writes runtime */
}

void lac_worker_spare(lac_worker *worker, unsigned limit_ms) {
  if (limit_ms)
    lac_interrupt_run(lac_runtime_interrupt(worker->runtime), (uint64_t)worker->running, limit_ms);
  else
    lac_worker_begin(worker, 0);
}

static void set_runtime(lac_worker *worker, lacuna_t *runtime) {
  pthread_mutex_lock(&worker->lock);
  worker->runtime = runtime;
  pthread_mutex_unlock(&worker->lock);
}

static void run_runtime(lac_worker *worker) {
  lacuna_options options = {.is_clock_virtual = worker->is_clock_virtual, .is_debug = worker->is_debug};
  if (worker->words) lac_words_receive_from(worker->words, &options);
  lacuna_t *runtime = lacuna_new(&options);
  set_runtime(worker, runtime);
  if (!runtime || lua_cpcall(lacuna_lua_state(runtime), register_worker, worker) != 0) {
    lac_worker_set_reason(worker, "its Lua state cannot be made: out of memory or file descriptors");
  } else if (lacuna_run_string(runtime, worker->words ? talking_script : script, "=[lacuna.exec.worker]", 0, NULL) !=
                 LACUNA_OK &&
             !*worker->reason) {
    lac_worker_set_reason(worker, "its Lua state failed");
  }
  set_runtime(worker, NULL);
  lacuna_free(runtime);
}

static void *run_thread(void *data) {
  lac_worker *worker = data;
  run_runtime(worker);
  lac_message *last = lac_message_new(-worker->number, worker->reason, strlen(worker->reason));
  if (last && lac_mailbox_push_last(worker->outbox, last) != LAC_PUSHED) lac_message_free(last);
  pthread_mutex_lock(&worker->lock);
  worker->has_ended = true;
  pthread_cond_signal(&worker->ended);
  pthread_mutex_unlock(&worker->lock);
  release(worker);
  return NULL;
}

/* ---- on the starter's thread ---- */

static lac_worker *new_worker(const lac_worker *like, const char *setup, size_t setup_size) {
  lac_worker *worker = calloc(1, sizeof *worker);
  if (!worker) return NULL;
  atomic_init(&worker->holders, 1);
  pthread_mutex_init(&worker->lock, NULL);
  pthread_condattr_t attributes;
  pthread_condattr_init(&attributes);
  pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  pthread_cond_init(&worker->ended, &attributes);
  pthread_condattr_destroy(&attributes);
  worker->inbox = lac_mailbox_retain(like->inbox);
  worker->outbox = lac_mailbox_retain(like->outbox);
  worker->stream = like->stream ? lac_mailbox_retain(like->stream) : NULL;
  worker->control = lac_mailbox_new(0);
  worker->words = like->words ? lac_words_retain(like->words) : NULL;
  worker->setup = lac_message_new(0, setup, setup_size);
  worker->number = like->number;
  worker->is_clock_virtual = like->is_clock_virtual;
  worker->is_debug = like->is_debug;
  if (worker->control && worker->setup) return worker;
  release(worker);
  return NULL;
}

/* Signals are the business of the thread that started the program: a worker's takes none. */
static int start_thread(lac_worker *worker) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  int status = pthread_create(&worker->thread, NULL, run_thread, worker);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return status;
}

lac_worker *lac_worker_start(lac_worker *workers, const lac_worker *like, const char *setup, size_t setup_size,
                             const char **message) {
  lac_worker *worker = new_worker(like, setup, setup_size);
  if (!worker) {
    *message = "out of memory";
    return NULL;
  }
  atomic_fetch_add(&worker->holders, 1);
  if (start_thread(worker) != 0) {
    *message = "the system starts no more threads";
    release(worker);
    release(worker); /* NOLINT(clang-analyzer-unix.Malloc): there were two holders */
    return NULL;
  }
  worker->previous = workers->previous;
  worker->next = workers;
  worker->previous->next = workers->previous = worker;
  return worker;
}

/* Breaks off the Lua code of the message with this id. */
static void interrupt_code(lac_worker *worker, int64_t id) {
  pthread_mutex_lock(&worker->lock);
  if (worker->runtime && id) lac_interrupt_run(lac_runtime_interrupt(worker->runtime), (uint64_t)id, GRACE_MS);
  pthread_mutex_unlock(&worker->lock);
}

void lac_worker_interrupt(lac_worker *worker, int64_t id) {
  lac_message *message = lac_message_new(id, "", 0);
  if (message && lac_mailbox_push(worker->control, NULL, message) != LAC_PUSHED) lac_message_free(message);
  interrupt_code(worker, id);
}

void lac_worker_stop(lac_worker *worker) {
  lac_mailbox_close(worker->control, true);
  interrupt_code(worker, worker->running);
}

static void let_go(lac_worker *worker) {
  worker->previous->next = worker->next;
  worker->next->previous = worker->previous;
  release(worker);
}

void lac_worker_join(lac_worker *worker) {
  pthread_join(worker->thread, NULL);
  let_go(worker);
}

/* True if the thread has ended, now or before the deadline. */
static bool wait_for_end(lac_worker *worker, const struct timespec *deadline) {
  pthread_mutex_lock(&worker->lock);
  while (!worker->has_ended && pthread_cond_timedwait(&worker->ended, &worker->lock, deadline) != ETIMEDOUT) continue;
  bool has_ended = worker->has_ended;
  pthread_mutex_unlock(&worker->lock);
  return has_ended;
}

int lac_worker_end_all(lac_worker *workers, uint64_t limit_ms) {
  struct timespec deadline;
  clock_gettime(CLOCK_MONOTONIC, &deadline);
  deadline.tv_sec += (time_t)(limit_ms / 1000);
  deadline.tv_nsec += (long)(limit_ms % 1000) * 1000000;
  if (deadline.tv_nsec >= 1000000000) {
    deadline.tv_nsec -= 1000000000;
    deadline.tv_sec++;
  }
  for (lac_worker *worker = workers->next; worker != workers; worker = worker->next) {
    lac_mailbox_close(worker->inbox, true);
    lac_mailbox_close(worker->outbox, false);
    if (worker->stream) lac_mailbox_close(worker->stream, true);
    lac_worker_stop(worker);
  }
  int abandoned = 0;
  while (workers->next != workers) {
    lac_worker *worker = workers->next;
    if (wait_for_end(worker, &deadline)) { /* NOLINT(clang-analyzer-unix.Malloc): who is let go has left the ring */
      lac_worker_join(worker);
    } else {
      pthread_detach(worker->thread);
      let_go(worker);
      abandoned++;
    }
  }
  return abandoned;
}
