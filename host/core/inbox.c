#include "core/inbox.h"

#include <stdatomic.h>
#include <stdlib.h>

enum { DELIVERIES_PER_CLOCK = 16 };

struct lac_inbox {
  uv_mutex_t lock;
  uv_cond_t changed;
  lac_delivery *first, **link; /* link is where the next one goes */
  uv_async_t *async;           /* NULL: closed */
  atomic_bool is_empty;        /* no message waits; for a look without the lock */
  atomic_int count;
  _Atomic(const char *) owner; /* the thread that uses the runtime, by the address of its `mark` */
  bool is_followed;            /* the owner will look again of itself: it need not be woken */
  lac_delivery *taken;         /* by the owner, and not delivered yet */
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
  inbox->link = &inbox->first;
  inbox->async = async;
  atomic_init(&inbox->is_empty, true);
  atomic_init(&inbox->count, 1);
  atomic_init(&inbox->owner, &mark);
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

bool lac_inbox_put_locked(lac_inbox *inbox, lac_delivery *message) {
  if (!inbox->async) return false;
  bool was_empty = inbox->first == NULL;
  message->next = NULL;
  *inbox->link = message;
  inbox->link = &message->next;
  atomic_store_explicit(&inbox->is_empty, false, memory_order_release);
  if (was_empty && !inbox->is_followed) uv_async_send(inbox->async); /* under the lock: it is not closed meanwhile */
  return true;
}

bool lac_inbox_put(lac_inbox *inbox, lac_delivery *message) {
  lac_inbox_lock(inbox);
  bool is_put = lac_inbox_put_locked(inbox, message);
  lac_inbox_unlock(inbox);
  return is_put;
}

bool lac_inbox_is_empty(lac_inbox *inbox) {
  return atomic_load_explicit(&inbox->is_empty, memory_order_acquire);
}

/* Takes the whole list; what is put from now on need not wake the loop, until there was nothing to take. */
static void take_all(lac_inbox *inbox) {
  lac_inbox_lock(inbox);
  inbox->taken = inbox->first;
  inbox->first = NULL;
  inbox->link = &inbox->first;
  inbox->is_followed = inbox->taken != NULL;
  atomic_store_explicit(&inbox->is_empty, inbox->taken == NULL, memory_order_relaxed);
  lac_inbox_unlock(inbox);
}

bool lac_inbox_deliver(lac_inbox *inbox, lacuna_t *runtime, uint64_t budget_ns) {
  if (lac_inbox_is_empty(inbox)) return true;
  uint64_t started_ns = uv_hrtime();
  for (int count = 1;; count++) {
    if (!inbox->taken) take_all(inbox);
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

void lac_inbox_claim(lac_inbox *inbox) {
  if (!lac_inbox_is_mine(inbox)) atomic_store_explicit(&inbox->owner, &mark, memory_order_relaxed);
}

bool lac_inbox_is_mine(lac_inbox *inbox) {
  return atomic_load_explicit(&inbox->owner, memory_order_relaxed) == &mark;
}
