/* scheduler: the one place that resumes Lua coroutines.
 *
 * A loop (lac_loop, Lua's `lacuna.native.scheduler`) is a ready list and a heap of timers. The ready list is a Lua
 * table that Lua fills without calling C; the scheduler swaps it for an empty one and drains it, one generation at a
 * time, exactly as asyncio's loop runs what was ready when its turn began. An entry is
 *
 *     a thread              a suspended task: resume it
 *     a table               a task not yet started, or a handle: run its :run() in a pooled thread
 *     a function, a value   a done callback and its future: call it in a pooled thread
 *     a number              the slot of a sleep whose time has come: its task is ready one generation later, because
 *                           asyncio's timer completes a future first and the task runs in the turn after that
 *     false                 an entry taken back
 *
 * What a task means is Lua's business (lua/lacuna/kernel); this file knows three fields of it (lac_task_field).
 *
 * Memory: the tables and threads belong to the Lua state; the heaps belong to the loop's userdata. A suspended task's
 * thread is anchored by the task, an idle one by the pool. The uv handles belong to the scheduler. No other thread
 * ever touches a scheduler; lac_scheduler_interrupt is the exception and only sets a flag and wakes the loop. */
#ifndef LAC_CORE_SCHEDULER_H
#define LAC_CORE_SCHEDULER_H

#include <lua.h>
#include <stdbool.h>
#include <uv.h>

#include "lacuna.h"

typedef struct lac_scheduler lac_scheduler;

/* Opens the scheduler's handles on the loop. 0 or a libuv error; NULL is never stored on success. */
int lac_scheduler_open(lac_scheduler **scheduler, lua_State *L, uv_loop_t *loop, bool is_clock_virtual);

/* Runs what is ready, within the budget between two polls. True if more is ready. */
bool lac_scheduler_drain(lac_scheduler *scheduler);

/* Reports an error that no task owns: the one on top of L, which it pops, goes to the loop's exception handler. */
void lac_scheduler_report(lac_scheduler *scheduler);

/* Has the interrupted hook called on the loop's thread; async-signal-safe. */
void lac_scheduler_interrupt(lac_scheduler *scheduler);

/* Starts closing the handles; lac_scheduler_free frees the memory after their close callbacks ran. */
void lac_scheduler_close(lac_scheduler *scheduler);
void lac_scheduler_free(lac_scheduler *scheduler);

/* Opens `lacuna.native.scheduler`: what the kernel in Lua needs of this file. */
int luaopen_lacuna_native_scheduler(lua_State *L);

#endif
