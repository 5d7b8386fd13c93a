#include "core/luax.h"

#include <stdlib.h>

void lac_push_thread(lua_State *L, lua_State *thread) {
  lua_pushthread(thread);
  if (thread != L) lua_xmove(thread, L, 1);
}

void lac_require(lua_State *L, const char *name) {
  lua_getglobal(L, "require");
  lua_pushstring(L, name);
  lua_call(L, 1, 1);
}

void lac_raise_memory(lua_State *L) {
  luaL_error(L, "not enough memory");
  abort(); /* luaL_error does not return; its declaration does not say so */
}

int lac_with_traceback(lua_State *L) {
  if (lua_isstring(L, 1)) luaL_traceback(L, L, lua_tostring(L, 1), 1);
  return 1;
}
