#include "core/inbox.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { DELIVERIES_PER_CLOCK = 16 };

/* Messages in order. */
typedef struct queue {
  lac_delivery *first, **link; /* link is where the next one goes */
} queue;

struct lac_inbox {
  uv_mutex_t lock;
  uv_cond_t changed;
  queue queue;
  uv_async_t *async;    /* NULL: closed */
  atomic_bool is_empty; /* `queue` is; for a look without the lock */
  atomic_int count;
  _Atomic(const char *) owner;  /* the thread that uses the runtime, by the address of its `mark` */
  _Atomic(const char *) inside; /* the thread in which the runtime is running right now, or NULL */
  bool is_followed;             /* the owner will look again of itself: it need not be woken */
  queue own;                    /* what that thread put, without the lock, while the other queue was empty */
  lac_delivery *taken;          /* by the owner, and not delivered yet */
};

/* Never read; each thread has it at another address. */
static _Thread_local char mark __attribute__((tls_model("initial-exec")));

lac_inbox *lac_inbox_new(uv_async_t *async) {
  lac_inbox *inbox = calloc(1, sizeof *inbox);
  if (!inbox) return NULL;
  if (uv_mutex_init(&inbox->lock) < 0) {
    free(inbox);
    return NULL;
  }
  if (uv_cond_init(&inbox->changed) < 0) {
    uv_mutex_destroy(&inbox->lock);
    free(inbox);
    return NULL;
  }
  inbox->queue.link = &inbox->queue.first;
  inbox->own.link = &inbox->own.first;
  inbox->async = async;
  atomic_init(&inbox->is_empty, true);
  atomic_init(&inbox->count, 1);
  atomic_init(&inbox->owner, &mark);
  atomic_init(&inbox->inside, NULL);
  return inbox;
}

void lac_inbox_retain(lac_inbox *inbox) {
  atomic_fetch_add_explicit(&inbox->count, 1, memory_order_relaxed);
}

void lac_inbox_drop(lac_inbox *inbox) {
  if (!inbox || atomic_fetch_sub_explicit(&inbox->count, 1, memory_order_acq_rel) > 1) return;
  uv_cond_destroy(&inbox->changed);
  uv_mutex_destroy(&inbox->lock);
  free(inbox);
}

void lac_inbox_lock(lac_inbox *inbox) {
  uv_mutex_lock(&inbox->lock);
}

void lac_inbox_unlock(lac_inbox *inbox) {
  uv_mutex_unlock(&inbox->lock);
}

void lac_inbox_wait(lac_inbox *inbox) {
  uv_cond_wait(&inbox->changed, &inbox->lock);
}

void lac_inbox_signal(lac_inbox *inbox) {
  uv_cond_broadcast(&inbox->changed);
}

static void append(queue *queue, lac_delivery *message) {
  message->next = NULL;
  *queue->link = message;
  queue->link = &message->next;
}

static lac_delivery *take_all(queue *queue) {
  lac_delivery *first = queue->first;
  queue->first = NULL;
  queue->link = &queue->first;
  return first;
}

bool lac_inbox_put_locked(lac_inbox *inbox, lac_delivery *message) {
  if (!inbox->async) return false;
  bool was_empty = inbox->queue.first == NULL;
  append(&inbox->queue, message);
  atomic_store_explicit(&inbox->is_empty, false, memory_order_release);
  if (was_empty && !inbox->is_followed) uv_async_send(inbox->async); /* under the lock: it is not closed meanwhile */
  return true;
}

/* Behind what other threads have put goes only what is put with the lock: so the order is that of putting. */
bool lac_inbox_put_inside(lac_inbox *inbox, lac_delivery *message) {
  if (!inbox->async || !atomic_load_explicit(&inbox->is_empty, memory_order_acquire))
    return lac_inbox_put(inbox, message);
  append(&inbox->own, message);
  return true;
}

bool lac_inbox_put(lac_inbox *inbox, lac_delivery *message) {
  lac_inbox_lock(inbox);
  bool is_put = lac_inbox_put_locked(inbox, message);
  lac_inbox_unlock(inbox);
  return is_put;
}

bool lac_inbox_is_empty(lac_inbox *inbox) {
  return !inbox->own.first && !inbox->taken && !inbox->is_followed &&
         atomic_load_explicit(&inbox->is_empty, memory_order_acquire);
}

/* Takes all there is; what other threads put from now on need not wake the loop, until there was nothing to take. */
static lac_delivery *take(lac_inbox *inbox) {
  if (inbox->own.first || lac_inbox_is_empty(inbox)) return take_all(&inbox->own);
  lac_inbox_lock(inbox);
  lac_delivery *first = take_all(&inbox->queue);
  inbox->is_followed = first != NULL;
  atomic_store_explicit(&inbox->is_empty, true, memory_order_relaxed);
  lac_inbox_unlock(inbox);
  return first;
}

bool lac_inbox_deliver(lac_inbox *inbox, lacuna_t *runtime, uint64_t budget_ns) {
  if (lac_inbox_is_empty(inbox)) return true;
  uint64_t started_ns = uv_hrtime();
  for (int count = 1;; count++) {
    if (!inbox->taken) inbox->taken = take(inbox);
    lac_delivery *message = inbox->taken;
    if (!message) return true;
    inbox->taken = message->next;
    message->deliver(message, runtime);
    if (count % DELIVERIES_PER_CLOCK == 0 && uv_hrtime() - started_ns >= budget_ns) return false;
  }
}

void lac_inbox_close(lac_inbox *inbox) {
  lac_inbox_lock(inbox);
  inbox->async = NULL;
  lac_inbox_unlock(inbox);
}

bool lac_inbox_is_mine(lac_inbox *inbox) {
  return atomic_load_explicit(&inbox->owner, memory_order_relaxed) == &mark;
}

bool lac_inbox_enter(lac_inbox *inbox) {
  if (lac_inbox_is_inside(inbox)) return false;
  atomic_store_explicit(&inbox->owner, &mark, memory_order_relaxed);
  atomic_store_explicit(&inbox->inside, &mark, memory_order_relaxed);
  return true;
}

void lac_inbox_leave(lac_inbox *inbox, bool has_entered) {
  if (has_entered) atomic_store_explicit(&inbox->inside, NULL, memory_order_relaxed);
}

bool lac_inbox_is_inside(lac_inbox *inbox) {
  return atomic_load_explicit(&inbox->inside, memory_order_relaxed) == &mark;
}
