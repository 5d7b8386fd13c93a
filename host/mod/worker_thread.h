/* worker_thread: an OS thread with a runtime of its own, which runs lua/lacuna/exec/worker.lua between two mailboxes.
 *
 * Messages go in through `inbox` and come out through `outbox`; the last one out, with the id -number, says that the
 * thread's runtime is gone and holds the reason in words, "" if it was told to end. Through `control` the worker is
 * asked to leave the call whose id a message bears; closing it asks the worker to end whatever it runs.
 *
 * Threads: the struct is shared by the thread and its starter; all in it is either fixed before the thread starts,
 * atomic, or a mailbox. The starter's thread never waits for a worker, but for lac_worker_end_all at its runtime's end,
 * and there only so long.
 * Ownership: counted; the thread holds it, and the starter does until lac_worker_join or lac_worker_end_all. */
#ifndef LAC_MOD_WORKER_THREAD_H
#define LAC_MOD_WORKER_THREAD_H

#include <lua.h>
#include <pthread.h>

#include "core/mailbox.h"
#include "core/runtime.h"
#include "mod/worker_words.h"

typedef struct lac_worker lac_worker;

struct lac_worker {
  lac_mailbox *inbox, *outbox, *control;
  lac_mailbox *stream; /* one more for the worker to send through, if its starter gave one; else NULL */
  lac_message *setup;  /* what exec/worker.lua is told at its start */
  lac_words *words;    /* what the worker writes; NULL if that goes to the process's streams */
  int64_t number;
  bool is_clock_virtual, is_debug;
  _Atomic int64_t running; /* the id of the message from inbox that the worker is at; 0: none */
  /* The rest is worker_thread.c's. */
  pthread_t thread;
  atomic_uint holders;
  char reason[256];
  pthread_mutex_t lock; /* guards runtime and has_ended */
  lacuna_t *runtime;    /* NULL before and after it lives */
  pthread_cond_t ended;
  bool has_ended;
  lac_worker *next, *previous; /* the starter's ring of those not joined */
};

/* Starts a thread. The mailboxes are retained, the bytes copied; the worker joins the ring that `workers` heads. NULL
 * with `*message` if the system refuses. */
lac_worker *lac_worker_start(lac_worker *workers, const lac_worker *like, const char *setup, size_t setup_size,
                             const char **message);

/* Has the worker leave the call with this id, if it still runs it: a wait is cancelled, Lua code interrupted. */
void lac_worker_interrupt(lac_worker *worker, int64_t id);

/* Has it end whatever it runs, and itself. */
void lac_worker_stop(lac_worker *worker);

/* The worker is at the message with this id now; 0: at none, and no code is interrupted. On its own thread. */
void lac_worker_begin(lac_worker *worker, int64_t id);

/* What it runs is not interrupted before `limit_ms` have passed, then it is; 0: not at all. On its own thread. */
void lac_worker_spare(lac_worker *worker, unsigned limit_ms);

/* Lets go of a worker whose last message has been popped: its thread has nothing left to do. */
void lac_worker_join(lac_worker *worker);

/* Tells all workers of the ring to end, gives them `limit_ms` together, and lets go of them. A thread that has not
 * ended by then is abandoned: it goes on until it ends or the program does. Returns how many were. */
int lac_worker_end_all(lac_worker *workers, uint64_t limit_ms);

/* The worker whose runtime this is, or NULL. */
lac_worker *lac_worker_of(lua_State *L);

/* Says in words why the worker ends, for its last message; on its own thread. */
void lac_worker_set_reason(lac_worker *worker, const char *reason);

#endif
