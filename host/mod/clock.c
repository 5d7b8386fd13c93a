/* clock: the wall clock and a sleep that blocks, for `lacuna.time`; the loop's own clock is the scheduler's. */
#include <errno.h>
#include <lauxlib.h>
#include <math.h>
#include <time.h>

#include "core/modules.h"
#include "core/runtime.h"

/* wall() -> seconds since 1970. */
static int l_wall(lua_State *L) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  lua_pushnumber(L, (double)now.tv_sec + (double)now.tv_nsec / 1e9);
  return 1;
}

/* block(seconds): sleeps on the calling thread, signals notwithstanding, unless the runtime is to be interrupted. */
static int l_block(lua_State *L) {
  double seconds = luaL_checknumber(L, 1);
  if (!(seconds > 0)) return 0;
  if (seconds > 1e9) seconds = 1e9;
  struct timespec left = {.tv_sec = (time_t)seconds, .tv_nsec = (long)(fmod(seconds, 1) * 1e9)};
  const lac_interrupt *interrupt = lac_runtime_interrupt(lac_runtime(L));
  while (nanosleep(&left, &left) != 0 && errno == EINTR && !lac_interrupt_is_due(interrupt)) continue;
  return 0;
}

int luaopen_lacuna_native_clock(lua_State *L) {
  static const luaL_Reg functions[] = {{"wall", l_wall}, {"block", l_block}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
