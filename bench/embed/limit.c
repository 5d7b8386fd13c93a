/* limit.c CASE N: the same with nothing but LuaJIT and libuv: a bare lua_CFunction, an idle loop that is polled, a
 * state and a loop made and freed. */
#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

static double seconds(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int l_add(lua_State *L) {
  lua_pushnumber(L, luaL_checknumber(L, 1) + luaL_checknumber(L, 2));
  return 1;
}

static void measure_call(lua_State *L, long n) {
  lua_register(L, "add", l_add);
  luaL_loadstring(L, "local n = ... local add, sum = add, 0 for i = 1, n do sum = add(sum, i) end return sum");
  lua_pushinteger(L, n);
  if (lua_pcall(L, 1, 1, 0) != 0) exit(1);
}

static void on_nothing(uv_async_t *async) {
  (void)async;
}

static void measure_step(long n) {
  uv_loop_t loop;
  uv_async_t async;
  uv_loop_init(&loop);
  uv_async_init(&loop, &async, on_nothing);
  for (long i = 0; i < n; i++) uv_run(&loop, UV_RUN_NOWAIT);
}

static void measure_new(long n) {
  for (long i = 0; i < n; i++) {
    uv_loop_t loop;
    uv_loop_init(&loop);
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_close(L);
    uv_loop_close(&loop);
  }
}

int main(int argc, char **argv) {
  if (argc != 3) return 1;
  long n = atol(argv[2]);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  double started = seconds(CLOCK_MONOTONIC), started_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  if (strcmp(argv[1], "call") == 0) measure_call(L, n);
  if (strcmp(argv[1], "step") == 0) measure_step(n);
  if (strcmp(argv[1], "new") == 0) measure_new(n);
  printf("wall_s %f\ncpu_s %f\n", seconds(CLOCK_MONOTONIC) - started, seconds(CLOCK_PROCESS_CPUTIME_ID) - started_cpu);
  lua_close(L);
  return 0;
}
