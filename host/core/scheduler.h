/* scheduler: the one place that resumes Lua coroutines.
 *
 * A loop (lac_loop, Lua's `lacuna.native.scheduler`) is a ready list and a heap of timers. The ready list is a Lua
 * table that Lua fills without calling C; the scheduler drains it, one generation at a time, exactly as asyncio's loop
 * runs what was ready when its turn began. An entry is
 *
 *     a thread              a suspended task: resume it
 *     a table               a task not yet started, or a handle: run it in a pooled thread, which it is given
 *     a function, a value   a done callback and its future: call it in a pooled thread
 *     true, a table, a value  what listens to a future, and that future: run the table's :run(value) in a pooled thread
 *     a number              the slot of a sleep whose time has come: its task runs one generation later, when the
 *                           number has come up again, because asyncio's timer completes a future first
 *     false                 an entry taken back
 *
 * What a task means is Lua's business (lua/lacuna/kernel); C knows one field of it (loop.h). A scheduler knows no
 * libuv handle: the driver (driver.h) hangs it on a loop, and is what it tells of changes.
 *
 * Memory: a suspended task's thread is anchored by the task, an idle one by the pool. */
#ifndef LAC_CORE_SCHEDULER_H
#define LAC_CORE_SCHEDULER_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "lacuna.h"

typedef struct lac_scheduler lac_scheduler;

/* What Lua installs and C calls: by these names in the table given to `install`. */
typedef enum lac_hook {
  LAC_HOOK_BODY,        /* what a pooled thread runs */
  LAC_HOOK_FAILED,      /* (error, dead thread or nil) */
  LAC_HOOK_STOPPED,     /* (loop object) */
  LAC_HOOK_SLOW,        /* (loop object, seconds, thread), in debug mode */
  LAC_HOOK_DEADLOCK,    /* () nothing can ever happen again */
  LAC_HOOK_INTERRUPTED, /* () lacuna_interrupt was called */
  LAC_HOOK_NOTIFIED,    /* () `notify` was called, by a finalizer */
  LAC_HOOK_TREE,        /* () lacuna_print_tasks was called */
  LAC_HOOK_COUNT,
} lac_hook;

/* What the scheduler tells its driver. */
typedef struct lac_scheduler_host {
  void *data;
  void (*notify)(void *data); /* call LAC_HOOK_NOTIFIED soon, from outside Lua */
} lac_scheduler_host;

/* Makes a scheduler; NULL if memory ran out. Raises if Lua's did. */
lac_scheduler *lac_scheduler_new(lua_State *L, lac_scheduler_host host, const lacuna_options *options);
void lac_scheduler_free(lac_scheduler *scheduler);

/* Runs what is ready and begins nothing new once budget_ns have passed. True if more may be ready. */
bool lac_scheduler_drain(lac_scheduler *scheduler, uint64_t budget_ns);

/* True if a drain would find something to run. */
bool lac_scheduler_is_ready(const lac_scheduler *scheduler);

/* Reports an error that no task owns: the one on top of L, which it pops, goes to the loop's exception handler. */
void lac_scheduler_report(lac_scheduler *scheduler);

/* Calls a hook that takes nothing. */
void lac_scheduler_call(lac_scheduler *scheduler, lac_hook hook);

/* The nearest deadline of the running loops on the real, or on the virtual clock, in seconds; INFINITY if none. */
double lac_scheduler_deadline(const lac_scheduler *scheduler, bool is_clock_virtual);

/* Moves the virtual clock forward to `when`. */
void lac_scheduler_jump(lac_scheduler *scheduler, double when);

/* Opens `lacuna.native.scheduler`: what the kernel in Lua needs of this file. */
int luaopen_lacuna_native_scheduler(lua_State *L);

#endif
