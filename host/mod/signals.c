/* signals: what a signal did before libuv handled it, so that lua/lacuna/io/signals.lua can put it back; libuv leaves a
 * signal with its default action. */
#include <lauxlib.h>
#include <signal.h>
#include <string.h>

#include "core/modules.h"

/* disposition(number) -> what the signal does now, opaque: a copy of what is defined of it, as it becomes a string. */
static int l_disposition(lua_State *L) {
  struct sigaction found, action;
  if (sigaction((int)luaL_checkinteger(L, 1), NULL, &found) != 0) return 0;
  memset(&action, 0, sizeof action);
  action.sa_handler = found.sa_handler; /* or sa_sigaction, which has the same place */
  action.sa_flags = found.sa_flags;
  for (int number = 1; number < NSIG; number++)
    if (sigismember(&found.sa_mask, number) == 1) sigaddset(&action.sa_mask, number);
  lua_pushlstring(L, (const char *)&action, sizeof action);
  return 1;
}

/* restore(number, disposition). */
static int l_restore(lua_State *L) {
  struct sigaction action;
  size_t size_bytes;
  const char *bytes = luaL_checklstring(L, 2, &size_bytes);
  luaL_argcheck(L, size_bytes == sizeof action, 2, "not a disposition");
  memcpy(&action, bytes, sizeof action);
  sigaction((int)luaL_checkinteger(L, 1), &action, NULL);
  return 0;
}

int luaopen_lacuna_native_signals(lua_State *L) {
  static const luaL_Reg functions[] = {{"disposition", l_disposition}, {"restore", l_restore}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
