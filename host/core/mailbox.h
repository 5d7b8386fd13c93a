/* mailbox: a bounded queue of messages between threads.
 *
 * Any number of threads push and pop. Nobody ever blocks: a mailbox that is full refuses, one that is empty gives
 * nothing, and who wants to be told when that changes enlists a waiter, whose bell is rung, once. A popper that expects
 * a message within microseconds may spin instead, which spares both sides the system calls of a wake-up.
 *
 * Threads: every function may be called from any thread.
 * Ownership: a mailbox is counted, each holder releases it once. A message belongs to whoever made it until it has been
 * pushed, to the mailbox until it is popped, then to the popper. A waiter belongs to who enlisted it, who must withdraw
 * it before it goes away; lac_mailbox_withdraw returns when no other thread touches it any more.
 *
 * Who is told, and who spins, is a searcher. As long as there is one, pushing tells nobody else: a searcher that finds
 * a message, and more behind it, has the next told. So a burst of messages costs its sender one wake-up, and every
 * message is somebody's to find. */
#ifndef LAC_CORE_MAILBOX_H
#define LAC_CORE_MAILBOX_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/bell.h"
#include "core/patience.h"

typedef struct lac_mailbox lac_mailbox;
typedef struct lac_waiter lac_waiter;

typedef struct lac_message {
  int64_t id; /* the sender's */
  size_t size;
  char bytes[];
} lac_message;

typedef enum lac_push_result { LAC_PUSHED, LAC_FULL, LAC_CLOSED, LAC_NO_MEMORY } lac_push_result;

/* What a waiter waits for. */
typedef enum lac_side { LAC_FOR_MESSAGE, LAC_FOR_SPACE, LAC_SIDE_COUNT } lac_side;

struct lac_waiter {
  lac_bell *bell;      /* the owner keeps it as long as the waiter */
  atomic_bool is_told; /* set as it leaves the line to be told; the owner resets it on looking */
  /* The mailbox's own, guarded by its lock: */
  lac_waiter *next, *previous; /* in the line of its side; NULL when not in it */
  bool is_trusted;             /* was told, and has not popped, enlisted or withdrawn since: it is expected to look */
};

/* A message with a copy of the bytes; NULL if memory ran out. */
lac_message *lac_message_new(int64_t id, const char *bytes, size_t size);
void lac_message_free(lac_message *message);

/* An empty mailbox with one holder; `limit` messages fit in, 0: as many as memory holds. NULL if memory ran out. */
lac_mailbox *lac_mailbox_new(uint32_t limit);
lac_mailbox *lac_mailbox_retain(lac_mailbox *mailbox);
void lac_mailbox_release(lac_mailbox *mailbox);

/* Appends the message, which stays the caller's unless LAC_PUSHED is returned. `waiter` is the pusher's, told or not,
 * or NULL. */
lac_push_result lac_mailbox_push(lac_mailbox *mailbox, lac_waiter *waiter, lac_message *message);

/* Appends messages from the first on, as many as have room; NULLs are passed over. Returns how many of the list are
 * dealt with. At most one popper is told. */
size_t lac_mailbox_push_many(lac_mailbox *mailbox, lac_message **messages, size_t count);

/* Appends a message that neither the limit nor having been closed keeps out: a thread's last word, or one to it. */
lac_push_result lac_mailbox_push_last(lac_mailbox *mailbox, lac_message *message);

/* Whether at least half of the limit is free; a look without the lock. */
bool lac_mailbox_is_half_empty(const lac_mailbox *mailbox);

/* Takes the oldest message, or NULL; `waiter` is the popper's, told or not, or NULL. Sets `*id`, if given, to its id,
 * in one step with taking it: whoever fails to take a message back finds it named there. `*is_closed` is set if none is
 * left and none will come. */
lac_message *lac_mailbox_pop(lac_mailbox *mailbox, lac_waiter *waiter, _Atomic int64_t *id, bool *is_closed);

/* Removes and frees the message with this id, if nobody has popped it. False if somebody has. Takes as long as there
 * are messages: meant for bounded mailboxes. */
bool lac_mailbox_take_back(lac_mailbox *mailbox, int64_t id);

/* Looks for something to pop for a moment, as patience.h has it; not at all if somebody else does. True if there is. */
bool lac_mailbox_look(lac_mailbox *mailbox, lac_patience *patience);

/* Refuses messages from now on; those inside can still be popped, or are freed if `is_emptied`. */
void lac_mailbox_close(lac_mailbox *mailbox, bool is_emptied);

/* Has the waiter told once: at once if there is a message (space) or the mailbox is closed. */
void lac_mailbox_enlist(lac_mailbox *mailbox, lac_side side, lac_waiter *waiter);

/* Takes the waiter out of the line. If it was told of a message (of space) and nobody has taken it, the next is told.
 */
void lac_mailbox_withdraw(lac_mailbox *mailbox, lac_side side, lac_waiter *waiter);

#endif
