/* limit gather|taskgroup|timeout N [COST...]: three coroutines started, suspended once, ended and joined, by a fourth
 * that waits for them; or a timer armed and taken back around one suspension. Threads are used again, and what is ready
 * stands in arrays of C: no tasks, no results, no errors. A COST adds one thing that lacuna has:
 *   list     the ready list is a table, filled and emptied through Lua's C API
 *   lua      what is suspended is a Lua function below a pcall, not a C function
 *   order    asyncio's: the last child calls back in a turn of its own; the clock is read when a timeout is made and
 *            between turns
 *   tables   a coroutine object and a task each, a group and a list; a timeout
 *   closure  the body of the group or the timeout is a function made each time, called by xpcall */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { CHILDREN = 3, READY_MAX = CHILDREN + 1, TIMEOUT_MS = 10000 };

static const char program[] =
    "local spawn, join, sleep, arm, disarm = spawn, join, sleep, arm, disarm\n"
    "local function handler(err) return err end\n"
    "if cost.lua then\n"
    "  local suspend = sleep\n"
    "  function sleep() local ok = pcall(suspend) return ok end\n"
    "end\n"
    "if cost.tables then\n"
    "  local spawn_bare, join_bare, arm_bare = spawn, join, arm\n"
    "  function spawn() spawn_bare({0, 0}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}) end\n"
    "  function join() join_bare({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}, {1, 2, 3}) end\n"
    "  function arm() arm_bare{1, 2, 3, 4, 5, 6, 7, 8} end\n"
    "end\n"
    "local parents = {}\n"
    "function parents.gather(n) for _ = 1, n do spawn() spawn() spawn() join() end end\n"
    "parents.taskgroup = parents.gather\n"
    "function parents.timeout(n) for _ = 1, n do arm() sleep() disarm() end end\n"
    "if cost.closure then\n"
    "  function parents.taskgroup(n)\n"
    "    for _ = 1, n do xpcall(function() for _ = 1, 3 do spawn() end end, handler) join() end\n"
    "  end\n"
    "  function parents.timeout(n)\n"
    "    for _ = 1, n do arm() xpcall(function() sleep() end, handler) disarm() end\n"
    "  end\n"
    "end\n"
    "return parents[...], cost.lua and function() sleep() end or sleep\n";

static lua_State *ready[2][READY_MAX], *idle[READY_MAX], *parent;
static int ready_counts[2], list_refs[2], filling, idle_count, pending_count, child_ref, callback_ref;
static bool has_list, has_order;
static uv_loop_t loop;
static uv_timer_t timer;

static void make_ready(lua_State *L, lua_State *thread) {
  int position = ready_counts[filling]++;
  if (!has_list) {
    ready[filling][position] = thread;
    return;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, list_refs[filling]);
  lua_pushthread(thread);
  if (thread != L) lua_xmove(thread, L, 1);
  lua_rawseti(L, -2, position + 1);
  lua_pop(L, 1);
}

/* The thread at a position of the list that is being emptied, which is on top of L: it stays there meanwhile. */
static lua_State *take_ready(lua_State *L, int draining, int position) {
  if (!has_list) return ready[draining][position];
  lua_rawgeti(L, -1, position + 1);
  lua_pushnil(L);
  lua_rawseti(L, -3, position + 1);
  return lua_tothread(L, -1);
}

static void start(lua_State *L, int function_ref) {
  lua_State *thread = idle[--idle_count];
  lua_rawgeti(L, LUA_REGISTRYINDEX, function_ref);
  lua_xmove(L, thread, 1);
  make_ready(L, thread);
}

static int l_spawn(lua_State *L) {
  pending_count++;
  start(L, child_ref);
  return 0;
}

static int l_join(lua_State *L) {
  return lua_yield(L, 0);
}

static int l_sleep(lua_State *L) {
  make_ready(L, L);
  return lua_yield(L, 0);
}

static int l_callback(lua_State *L) {
  make_ready(L, parent);
  return 0;
}

static void on_timeout(uv_timer_t *expired) {
  (void)expired;
}

static int l_arm(lua_State *L) {
  (void)L;
  if (has_order) uv_hrtime();
  uv_update_time(&loop);
  uv_timer_start(&timer, on_timeout, TIMEOUT_MS, 0);
  return 0;
}

static int l_disarm(lua_State *L) {
  (void)L;
  uv_timer_stop(&timer);
  return 0;
}

/* A child, or a callback, has ended: the last child has the parent woken. */
static void end(lua_State *L, lua_State *thread) {
  lua_settop(thread, 0);
  idle[idle_count++] = thread;
  if (pending_count == 0 || --pending_count > 0) return;
  if (has_order)
    start(L, callback_ref);
  else
    make_ready(L, parent);
}

/* Runs what is ready, turn by turn, until the parent has ended; false if it failed. */
static bool run(lua_State *L) {
  for (;;) {
    int draining = filling;
    filling = 1 - filling;
    if (has_order && uv_is_active((uv_handle_t *)&timer)) uv_hrtime();
    int top = lua_gettop(L);
    if (has_list) lua_rawgeti(L, LUA_REGISTRYINDEX, list_refs[draining]);
    for (int i = 0; i < ready_counts[draining]; i++) {
      lua_State *thread = take_ready(L, draining, i);
      int status = lua_resume(thread, 0);
      if (status != LUA_YIELD && (status != 0 || thread == parent)) return status == 0;
      if (status == 0) end(L, thread);
      if (has_list) lua_pop(L, 1);
    }
    ready_counts[draining] = 0;
    lua_settop(L, top);
  }
}

static double now_s(void) {
  return (double)uv_hrtime() / 1e9;
}

int main(int argc, char **argv) {
  static const luaL_Reg functions[] = {
      {"spawn", l_spawn}, {"join", l_join}, {"sleep", l_sleep}, {"arm", l_arm}, {"disarm", l_disarm}, {NULL, NULL},
  };
  if (argc < 3) return 2;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  for (const luaL_Reg *function = functions; function->name; function++)
    lua_register(L, function->name, function->func);
  lua_newtable(L);
  for (int i = 3; i < argc; i++) {
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, argv[i]);
    has_order |= strcmp(argv[i], "order") == 0;
    has_list |= strcmp(argv[i], "list") == 0;
  }
  lua_setglobal(L, "cost");
  lua_newtable(L); /* anchors the threads */
  for (int i = 1; i <= READY_MAX; i++) {
    idle[idle_count++] = lua_newthread(L);
    lua_rawseti(L, -2, i);
  }
  for (int i = 0; i < 2; i++) {
    lua_createtable(L, READY_MAX, 0);
    list_refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_pushcfunction(L, l_callback);
  callback_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  parent = lua_newthread(L);
  if (luaL_loadstring(L, program)) return 1;
  lua_pushstring(L, argv[1]);
  if (lua_pcall(L, 1, 2, 0)) return 1;
  child_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_xmove(L, parent, 1);
  lua_pushinteger(parent, (lua_Integer)atol(argv[2]));
  double started = now_s();
  clock_t started_cpu = clock();
  int status = lua_resume(parent, 1);
  if (status != LUA_YIELD || !run(L)) return 1;
  printf("wall_s %f\ncpu_s %f\n", now_s() - started, (double)(clock() - started_cpu) / CLOCKS_PER_SEC);
  return 0;
}
