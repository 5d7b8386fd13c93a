#include "core/pool.h"

#include <lauxlib.h>

#include "core/luax.h"

void lac_pool_open(lac_pool *pool, lua_State *L) {
  lua_newtable(L);
  pool->anchors_ref = luaL_ref(L, LUA_REGISTRYINDEX);
}

lua_State *lac_pool_take(lac_pool *pool, lua_State *L, int body_ref) {
  if (pool->count > 0) return pool->threads[--pool->count];
  lua_State *thread = lua_newthread(L);
  lua_insert(L, -2);
  lua_rawgeti(thread, LUA_REGISTRYINDEX, body_ref);
  return thread;
}

void lac_pool_give(lac_pool *pool, lua_State *L, lua_State *thread) {
  if (pool->count == LAC_POOL_MAX) return;
  int index = pool->count++;
  if (pool->threads[index] == thread) return; /* still anchored there since it was taken */
  pool->threads[index] = thread;
  if (index >= pool->high) pool->high = index + 1;
  lua_rawgeti(L, LUA_REGISTRYINDEX, pool->anchors_ref);
  lac_push_thread(L, thread);
  lua_rawseti(L, -2, index + 1);
  lua_pop(L, 1);
}

void lac_pool_forget(lac_pool *pool, lua_State *L, const lua_State *thread) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, pool->anchors_ref);
  for (int index = pool->count; index < pool->high; index++) {
    if (pool->threads[index] != thread) continue;
    pool->threads[index] = NULL; /* its address may come back */
    lua_pushnil(L);
    lua_rawseti(L, -2, index + 1);
  }
  lua_pop(L, 1);
}
