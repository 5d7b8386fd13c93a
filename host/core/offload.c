#include "core/offload.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "core/bell.h"

enum { MOST_THREADS = 32, THREADS_BEYOND_CORES = 4 }; /* most of the work waits for something */

typedef struct queue {
  lac_job *first, **end; /* end: where the next is to be linked */
} queue;

struct lac_offload {
  lac_closer closer; /* first: on_runtime_close casts */
  lac_bell *bell;    /* rung when a job is done */
  uv_poll_t poll;
  unsigned jobs_out; /* started and not delivered */
  unsigned thread_count, thread_limit;
  pthread_t threads[MOST_THREADS];
  pthread_mutex_t lock; /* guards the rest */
  pthread_cond_t is_wanted;
  queue waiting, done;
  bool is_closing;
};

static void append(queue *queue, lac_job *job) {
  job->next = NULL;
  *queue->end = job;
  queue->end = &job->next;
}

static lac_job *take_first(queue *queue) {
  lac_job *job = queue->first;
  if (!job) return NULL;
  queue->first = job->next;
  if (!queue->first) queue->end = &queue->first;
  return job;
}

static void *run_thread(void *data) {
  lac_offload *pool = data;
  pthread_mutex_lock(&pool->lock);
  for (;;) {
    lac_job *job = take_first(&pool->waiting);
    if (!job && pool->is_closing) break;
    if (!job) {
      pthread_cond_wait(&pool->is_wanted, &pool->lock);
      continue;
    }
    pthread_mutex_unlock(&pool->lock);
    job->work(job);
    pthread_mutex_lock(&pool->lock);
    append(&pool->done, job);
    lac_bell_ring(pool->bell);
  }
  pthread_mutex_unlock(&pool->lock);
  return NULL;
}

/* ---- on the runtime's thread ---- */

/* Signals are the business of the thread that started the program. */
static bool add_thread(lac_offload *pool) {
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  bool is_made = pthread_create(&pool->threads[pool->thread_count], NULL, run_thread, pool) == 0;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  if (is_made) pool->thread_count++;
  return is_made;
}

static void deliver(lac_offload *pool) {
  pthread_mutex_lock(&pool->lock);
  lac_job *job = pool->done.first;
  pool->done = (queue){NULL, &pool->done.first};
  pthread_mutex_unlock(&pool->lock);
  while (job) {
    lac_job *next = job->next; /* on_done may free the job */
    if (--pool->jobs_out == 0) uv_unref((uv_handle_t *)&pool->poll);
    job->on_done(job);
    job = next;
  }
}

static void on_ring(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events; /* an eventfd has no errors */
  lac_offload *pool = poll->data;
  lac_bell_hear(pool->bell);
  deliver(pool);
}

static void on_closed(uv_handle_t *handle) {
  lac_offload *pool = handle->data;
  lac_bell_release(pool->bell);
  pthread_mutex_destroy(&pool->lock);
  pthread_cond_destroy(&pool->is_wanted);
  free(pool);
}

static void on_runtime_close(lac_closer *closer) {
  lac_offload *pool = (lac_offload *)closer;
  pthread_mutex_lock(&pool->lock);
  pool->is_closing = true;
  pthread_cond_broadcast(&pool->is_wanted);
  pthread_mutex_unlock(&pool->lock);
  for (unsigned i = 0; i < pool->thread_count; i++) pthread_join(pool->threads[i], NULL);
  deliver(pool);
  uv_close((uv_handle_t *)&pool->poll, on_closed);
}

lac_offload *lac_offload_open(lacuna_t *runtime) {
  lac_offload *pool = calloc(1, sizeof *pool);
  if (!pool) return NULL;
  pool->bell = lac_bell_new();
  if (!pool->bell || uv_poll_init(lac_uv_loop(runtime), &pool->poll, lac_bell_fd(pool->bell)) < 0) {
    lac_bell_release(pool->bell);
    free(pool);
    return NULL;
  }
  uv_poll_start(&pool->poll, UV_READABLE, on_ring);
  uv_unref((uv_handle_t *)&pool->poll);
  pool->poll.data = pool;
  pthread_mutex_init(&pool->lock, NULL);
  pthread_cond_init(&pool->is_wanted, NULL);
  pool->waiting.end = &pool->waiting.first;
  pool->done.end = &pool->done.first;
  pool->thread_limit = uv_available_parallelism() + THREADS_BEYOND_CORES;
  if (pool->thread_limit > MOST_THREADS) pool->thread_limit = MOST_THREADS;
  pool->closer.close = on_runtime_close;
  lac_add_closer(runtime, &pool->closer);
  return pool;
}

bool lac_offload_start(lac_offload *pool, lac_job *job) {
  bool is_busy = pool->jobs_out >= pool->thread_count && pool->thread_count < pool->thread_limit;
  if (is_busy && !add_thread(pool) && pool->thread_count == 0) return false;
  if (++pool->jobs_out == 1) uv_ref((uv_handle_t *)&pool->poll);
  pthread_mutex_lock(&pool->lock);
  append(&pool->waiting, job);
  pthread_cond_signal(&pool->is_wanted);
  pthread_mutex_unlock(&pool->lock);
  return true;
}
