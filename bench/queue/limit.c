/* limit N: N messages, there and back, through queues of one in C. Two coroutines put and get by C functions, which
 * yield where they must wait, and are resumed from C, with the item where they wait for one. With a step behind N, that
 * step of steps.lua. */
#include <stdbool.h>

#include "../runner/steps.h"

typedef struct queue {
  bool is_full;
  double item, next_item; /* that the putter brings */
  lua_State *getter, *putter;
} queue;

enum { READY_MAX = 4 }; /* more than there are coroutines */

static queue queues[3];
static lua_State *ready[READY_MAX];
static unsigned ready_first, ready_last;

static void wake(lua_State *thread) {
  ready[ready_last++ % READY_MAX] = thread;
}

static int l_put(lua_State *L) {
  queue *queue = &queues[lua_tointeger(L, 1)];
  double item = lua_tonumber(L, 2);
  if (queue->is_full) {
    queue->next_item = item;
    queue->putter = L;
    return lua_yield(L, 0);
  }
  if (queue->getter) {
    lua_pushnumber(queue->getter, item);
    wake(queue->getter);
    queue->getter = NULL;
  } else {
    queue->is_full = true;
    queue->item = item;
  }
  return 0;
}

static int l_get(lua_State *L) {
  queue *queue = &queues[lua_tointeger(L, 1)];
  if (!queue->is_full) {
    queue->getter = L;
    return lua_yield(L, 0);
  }
  lua_pushnumber(L, queue->item);
  queue->is_full = queue->putter != NULL;
  if (queue->putter) {
    queue->item = queue->next_item;
    wake(queue->putter);
    queue->putter = NULL;
  }
  return 1;
}

static void start_thread(lua_State *L, const char *chunk) {
  lua_State *thread = lua_newthread(L);
  if (luaL_loadstring(thread, chunk)) exit(1);
  wake(thread);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  double n = atof(argv[1]);
  if (argc > 2) return run_step(__FILE__, argv[2], n);
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  lua_register(L, "put", l_put);
  lua_register(L, "get", l_get);
  lua_pushnumber(L, n / 2);
  lua_setglobal(L, "half");
  start_thread(L, "local put, get = put, get; for i = 1, half do put(1, i); get(2) end");
  start_thread(L, "local put, get = put, get; for _ = 1, half do put(2, get(1)) end");
  uint64_t started_ns = uv_hrtime();
  clock_t started_cpu = clock();
  while (ready_first != ready_last) {
    lua_State *thread = ready[ready_first++ % READY_MAX];
    bool is_new = lua_status(thread) == 0;
    int status = lua_resume(thread, is_new ? 0 : lua_gettop(thread));
    if (status != 0 && status != LUA_YIELD) return 1;
  }
  print_time_since(started_ns, started_cpu);
  return 0;
}
