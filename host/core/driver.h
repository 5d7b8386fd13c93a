/* driver: hangs the scheduler on a libuv loop.
 *
 * One turn of the uv loop: the prepare handle drains the scheduler until nothing is ready or its budget is used up;
 * then either the idle handle keeps the poll from blocking, or one uv timer ends it at the nearest deadline. Whoever
 * runs the uv loop runs lacuna. The handles belong to the driver. */
#ifndef LAC_CORE_DRIVER_H
#define LAC_CORE_DRIVER_H

#include <uv.h>

#include "core/scheduler.h"

typedef struct lac_driver lac_driver;

/* Opens the handles on the loop, with a scheduler for L. NULL if memory or file descriptors ran out. */
lac_driver *lac_driver_open(lua_State *L, uv_loop_t *uv, const lacuna_options *options);

lac_scheduler *lac_driver_scheduler(lac_driver *driver);

/* Has a hook called on the loop's thread: LAC_HOOK_INTERRUPTED, _NOTIFIED or _TREE. Async-signal-safe, from any thread.
 */
void lac_driver_send(lac_driver *driver, lac_hook hook);

/* Starts closing the handles; lac_driver_free, after their close callbacks ran, frees the rest. */
void lac_driver_close(lac_driver *driver);
void lac_driver_free(lac_driver *driver);

#endif
