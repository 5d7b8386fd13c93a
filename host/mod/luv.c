/* luv: libuv itself for scripts, on the host's own loop.
 *
 * luv keeps the lua_State that opened it and, left alone, prints a callback's error and exits. Here it gets the
 * runtime's state, and its errors go to the loop's exception handler. */
#include <luv/luv.h>

#include "core/luax.h"
#include "core/modules.h"
#include "core/runtime.h"

/* Calls the function below `argument_count` arguments; what luv documents for its callback routine. */
static int call_callback(lua_State *L, int argument_count, int result_count, int flags) {
  (void)flags;
  if (lac_is_closing(lac_runtime(L))) {
    lua_pop(L, argument_count + 1);
    return 0;
  }
  int function = lua_gettop(L) - argument_count;
  lua_pushcfunction(L, lac_with_traceback);
  lua_insert(L, function);
  lacuna_t *runtime = lac_runtime(L);
  lac_interrupt *outer = lac_interrupt_enter(lac_runtime_interrupt(runtime));
  size_t outer_memory = lac_memory_bind(lac_runtime_memory(runtime));
  int status = lua_pcall(L, argument_count, result_count, function);
  lac_memory_release(lac_runtime_memory(runtime), outer_memory);
  if (status != 0) lac_scheduler_report(lac_runtime_scheduler(runtime));
  lac_interrupt_leave(outer);
  lua_remove(L, function);
  return status == 0 ? lua_gettop(L) - function + 1 : -status;
}

/* Closes every luv handle: luv pins each one in the registry until it is closed. */
static int l_close_handles(lua_State *L) {
  lua_settop(L, 0);
  lua_pushnil(L);
  while (lua_next(L, LUA_REGISTRYINDEX)) {
    if (lua_isuserdata(L, 2) && lua_getmetatable(L, 2)) {
      lua_getfield(L, 3, "__index");
      if (lua_istable(L, 4)) {
        lua_getfield(L, 4, "is_closing");
        lua_getfield(L, 4, "close");
        if (lua_isfunction(L, 5) && lua_isfunction(L, 6)) {
          lua_pushvalue(L, 5);
          lua_pushvalue(L, 2);
          lua_call(L, 1, 1);
          if (!lua_toboolean(L, -1)) {
            lua_pushvalue(L, 6);
            lua_pushvalue(L, 2);
            lua_call(L, 1, 0);
          }
        }
      }
    }
    lua_settop(L, 1);
  }
  return 0;
}

void lac_close_luv(lacuna_t *runtime) {
  lua_State *L = lac_state(runtime);
  lua_getfield(L, LUA_REGISTRYINDEX, "lacuna.luv");
  if (lua_toboolean(L, -1) && lua_cpcall(L, l_close_handles, NULL) != 0) lua_pop(L, 1);
  lua_pop(L, 1);
}

int luaopen_lacuna_native_luv(lua_State *L) {
  lacuna_t *runtime = lac_runtime(L);
  luv_set_loop(lac_state(runtime), lac_uv_loop(runtime)); /* luv keeps this state, not the running coroutine */
  luv_set_callback(L, call_callback);
  lua_pushboolean(L, 1);
  lua_setfield(L, LUA_REGISTRYINDEX, "lacuna.luv");
  return luaopen_luv(L);
}
