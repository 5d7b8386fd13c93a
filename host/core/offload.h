/* offload: C work on threads of the runtime's own, so that libuv's pool is left to files and names: slow work there
 * would delay every read and every look-up.
 *
 * Threads: all functions are called on the runtime's thread; only `work` runs on another. Threads are made when there
 * is more work than threads, and kept until the runtime is freed. Ownership: a job belongs to its caller, who keeps it
 * until `on_done` is called. The pool belongs to the runtime. */
#ifndef LAC_CORE_OFFLOAD_H
#define LAC_CORE_OFFLOAD_H

#include "core/runtime.h"

typedef struct lac_offload lac_offload;
typedef struct lac_job lac_job;

/* To be embedded. The callbacks are set by the caller, the rest is the pool's. */
struct lac_job {
  void (*work)(lac_job *job);    /* on a thread of the pool; knows no Lua */
  void (*on_done)(lac_job *job); /* on the runtime's, from the loop; in lacuna_free at the latest */
  lac_job *next;
};

/* Opens a pool. lacuna_free waits for the work that was given to it. NULL if memory or file descriptors ran out. */
lac_offload *lac_offload_open(lacuna_t *runtime);

/* Has the job done; the loop stays alive meanwhile. False if no thread can be made. */
bool lac_offload_start(lac_offload *pool, lac_job *job);

#endif
