/* limit N: a coroutine that yields from a C function and is resumed from C, N times. With a step behind N, that step of
 * steps.lua. */
#include "../runner/steps.h"

static int l_sleep(lua_State *L) {
  return lua_yield(L, 0);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  double n = atof(argv[1]);
  if (argc > 2) return run_step(__FILE__, argv[2], n);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "sleep", l_sleep);
  lua_pushnumber(L, n);
  lua_setglobal(L, "n");
  lua_State *thread = lua_newthread(L);
  if (luaL_loadstring(thread, "local sleep = sleep; for _ = 1, n do sleep() end")) return 1;
  uint64_t started_ns = uv_hrtime();
  clock_t started_cpu = clock();
  while (lua_resume(thread, 0) == LUA_YIELD) continue;
  print_time_since(started_ns, started_cpu);
  return 0;
}
