/* limit WAITING WORKERS SECONDS [TABLES]: the longest gap between two ticks of a 1 ms timer of libuv, while bare
 * coroutines of LuaJIT are suspended and others work: no tasks, nothing that they wait for. With TABLES, each stack
 * holds so many tables of its own, as a task does: the task, a coroutine object, what it waits for. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <uv.h>

static const char program[] = "local yield = coroutine.yield\n"
                              "local function wait() yield() end\n"
                              "local function wait1(a) yield() return a end\n"
                              "local function wait2(a, b) yield() return a, b end\n"
                              "local function wait3(a, b, c) yield() return a, b, c end\n"
                              "local function work()\n"
                              "  local kept = {}\n"
                              "  while true do\n"
                              "    for i = 1, 20 do kept[i] = {number = i, text = 'item ' .. i} end\n"
                              "    yield()\n"
                              "  end\n"
                              "end\n"
                              "waiting, working = {}, {}\n"
                              "return function(count, workers, tables)\n"
                              "  local create, resume = coroutine.create, coroutine.resume\n"
                              "  local fn = ({[0] = wait, wait1, wait2, wait3})[tables]\n"
                              "  for i = 1, count do\n"
                              "    waiting[i] = create(fn)\n"
                              "    if tables == 0 then resume(waiting[i])\n"
                              "    elseif tables == 1 then resume(waiting[i], {i})\n"
                              "    elseif tables == 2 then resume(waiting[i], {i}, {i})\n"
                              "    else resume(waiting[i], {i}, {i}, {i}) end\n"
                              "  end\n"
                              "  for i = 1, workers do working[i] = create(work) end\n"
                              "  return unpack(working)\n"
                              "end\n";

enum { WORKERS_MAX = 64, SETTLE_MS = 500 };

static lua_State *workers[WORKERS_MAX];
static int worker_count;
static double ends_s, before_s, before_cpu_s, longest_s, longest_cpu_s;
static long steps;

static double now_s(clockid_t clock) {
  struct timespec now;
  clock_gettime(clock, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static void on_idle(uv_idle_t *idle) {
  (void)idle;
  for (int i = 0; i < worker_count; i++, steps++) lua_resume(workers[i], 0);
}

static void on_tick(uv_timer_t *timer) {
  double now = now_s(CLOCK_MONOTONIC), cpu = now_s(CLOCK_PROCESS_CPUTIME_ID);
  if (before_s > 0 && now - before_s > longest_s) longest_s = now - before_s;
  if (before_s > 0 && cpu - before_cpu_s > longest_cpu_s) longest_cpu_s = cpu - before_cpu_s;
  before_s = now;
  before_cpu_s = cpu;
  if (now < ends_s)
    uv_timer_start(timer, on_tick, 1, 0);
  else
    uv_stop(timer->loop);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  if (luaL_dostring(L, program)) return 1;
  lua_pushnumber(L, atof(argv[1]));
  lua_pushnumber(L, atof(argv[2]));
  lua_pushnumber(L, argc > 4 ? atof(argv[4]) : 0);
  lua_call(L, 3, LUA_MULTRET);
  worker_count = lua_gettop(L);
  for (int i = 0; i < worker_count; i++) workers[i] = lua_tothread(L, i + 1);
  uv_timer_t timer;
  uv_idle_t idle;
  uv_loop_t *loop = uv_default_loop();
  uv_idle_init(loop, &idle);
  uv_idle_start(&idle, on_idle);
  uv_timer_init(loop, &timer);
  uv_timer_start(&timer, on_tick, SETTLE_MS, 0);
  ends_s = now_s(CLOCK_MONOTONIC) + SETTLE_MS / 1e3 + atof(argv[3]);
  uv_run(loop, UV_RUN_DEFAULT);
  printf("longest_gap_ms %f\nlongest_gap_cpu_ms %f\nsteps %ld\n", longest_s * 1e3, longest_cpu_s * 1e3, steps);
  return 0;
}
