/* limit N: a coroutine that yields from a C function and is resumed from C, N times. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

static int l_sleep(lua_State *L) {
  return lua_yield(L, 0);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  double n = atof(argv[1]);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "sleep", l_sleep);
  lua_pushnumber(L, n);
  lua_setglobal(L, "n");
  lua_State *thread = lua_newthread(L);
  if (luaL_loadstring(thread, "local sleep = sleep; for _ = 1, n do sleep() end")) return 1;
  double started = (double)uv_hrtime() / 1e9;
  clock_t started_cpu = clock();
  while (lua_resume(thread, 0) == LUA_YIELD) continue;
  printf("wall_s %f\ncpu_s %f\n", (double)uv_hrtime() / 1e9 - started,
         (double)(clock() - started_cpu) / CLOCKS_PER_SEC);
  return 0;
}
