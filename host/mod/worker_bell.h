/* worker_bell: how mailboxes wake a runtime. One uv_async a runtime, however many mailboxes it listens to.
 *
 * A listener ties a mailbox to a Lua function: whenever there is a message (or space), the function is called from the
 * loop, once for any number of messages: it takes what it finds.
 *
 * Threads: a bell and its listeners belong to the runtime's thread; only a listener's `notify` runs on others, and does
 * nothing but mark the listener and ring. The uv_async is referenced exactly while somebody listens, background
 * listeners left out: that is how the scheduler tells waiting from deadlock and when the virtual clock may jump.
 * Ownership: the bell belongs to the runtime, which closes it; a listener to whoever embeds it. */
#ifndef LAC_MOD_WORKER_BELL_H
#define LAC_MOD_WORKER_BELL_H

#include "core/mailbox.h"
#include "core/runtime.h"
#include "core/wake.h"

typedef struct lac_bell lac_bell;

/* Zeroed before its first use. */
typedef struct lac_listener {
  lac_waiter waiter; /* first: notify casts */
  lac_bell *bell;    /* NULL while not listening, as are the rest */
  lac_mailbox *mailbox;
  lac_side side;
  bool is_background;
  atomic_bool is_rung;
  lac_pin function;
  struct lac_listener *next, *previous; /* the bell's */
} lac_listener;

/* Opens the runtime's bell, with a function for its end: `on_close` is called in lacuna_free once no listener is left,
 * while the loop still lives. NULL if memory or file descriptors ran out. */
lac_bell *lac_bell_open(lacuna_t *runtime, void (*on_close)(void *data), void *data);

/* Calls the function at `index` of L, without arguments, whenever the mailbox has a message (space). */
void lac_listen(lac_bell *bell, lac_listener *listener, lac_mailbox *mailbox, lac_side side, bool is_background,
                lua_State *L, int index);

/* Ends it; the function is not called any more. Does nothing for one that does not listen. */
void lac_unlisten(lac_listener *listener);

#endif
