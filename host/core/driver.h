/* driver: hangs the scheduler on a libuv loop.
 *
 * One turn of the uv loop: the prepare handle delivers the inbox and drains the scheduler until nothing is ready or its
 * budget is used up; then either the idle handle keeps the poll from blocking, or one uv timer ends it at the nearest
 * deadline. Whoever runs the uv loop runs lacuna. The handles belong to the driver.
 *
 * The loop is kept alive by what is ready, by timers, by handles that operations reference, and by holds. */
#ifndef LAC_CORE_DRIVER_H
#define LAC_CORE_DRIVER_H

#include <uv.h>

#include "core/inbox.h"
#include "core/scheduler.h"

typedef struct lac_driver lac_driver;

/* Opens the handles on the loop, with a scheduler for L. NULL if memory or file descriptors ran out. */
lac_driver *lac_driver_open(lacuna_t *runtime, lua_State *L, uv_loop_t *uv, const lacuna_options *options);

lac_scheduler *lac_driver_scheduler(lac_driver *driver);
lac_inbox *lac_driver_inbox(lac_driver *driver);

/* Has a hook called on the loop's thread: LAC_HOOK_INTERRUPTED, _NOTIFIED or _TREE. Async-signal-safe, from any thread.
 */
void lac_driver_send(lac_driver *driver, lac_hook hook);

/* Something has been made ready by code that the scheduler did not run: the next turn must not wait. */
void lac_driver_wake(lac_driver *driver);

/* Between hold and release the loop stays alive, and waiting for ever is no deadlock: something outside will end it. */
void lac_driver_hold(lac_driver *driver);
void lac_driver_release(lac_driver *driver);

/* Between expect and unexpect an answer from another thread or process is due within microseconds: before the loop goes
 * to sleep it looks for it a moment longer, unless that has been in vain of late. */
void lac_driver_expect(lac_driver *driver);
void lac_driver_unexpect(lac_driver *driver);

/* Runs the uv loop until is_over(data), which is asked once a turn, or until timeout_ms have passed (< 0: never);
 * whether it is over. With `is_script` a deadlock is reported. */
bool lac_driver_run(lac_driver *driver, bool (*is_over)(void *data), void *data, int timeout_ms, bool is_script);

/* Has lac_driver_run call `turn` again and again in place of the loop's turns, outside Lua and all callbacks, for a C
 * library that wants to be the caller; `turn` must run the loop itself while it waits. NULL ends that. The turn of the
 * loop that is under way does not wait any more. */
void lac_driver_set_turn(lac_driver *driver, void (*turn)(void *data), void *data);

/* For such a `turn`: runs what can be run without waiting. How long nothing else will come up unless the descriptor of
 * the uv loop becomes readable, in milliseconds: -1 for ever, 0 if more is to be done at once. */
int lac_driver_turn(lac_driver *driver);

/* True while a turn is under way: none of the three around here may be called then. */
bool lac_driver_is_inside(const lac_driver *driver);

/* Counts the turns. */
uint64_t lac_driver_turn_count(const lac_driver *driver);

/* lacuna_step and lacuna_backend_timeout. */
bool lac_driver_step(lac_driver *driver, uint64_t budget_ns);
int lac_driver_timeout(lac_driver *driver);

/* Delivers what is left in the inbox, closes it, and starts closing the handles; lac_driver_free, after their close
 * callbacks ran, frees the rest. */
void lac_driver_close(lac_driver *driver);
void lac_driver_free(lac_driver *driver);

#endif
