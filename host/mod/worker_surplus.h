/* worker_surplus: the messages that wait on their sender's side until a bounded mailbox has room.
 *
 * A sender who may not be kept waiting adds to the surplus and feeds the mailbox from it: many at a time, once it is no
 * more than half full, so that neither the lock nor a wake-up is taken for each. Ids are given here, from 1, and a
 * message's place follows from its id.
 *
 * Threads: all here belongs to the sender's. Ownership: the surplus's until the mailbox has taken a message. */
#ifndef LAC_MOD_WORKER_SURPLUS_H
#define LAC_MOD_WORKER_SURPLUS_H

#include "core/mailbox.h"

/* Zeroed before its first use. */
typedef struct lac_surplus {
  lac_message **slots; /* a ring, whose capacity is a power of two; one taken back leaves NULL */
  uint64_t capacity;
  int64_t first, next; /* ids, less 1: of the oldest that may be here, and of the next */
  size_t count;
} lac_surplus;

/* Appends the message and gives it its id; 0 if memory ran out: it stays the caller's. */
int64_t lac_surplus_add(lac_surplus *surplus, lac_message *message);

/* Removes and frees a message. False if it is not here. */
bool lac_surplus_take_back(lac_surplus *surplus, int64_t id);

/* Hands the oldest over to the mailbox, as many as it takes, if that is at most half full. */
void lac_surplus_feed(lac_surplus *surplus, lac_mailbox *mailbox);

/* Frees all that is left. */
void lac_surplus_clear(lac_surplus *surplus);

#endif
