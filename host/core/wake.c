#include "core/wake.h"

#include <lauxlib.h>

#include "core/luax.h"
#include "core/runtime.h"

lac_pin lac_pin_value(lua_State *L, int index) {
  lua_pushvalue(L, index);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

void lac_unpin(lacuna_t *runtime, lac_pin *pin) {
  luaL_unref(lac_state(runtime), LUA_REGISTRYINDEX, *pin);
  *pin = LAC_NO_PIN;
}

lua_State *lac_wake_open(lacuna_t *runtime, lac_pin function) {
  lua_State *L = lac_state(runtime);
  lua_pushcfunction(L, lac_with_traceback);
  lua_rawgeti(L, LUA_REGISTRYINDEX, function);
  return L;
}

void lac_wake_call(lacuna_t *runtime, int argument_count) {
  lua_State *L = lac_state(runtime);
  int handler = lua_gettop(L) - argument_count - 1;
  lac_interrupt *outer = lac_interrupt_enter(lac_runtime_interrupt(runtime));
  size_t outer_memory = lac_memory_bind(lac_runtime_memory(runtime));
  int status = lua_pcall(L, argument_count, 0, handler);
  lac_memory_release(lac_runtime_memory(runtime), outer_memory);
  if (status != 0) lac_scheduler_report(lac_runtime_scheduler(runtime));
  lac_interrupt_leave(outer);
  lua_settop(L, handler - 1);
}
