/* limit zero|random N: coroutines resumed from C, a ready list and one heap of timers, and nothing else: no task
 * objects, no cancellation, no results but one slot each, no errors. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

typedef struct sleeper {
  double when;
  lua_State *thread;
} sleeper;

static lua_State **ready, **filling;
static sleeper *heap;
static long ready_count, filling_count, heap_count;
static lua_State *running;
static uv_loop_t loop;

static double now_s(void) {
  return (double)uv_hrtime() / 1e9;
}

static void push(double when, lua_State *thread) {
  long hole = ++heap_count;
  for (; hole > 1 && heap[hole / 2].when > when; hole /= 2) heap[hole] = heap[hole / 2];
  heap[hole] = (sleeper){when, thread};
}

static lua_State *pop(void) {
  lua_State *first = heap[1].thread;
  sleeper last = heap[heap_count--];
  long hole = 1, child;
  while ((child = 2 * hole) <= heap_count) {
    if (child < heap_count && heap[child + 1].when < heap[child].when) child++;
    if (heap[child].when >= last.when) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = last;
  return first;
}

static int l_sleep(lua_State *L) {
  double seconds = lua_tonumber(L, 1);
  if (seconds > 0)
    push(now_s() + seconds, running);
  else
    filling[filling_count++] = running;
  return lua_yield(L, 0);
}

static void on_timer(uv_timer_t *timer) {
  (void)timer;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  int is_zero = strcmp(argv[1], "zero") == 0;
  long n = atol(argv[2]), done_count = 0;
  double started = now_s();
  clock_t started_cpu = clock();
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  uv_timer_t timer;
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  lua_register(L, "sleep", l_sleep);
  ready = malloc((size_t)n * sizeof *ready);
  filling = malloc((size_t)n * sizeof *filling);
  heap = malloc((size_t)(n + 2) * sizeof *heap);
  if (!ready || !filling || !heap) return 1;
  if (luaL_dostring(L, is_zero ? "local sleep = sleep; return function() sleep(0) return 1 end"
                               : "local sleep, random = sleep, math.random; "
                                 "return function() sleep(random()) return 1 end"))
    return 1;
  int body = lua_gettop(L);
  lua_createtable(L, (int)n, 0);
  int threads = body + 1;
  for (long i = 0; i < n; i++) {
    lua_State *thread = lua_newthread(L);
    lua_rawseti(L, threads, (int)i + 1);
    lua_pushvalue(L, body);
    lua_xmove(L, thread, 1);
    filling[filling_count++] = thread;
  }
  while (done_count < n) {
    lua_State **swapped = ready;
    ready = filling;
    filling = swapped;
    ready_count = filling_count;
    filling_count = 0;
    for (long i = 0; i < ready_count; i++) {
      running = ready[i];
      if (lua_resume(running, 0) == 0) done_count++;
    }
    if (filling_count > 0 || heap_count == 0) continue;
    double wait_ms = ceil((heap[1].when - now_s()) * 1e3);
    if (wait_ms > 0) {
      uv_update_time(&loop);
      uv_timer_start(&timer, on_timer, (uint64_t)wait_ms, 0);
      uv_run(&loop, UV_RUN_ONCE);
    }
    for (double now = now_s(); heap_count > 0 && heap[1].when <= now;) filling[filling_count++] = pop();
  }
  printf("wall_s %f\ncpu_s %f\n", now_s() - started, (double)(clock() - started_cpu) / CLOCKS_PER_SEC);
  return 0;
}
