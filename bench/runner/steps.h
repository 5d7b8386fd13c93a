/* steps: what stands between a limit program and lacuna. A step is a cost that the steps.lua beside the program adds to
 * the step before: called with the step's name, N and a list, it returns functions. Each runs in a coroutine, which is
 * resumed whenever its thread is on the list, generation by generation: what is on it when one begins. Nothing else is
 * done that a scheduler does. */
#ifndef LACUNA_BENCH_STEPS_H
#define LACUNA_BENCH_STEPS_H

#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { COUNT = 0, LONGEST = 64 }; /* of the list: where it has its count; when it begins anew */

static void check(lua_State *L, int status) {
  if (status == 0 || status == LUA_YIELD) return;
  fprintf(stderr, "%s\n", lua_tostring(L, -1));
  exit(1);
}

static int get_count(lua_State *L, int list) {
  lua_rawgeti(L, list, COUNT);
  int count = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  return count;
}

static void set_count(lua_State *L, int list, int count) {
  lua_pushinteger(L, count);
  lua_rawseti(L, list, COUNT);
}

/* Pushes what is at a position, and empties that. */
static void take(lua_State *L, int list, int position) {
  lua_rawgeti(L, list, position);
  lua_pushnil(L);
  lua_rawseti(L, list, position);
}

static void drain(lua_State *L, int list) {
  int position = 1;
  for (int count; (count = get_count(L, list)) >= position;) {
    for (; position <= count; position++) {
      take(L, list, position);
      lua_State *thread = lua_tothread(L, -1);
      check(thread, lua_resume(thread, 0));
      lua_pop(L, 1);
    }
    if (count < LONGEST) continue;
    int left = get_count(L, list) - count; /* moved to the beginning, where lacuna has a second list */
    for (position = 1; position <= left; position++) {
      take(L, list, count + position);
      lua_rawseti(L, list, position);
    }
    set_count(L, list, left);
    position = 1;
  }
}

static void print_time_since(uint64_t started_ns, clock_t started_cpu) {
  printf("wall_s %f\ncpu_s %f\n", (double)(uv_hrtime() - started_ns) / 1e9,
         (double)(clock() - started_cpu) / CLOCKS_PER_SEC);
}

/* Runs a step and prints what it took; `file` is the limit program's. */
static int run_step(const char *file, const char *step, double n) {
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_createtable(L, 2 * LONGEST, 0);
  int list = lua_gettop(L);
  set_count(L, list, 0);
  const char *slash = strrchr(file, '/');
  lua_pushlstring(L, file, slash ? (size_t)(slash + 1 - file) : 0);
  lua_pushliteral(L, "steps.lua");
  lua_concat(L, 2);
  check(L, luaL_loadfile(L, lua_tostring(L, -1)));
  lua_remove(L, -2);
  lua_pushstring(L, step);
  lua_pushnumber(L, n);
  lua_pushvalue(L, list);
  check(L, lua_pcall(L, 3, LUA_MULTRET, 0));
  int functions = lua_gettop(L) - list;
  for (int i = 1; i <= functions; i++) {
    lua_State *thread = lua_newthread(L);
    lua_pushvalue(L, list + i);
    lua_xmove(L, thread, 1);
    lua_rawseti(L, list, i);
  }
  set_count(L, list, functions);
  uint64_t started_ns = uv_hrtime();
  clock_t started_cpu = clock();
  drain(L, list);
  print_time_since(started_ns, started_cpu);
  return 0;
}

#endif
