#include "core/recursion.h"

#include <lauxlib.h>

#include "core/runtime.h"

enum { STACK_BYTES = 1024 * 1024 };

/* gsub(…): upvalues are LuaJIT's own and what counts. */
static int l_gsub(lua_State *L) {
  const lac_interrupt *interrupt = lua_touserdata(L, lua_upvalueindex(2));
  if (lac_interrupt_stack_bytes(interrupt) > STACK_BYTES) return luaL_error(L, "stack overflow in string.gsub");
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, lua_gettop(L) - 1, LUA_MULTRET);
  return lua_gettop(L);
}

void lac_limit_recursion(lua_State *L) {
  lua_getglobal(L, "string");
  lua_getfield(L, -1, "gsub");
  lua_pushlightuserdata(L, lac_runtime_interrupt(lac_runtime(L)));
  lua_pushcclosure(L, l_gsub, 2);
  lua_setfield(L, -2, "gsub");
  lua_pop(L, 1);
}
