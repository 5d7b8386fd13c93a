#include "mod/worker_bell.h"

#include <stdlib.h>

struct lac_bell {
  lac_closer closer; /* first: on_runtime_close casts */
  lacuna_t *runtime;
  uv_async_t async;
  lac_listener listeners; /* head of a ring */
  int foreground_count;
  void (*on_close)(void *data);
  void *data;
};

/* On any thread, with the mailbox locked. */
static void ring(lac_waiter *waiter) {
  lac_listener *listener = (lac_listener *)waiter;
  atomic_store(&listener->is_rung, true);
  uv_async_send(&listener->bell->async);
}

static lac_listener *find_rung(lac_bell *bell) {
  for (lac_listener *listener = bell->listeners.next; listener != &bell->listeners; listener = listener->next) {
    if (atomic_exchange(&listener->is_rung, false)) return listener;
  }
  return NULL;
}

/* A function that is called may listen and unlisten as it likes, so the ring is searched anew after each. Enlisting
 * comes first: what the function leaves in the mailbox, or what arrives meanwhile, rings again. */
static void on_async(uv_async_t *async) {
  lac_bell *bell = async->data;
  for (lac_listener *listener; (listener = find_rung(bell));) {
    lac_wake_open(bell->runtime, listener->function);
    lac_wake_call(bell->runtime, 0);
  }
  for (lac_listener *listener = bell->listeners.next; listener != &bell->listeners; listener = listener->next)
    lac_mailbox_enlist(listener->mailbox, listener->side, &listener->waiter);
}

static void on_closed(uv_handle_t *handle) {
  free(handle->data);
}

static void on_runtime_close(lac_closer *closer) {
  lac_bell *bell = (lac_bell *)closer;
  while (bell->listeners.next != &bell->listeners) lac_unlisten(bell->listeners.next);
  bell->on_close(bell->data);
  uv_close((uv_handle_t *)&bell->async, on_closed);
}

lac_bell *lac_bell_open(lacuna_t *runtime, void (*on_close)(void *data), void *data) {
  lac_bell *bell = calloc(1, sizeof *bell);
  if (!bell) return NULL;
  if (uv_async_init(lac_uv_loop(runtime), &bell->async, on_async) < 0) {
    free(bell);
    return NULL;
  }
  uv_unref((uv_handle_t *)&bell->async);
  bell->async.data = bell;
  bell->runtime = runtime;
  bell->listeners.next = bell->listeners.previous = &bell->listeners;
  bell->on_close = on_close;
  bell->data = data;
  bell->closer.close = on_runtime_close;
  lac_add_closer(runtime, &bell->closer);
  return bell;
}

void lac_listen(lac_bell *bell, lac_listener *listener, lac_mailbox *mailbox, lac_side side, bool is_background,
                lua_State *L, int index) {
  lac_pin function = lac_pin_value(L, index); /* may raise: nothing is registered yet */
  lac_unlisten(listener);
  *listener = (lac_listener){.waiter.notify = ring,
                             .bell = bell,
                             .mailbox = lac_mailbox_retain(mailbox),
                             .side = side,
                             .is_background = is_background,
                             .function = function};
  listener->next = &bell->listeners;
  listener->previous = bell->listeners.previous;
  listener->previous->next = bell->listeners.previous = listener;
  if (!is_background && ++bell->foreground_count == 1) uv_ref((uv_handle_t *)&bell->async);
  lac_mailbox_enlist(mailbox, side, &listener->waiter);
}

void lac_unlisten(lac_listener *listener) {
  lac_bell *bell = listener->bell;
  if (!bell) return;
  lac_mailbox_withdraw(listener->mailbox, listener->side, &listener->waiter);
  lac_mailbox_release(listener->mailbox);
  listener->previous->next = listener->next;
  listener->next->previous = listener->previous;
  if (!listener->is_background && --bell->foreground_count == 0) uv_unref((uv_handle_t *)&bell->async);
  lac_unpin(bell->runtime, &listener->function);
  listener->bell = NULL;
  listener->mailbox = NULL;
}
