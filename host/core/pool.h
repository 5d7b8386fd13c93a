/* pool: the threads in which tasks and callbacks run. Each runs one function, which takes one entry of the ready list
 * after the other and is idle in between; starting a task so costs no new Lua coroutine.
 *
 * Memory: an idle thread is anchored by the pool's table, and stays so while it is lent, until its place is needed;
 * what runs in it keeps it alive then. */
#ifndef LAC_CORE_POOL_H
#define LAC_CORE_POOL_H

#include <lua.h>

enum { LAC_POOL_MAX = 1024 }; /* idle threads kept: 0.5 MiB */

typedef struct lac_pool {
  int anchors_ref; /* a table: threads[i] at i + 1; entries from count on may be stale */
  int count, high; /* idle threads; places ever used */
  lua_State *threads[LAC_POOL_MAX];
} lac_pool;

/* Makes an empty pool of one that is all zero; raises if memory ran out. Lua's collector frees what it holds. */
void lac_pool_open(lac_pool *pool, lua_State *L);

/* Lends a thread: an idle one, or a new one, which is pushed below the top and has the function on its stack that
 * `body_ref` names in the registry. */
lua_State *lac_pool_take(lac_pool *pool, lua_State *L, int body_ref);

/* Takes an idle thread back, or lets go of it where there are enough. */
void lac_pool_give(lac_pool *pool, lua_State *L, lua_State *thread);

/* Lets go of a thread that died while it was lent: its stack would keep alive whatever it failed with. */
void lac_pool_forget(lac_pool *pool, lua_State *L, const lua_State *thread);

#endif
