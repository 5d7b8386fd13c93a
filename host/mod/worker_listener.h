/* worker_listener: how mailboxes call Lua. A listener ties a mailbox to a function: whenever there is a message (or
 * space), the function is called from the loop, once for any number of messages: it takes what it finds.
 *
 * Threads: all here belongs to the runtime's thread; others reach no more than its bell, one for all listeners. That
 * handle is referenced exactly while somebody listens in the foreground: so the scheduler tells waiting
 * from deadlock, and the virtual clock knows when it may jump.
 * Ownership: the set of listeners belongs to the runtime, which closes it; a listener to whoever embeds it. */
#ifndef LAC_MOD_WORKER_LISTENER_H
#define LAC_MOD_WORKER_LISTENER_H

#include "core/mailbox.h"
#include "core/runtime.h"
#include "core/wake.h"

typedef struct lac_listeners lac_listeners;

/* How long to listen, and whether that keeps the loop waiting. */
typedef enum lac_listening {
  LAC_FOREGROUND, /* until lac_unlisten */
  LAC_BACKGROUND, /* the same, and the loop need not wait for it */
  LAC_ONCE,       /* until the function is called; somebody is to pop then, or to unlisten */
  LAC_SPENT,      /* LAC_ONCE, and called */
} lac_listening;

/* Zeroed before its first use. */
typedef struct lac_listener {
  lac_waiter waiter;
  lac_listeners *set; /* NULL while not listening, as are the rest */
  lac_mailbox *mailbox;
  lac_side side;
  lac_listening mode;
  lac_pin function;
  struct lac_listener *next, *previous; /* the set's */
} lac_listener;

/* Makes the runtime's set of listeners. `on_close` is called in lacuna_free when no listener is left, while the loop
 * still lives. NULL if memory or file descriptors ran out. */
lac_listeners *lac_listeners_open(lacuna_t *runtime, void (*on_close)(void *data), void *data);

/* Calls the function at `index` of L, without arguments, whenever the mailbox has a message (space). */
void lac_listen(lac_listeners *set, lac_listener *listener, lac_mailbox *mailbox, lac_side side, lac_listening mode,
                lua_State *L, int index);

/* Ends it; the function is not called any more. Does nothing for one that does not listen. */
void lac_unlisten(lac_listener *listener);

#endif
