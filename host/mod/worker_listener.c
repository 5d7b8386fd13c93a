#include "mod/worker_listener.h"

#include <stdlib.h>

#include "core/bell.h"

struct lac_listeners {
  lac_closer closer; /* first: on_runtime_close casts */
  lacuna_t *runtime;
  lac_bell *bell;
  uv_poll_t poll;
  lac_listener head; /* of a ring */
  int foreground_count;
  void (*on_close)(void *data);
  void *data;
};

static void set_foreground(lac_listeners *set, int change) {
  set->foreground_count += change;
  if (set->foreground_count > 0)
    uv_ref((uv_handle_t *)&set->poll);
  else
    uv_unref((uv_handle_t *)&set->poll);
}

static lac_listener *find_told(lac_listeners *set) {
  for (lac_listener *listener = set->head.next; listener != &set->head; listener = listener->next) {
    if (atomic_exchange(&listener->waiter.is_told, false)) return listener;
  }
  return NULL;
}

/* A function that is called may listen and unlisten as it likes, so the ring is searched anew after each. Those that
 * still listen are enlisted again: what a function left in its mailbox, or what arrived meanwhile, rings again. */
static void on_ring(uv_poll_t *poll, int status, int events) {
  (void)status, (void)events; /* an eventfd has no errors */
  lac_listeners *set = poll->data;
  lac_bell_hear(set->bell);
  for (lac_listener *listener; (listener = find_told(set));) {
    if (listener->mode == LAC_ONCE) {
      listener->mode = LAC_SPENT;
      set_foreground(set, -1);
    }
    lac_wake_open(set->runtime, listener->function);
    lac_wake_call(set->runtime, 0);
  }
  for (lac_listener *listener = set->head.next; listener != &set->head; listener = listener->next) {
    /* NOLINTNEXTLINE(clang-analyzer-core.NullDereference): the ring has no NULL in it */
    if (listener->mode == LAC_FOREGROUND || listener->mode == LAC_BACKGROUND)
      lac_mailbox_enlist(listener->mailbox, listener->side, &listener->waiter);
  }
}

static void on_closed(uv_handle_t *handle) {
  lac_listeners *set = handle->data;
  lac_bell_release(set->bell);
  free(set);
}

static void on_runtime_close(lac_closer *closer) {
  lac_listeners *set = (lac_listeners *)closer;
  while (set->head.next != &set->head) lac_unlisten(set->head.next);
  set->on_close(set->data);
  uv_close((uv_handle_t *)&set->poll, on_closed);
}

lac_listeners *lac_listeners_open(lacuna_t *runtime, void (*on_close)(void *data), void *data) {
  lac_listeners *set = calloc(1, sizeof *set);
  if (!set) return NULL;
  set->bell = lac_bell_new();
  if (!set->bell || uv_poll_init(lac_uv_loop(runtime), &set->poll, lac_bell_fd(set->bell)) < 0) {
    lac_bell_release(set->bell);
    free(set);
    return NULL;
  }
  uv_poll_start(&set->poll, UV_READABLE, on_ring);
  uv_unref((uv_handle_t *)&set->poll);
  set->poll.data = set;
  set->runtime = runtime;
  set->head.next = set->head.previous = &set->head;
  set->on_close = on_close;
  set->data = data;
  set->closer.close = on_runtime_close;
  lac_add_closer(runtime, &set->closer);
  return set;
}

void lac_listen(lac_listeners *set, lac_listener *listener, lac_mailbox *mailbox, lac_side side, lac_listening mode,
                lua_State *L, int index) {
  lac_pin function = lac_pin_value(L, index); /* may raise: nothing is registered yet */
  lac_unlisten(listener);
  *listener = (lac_listener){.waiter.bell = set->bell,
                             .set = set,
                             .mailbox = lac_mailbox_retain(mailbox),
                             .side = side,
                             .mode = mode,
                             .function = function};
  listener->next = &set->head;
  listener->previous = set->head.previous;
  listener->previous->next = set->head.previous = listener;
  if (mode != LAC_BACKGROUND) set_foreground(set, 1);
  lac_mailbox_enlist(mailbox, side, &listener->waiter);
}

void lac_unlisten(lac_listener *listener) {
  lac_listeners *set = listener->set;
  if (!set) return;
  lac_mailbox_withdraw(listener->mailbox, listener->side, &listener->waiter);
  lac_mailbox_release(listener->mailbox);
  listener->previous->next = listener->next;
  listener->next->previous = listener->previous;
  if (listener->mode == LAC_FOREGROUND || listener->mode == LAC_ONCE) set_foreground(set, -1);
  lac_unpin(set->runtime, &listener->function);
  listener->set = NULL;
  listener->mailbox = NULL;
}
