/* inbox: what any thread hands to the thread that uses a runtime.
 *
 * A list of messages under a lock. Whoever puts the first one wakes the loop; the driver delivers them all before it
 * drains the scheduler, outside Lua, in the order in which they were put. An inbox is counted: it outlives its runtime
 * for as long as a thread may still put something. */
#ifndef LAC_CORE_INBOX_H
#define LAC_CORE_INBOX_H

#include <stdbool.h>
#include <uv.h>

#include "lacuna.h"

typedef struct lac_inbox lac_inbox;
typedef struct lac_delivery lac_delivery;

/* Embed one in what is sent. `deliver` is called once on the runtime's thread, while no Lua runs; it owns the message.
 */
struct lac_delivery {
  void (*deliver)(lac_delivery *message, lacuna_t *runtime);
  lac_delivery *next;
};

/* Makes an inbox that wakes the loop through `async`; NULL if memory ran out. Its maker holds one count. */
lac_inbox *lac_inbox_new(uv_async_t *async);
void lac_inbox_retain(lac_inbox *inbox);
void lac_inbox_drop(lac_inbox *inbox);

/* Puts a message; false, and nothing happens, if the inbox is closed. From any thread. */
bool lac_inbox_put(lac_inbox *inbox, lac_delivery *message);

/* The same where lac_inbox_is_inside: takes no lock, as long as no other thread has put something, and wakes nobody. */
bool lac_inbox_put_inside(lac_inbox *inbox, lac_delivery *message);

/* Between these nobody else puts, and no message is taken: for a change of state that belongs to a message. */
void lac_inbox_lock(lac_inbox *inbox);
void lac_inbox_unlock(lac_inbox *inbox);

/* lac_inbox_put under the lock. */
bool lac_inbox_put_locked(lac_inbox *inbox, lac_delivery *message);

/* Under the lock: waits until somebody calls lac_inbox_signal, which may be for another reason. */
void lac_inbox_wait(lac_inbox *inbox);
void lac_inbox_signal(lac_inbox *inbox);

/* Delivers what is there and what the deliveries add, but not for longer than budget_ns. False if some may be left:
 * call again soon, nothing else wakes the loop for it. */
bool lac_inbox_deliver(lac_inbox *inbox, lacuna_t *runtime, uint64_t budget_ns);

/* Whether there is nothing to deliver. */
bool lac_inbox_is_empty(lac_inbox *inbox);

/* From here on nothing can be put, and `async` is not touched; what is there is still to be delivered. */
void lac_inbox_close(lac_inbox *inbox);

/* The calling thread uses the runtime, from here on, and runs it until it leaves; what is put meanwhile is delivered
 * before the loop waits. Enter says whether it was outside, as leave has to know. */
bool lac_inbox_enter(lac_inbox *inbox);
void lac_inbox_leave(lac_inbox *inbox, bool has_entered);

/* Whether the calling thread was the last to enter; and whether it has not left. */
bool lac_inbox_is_mine(lac_inbox *inbox);
bool lac_inbox_is_inside(lac_inbox *inbox);

#endif
