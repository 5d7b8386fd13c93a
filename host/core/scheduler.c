/* scheduler: which loops run, and the drain.
 *
 * Lua resumes nothing and C decides nothing: an entry of the ready list is resumed or called, what it yields says what
 * it waits for, and an error goes to the hook that the kernel installed. */
#include "core/scheduler.h"

#include <lauxlib.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

#include "core/collector.h"
#include "core/loop.h"
#include "core/luax.h"
#include "core/order.h"
#include "core/output.h"
#include "core/pool.h"
#include "core/runtime.h"

enum {
  RESUMES_MAX = 64,       /* between two looks at the clock, which costs as much as a resume */
  VIRTUAL_START = 1,      /* second: always the same, so that sums of times are rounded alike in every run */
  RESUMES_NS = 10 * 1000, /* where that many take longer than this, the clock is read more often */
};

static const char *const hook_names[LAC_HOOK_COUNT] = {
    [LAC_HOOK_BODY] = "body",         [LAC_HOOK_FAILED] = "failed",     [LAC_HOOK_STOPPED] = "stopped",
    [LAC_HOOK_SLOW] = "slow",         [LAC_HOOK_DEADLOCK] = "deadlock", [LAC_HOOK_INTERRUPTED] = "interrupted",
    [LAC_HOOK_NOTIFIED] = "notified", [LAC_HOOK_TREE] = "print_tree",
};

struct lac_scheduler {
  lua_State *L;
  lac_scheduler_host host;
  lac_loop *running;
  lac_memory *memory;
  int task_limit; /* 0: none */
  lac_interrupt *interrupt;
  atomic_ullong *steps; /* interrupt's, for lac_next_step */
  lac_collector collector;
  int drain_ref; /* l_drain as a Lua function, so that a drain allocates nothing */
  int hook_refs[LAC_HOOK_COUNT];
  uint64_t now_ns;      /* refreshed every resumes_per_clock resumes and after a blocking sleep */
  uint64_t deadline_ns; /* of the drain under way */
  int resumes_per_clock, resumes_left;
  double virtual_now; /* seconds on the virtual clock that all virtual loops share; 0: the runtime's clock is real */
  lac_order order;    /* of a generation's entries, where a seed decides it */
  lac_pool pool;
};

static double real_now(void) {
  return (double)uv_hrtime() / 1e9;
}

static double loop_now(const lac_loop *loop) {
  return loop->is_clock_virtual ? loop->scheduler->virtual_now : real_now();
}

/* ---- resuming ---- */

/* Calls a hook with the arguments on top of the stack and drops its results. A hook that fails is a bug of the kernel's
 * own: there is nobody left to tell but the one who reads the log. */
static void call_hook(lua_State *L, lac_scheduler *scheduler, int hook, int argument_count) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler->hook_refs[hook]);
  lua_insert(L, -argument_count - 1);
  size_t outer = lac_memory_bind(scheduler->memory);
  if (lua_pcall(L, argument_count, 0, 0) != 0) {
    char text[512];
    const char *message = lua_tostring(L, -1);
    snprintf(text, sizeof text, "error in the scheduler's %s hook: %s", hook_names[hook], message ? message : "?");
    lac_output_log(lac_runtime_output(lac_runtime(L)), text);
    lua_pop(L, 1);
  }
  lac_memory_release(scheduler->memory, outer);
}

/* A task has yielded (seconds, task): its slot is what it waits for. */
static void start_sleep(lua_State *L, lac_loop *loop, lua_State *thread) {
  double seconds = lua_tonumber(thread, 1);
  lua_xmove(thread, L, 1);
  lua_settop(thread, 0);
  lac_push_thread(L, thread);
  lua_pushinteger(L, (lua_Integer)lac_loop_arm(L, loop, loop_now(loop) + seconds, LAC_SLOT_SLEEP));
  lua_rawseti(L, -2, TASK_WAITS_FOR);
  lua_pop(L, 1);
}

/* Debug mode: tells the kernel about a step that held the loop for longer than its slow_callback_duration. */
static void report_slow(lua_State *L, lac_loop *loop, lua_State *thread, double seconds) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->object_ref);
  lua_getfield(L, -1, "slow_callback_duration");
  double limit = lua_tonumber(L, -1);
  lua_pop(L, 1);
  if (seconds < limit) {
    lua_pop(L, 1);
    return;
  }
  lua_pushnumber(L, seconds);
  lac_push_thread(L, thread);
  call_hook(L, loop->scheduler, LAC_HOOK_SLOW, 3);
}

/* Resumes with the arguments on top of the thread's stack. What it yields says why: nothing, a task waits; (true), the
 * thread is idle; (seconds, task), a task sleeps. */
static void resume_thread(lua_State *L, lac_loop *loop, lua_State *thread, int argument_count) {
  lac_scheduler *scheduler = loop->scheduler;
  bool is_timed = loop->is_debug; /* a step may turn it on, or off, for those that follow */
  double started = is_timed ? loop_now(loop) : 0;
  lac_next_step(scheduler->steps);
  size_t outer = lac_memory_bind(scheduler->memory);
  lac_collector_release(&scheduler->collector, thread);
  int status = lua_resume(thread, argument_count);
  lac_memory_release(scheduler->memory, outer);
  if (is_timed) report_slow(L, loop, thread, loop_now(loop) - started);
  scheduler->resumes_left--;
  if (status == LUA_YIELD) {
    lac_collector_claim(&scheduler->collector, thread);
    switch (lua_gettop(thread)) {
    case 0: return;
    case 1:
      lua_settop(thread, 0);
      lac_pool_give(&scheduler->pool, L, thread);
      return;
    default: start_sleep(L, loop, thread); return;
    }
  }
  lac_pool_forget(&scheduler->pool, L, thread);
  lua_xmove(thread, L, 1); /* the error */
  lac_push_thread(L, thread);
  call_hook(L, scheduler, LAC_HOOK_FAILED, 2);
}

/* Moves a value out of the list at stack index `list`. */
static void take_value(lua_State *L, int list, int position) {
  lua_rawgeti(L, list, position);
  lua_pushnil(L);
  lua_rawseti(L, list, position);
}

/* Runs what begins with the value on top of the stack, taken from `position` of the list at stack index `list`, unless
 * it is a thread. Returns the position of the last value it used; pops the one on top. */
static int begin_entry(lua_State *L, lac_loop *loop, int list, int position) {
  lac_scheduler *scheduler = loop->scheduler;
  int top = lua_gettop(L) - 1;
  switch (lua_type(L, -1)) {
  case LUA_TTABLE: {
    lua_State *thread = lac_pool_take(&scheduler->pool, L, scheduler->hook_refs[LAC_HOOK_BODY]);
    lua_xmove(L, thread, 1);
    lua_pushthread(thread);
    resume_thread(L, loop, thread, 2);
    break;
  }
  case LUA_TBOOLEAN:
    if (!lua_toboolean(L, -1)) break; /* taken back */
    lua_pop(L, 1);
    take_value(L, list, ++position);
    /* fall through */
  case LUA_TFUNCTION: {
    lua_State *thread = lac_pool_take(&scheduler->pool, L, scheduler->hook_refs[LAC_HOOK_BODY]);
    take_value(L, list, ++position);
    lua_xmove(L, thread, 2);
    resume_thread(L, loop, thread, 2);
    break;
  }
  case LUA_TNUMBER:
    if (lac_loop_end_sleep(L, loop, (uint32_t)lua_tointeger(L, -1))) resume_thread(L, loop, lua_tothread(L, -1), 0);
    break;
  default: /* taken back */ break;
  }
  lua_settop(L, top);
  return position;
}

/* Runs the entry at `position` of the list at stack index `list`; returns the position of the last value it used. */
static int run_entry(lua_State *L, lac_loop *loop, int list, int position) {
  lac_memory *memory = loop->scheduler->memory;
  take_value(L, list, position);
  lua_State *waiting = lua_tothread(L, -1);
  if (waiting) {
    resume_thread(L, loop, waiting, 0);
    lua_pop(L, 1);
  } else {
    position = begin_entry(L, loop, list, position);
  }
  if (memory->is_exhausted) lac_memory_collect(memory); /* what the dead thread kept alive */
  return position;
}

static void stop_running(lua_State *L, lac_loop *loop) {
  lac_scheduler *scheduler = loop->scheduler;
  lac_loop **link = &scheduler->running;
  while (*link != loop) link = &(*link)->next;
  *link = loop->next;
  loop->is_running = loop->is_stopping = false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->object_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->object_ref);
  loop->object_ref = LUA_NOREF;
  call_hook(L, scheduler, LAC_HOOK_STOPPED, 1);
}

/* Runs a generation's entries in an order that the seed decides. Raises if memory ran out. */
static void run_shuffled(lua_State *L, lac_loop *loop, int list) {
  lac_order *order = &loop->scheduler->order;
  order->count = 0;
  for (int position = loop->position; position <= loop->count; position++) {
    if (!lac_order_add(order, position)) lac_raise_memory(L);
    lua_rawgeti(L, list, position);
    if (lua_isfunction(L, -1)) position++; /* and the value that follows, or the two */
    if (lua_isboolean(L, -1) && lua_toboolean(L, -1)) position += 2;
    lua_pop(L, 1);
  }
  lac_order_shuffle(order);
  for (int i = 0; i < order->count; i++) run_entry(L, loop, list, order->items[i]);
  loop->position = loop->count + 1;
}

static void read_clock(lac_scheduler *scheduler) {
  scheduler->now_ns = uv_hrtime();
  scheduler->resumes_left = scheduler->resumes_per_clock;
  lac_collector_spare(&scheduler->collector);
}

/* The clock is due to be read: does so, and more often from now on if the steps are long. */
static void follow_clock(lac_scheduler *scheduler) {
  uint64_t was_ns = scheduler->now_ns;
  int often = scheduler->resumes_per_clock;
  scheduler->now_ns = uv_hrtime();
  scheduler->resumes_per_clock =
      scheduler->now_ns - was_ns > RESUMES_NS ? (often + 3) / 4 : (often < RESUMES_MAX ? often * 2 : often);
  scheduler->resumes_left = scheduler->resumes_per_clock;
  lac_collector_spare(&scheduler->collector);
}

/* Runs what is left of a loop's generation; false if the deadline came first. Sets *is_clock_read if it was. */
static bool run_generation(lua_State *L, lac_loop *loop, int list, bool *is_clock_read) {
  lac_scheduler *scheduler = loop->scheduler;
  while (loop->position <= loop->count) {
    if (scheduler->resumes_left <= 0) {
      *is_clock_read = true;
      follow_clock(scheduler);
      if (scheduler->now_ns >= scheduler->deadline_ns) return false;
    }
    loop->position = run_entry(L, loop, list, loop->position) + 1;
  }
  return true;
}

/* Runs a loop generation by generation until nothing is ready, the clock has been read, or the loop has stopped; at the
 * deadline it leaves a generation where it is, for the next drain to go on. False if nothing was ready; true may have
 * made something ready in any loop. The loop's object and its two lists stay on the stack meanwhile: a look-up costs as
 * much as everything else that a generation of one task needs. */
static bool run_generations(lua_State *L, lac_loop *loop) {
  lac_scheduler *scheduler = loop->scheduler;
  int object = lua_gettop(L) + 1, lists = object + 1;
  bool has_run = false, is_clock_read = false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->object_ref);
  lac_loop_push_lists(L, loop);
  do {
    if (loop->position > loop->count) {
      if (loop->timers.count > 0) lac_loop_expire(L, loop, loop_now(loop)); /* what came due in a long step goes next */
      if (!lac_loop_begin_generation(L, loop, object, lists) && !loop->is_stopping) break;
    }
    has_run = true;
    if (scheduler->order.random) {
      run_shuffled(L, loop, lists + loop->draining);
    } else if (!run_generation(L, loop, lists + loop->draining, &is_clock_read)) {
      break;
    }
    if (loop->is_stopping) {
      stop_running(L, loop);
      break;
    }
  } while (!is_clock_read && scheduler->resumes_left > 0);
  return has_run;
}

/* Drains within the budget; protected by lac_scheduler_drain, so that running out of memory unwinds no C library. */
static int l_drain(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, 1);
  read_clock(scheduler);
  scheduler->deadline_ns += scheduler->now_ns; /* it was given as a budget */
  bool is_more = true;
  while (is_more && scheduler->now_ns < scheduler->deadline_ns) {
    is_more = false;
    for (lac_loop *loop = scheduler->running, *next; loop; loop = next) {
      next = loop->next;
      lua_settop(L, 0);
      if (run_generations(L, loop)) is_more = true;
      if (scheduler->resumes_left <= 0) follow_clock(scheduler);
    }
  }
  lua_pushboolean(L, is_more);
  return 1;
}

bool lac_scheduler_drain(lac_scheduler *scheduler, uint64_t budget_ns) {
  lua_State *L = scheduler->L;
  scheduler->deadline_ns = budget_ns;
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler->drain_ref);
  lua_pushlightuserdata(L, scheduler);
  lac_interrupt *outer = lac_interrupt_enter(scheduler->interrupt);
  bool is_more = true;
  if (lua_pcall(L, 1, 1, 0) == 0) {
    is_more = lua_toboolean(L, -1);
    lua_pop(L, 1);
  } else {
    lac_scheduler_report(scheduler);
  }
  lac_interrupt_leave(outer);
  return is_more;
}

bool lac_scheduler_is_ready(const lac_scheduler *scheduler) {
  lua_State *L = scheduler->L;
  bool is_ready = false;
  for (const lac_loop *loop = scheduler->running; loop && !is_ready; loop = loop->next)
    is_ready = lac_loop_is_ready(L, loop);
  return is_ready;
}

void lac_scheduler_report(lac_scheduler *scheduler) {
  lua_pushnil(scheduler->L);
  call_hook(scheduler->L, scheduler, LAC_HOOK_FAILED, 2);
}

/* ---- what the kernel in Lua calls ---- */

/* arm(loop, when, handle) -> slot: makes the handle ready when the loop's clock shows `when`. */
static int l_arm(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  lua_settop(L, 3);
  lua_pushinteger(L, (lua_Integer)lac_loop_arm(L, loop, lua_tonumber(L, 2), LAC_SLOT_HANDLE));
  return 1;
}

/* arm_ahead(loop, when, handle) -> slot: the same; nil, and nothing is armed, if the clock shows `when` already. */
static int l_arm_ahead(lua_State *L) {
  return lua_tonumber(L, 2) > loop_now(lua_touserdata(L, 1)) ? l_arm(L) : 0;
}

/* disarm(loop, slot) -> whether it was taken back: not if the sleep is over and its task as good as running. */
static int l_disarm(lua_State *L) {
  lua_pushboolean(L, lac_loop_disarm(L, lua_touserdata(L, 1), (uint32_t)lua_tointeger(L, 2)));
  return 1;
}

/* deadline(loop, slot) -> seconds on the loop's clock; -inf once it has fired. */
static int l_deadline(lua_State *L) {
  lua_pushnumber(L, lac_loop_deadline_of(lua_touserdata(L, 1), (uint32_t)lua_tointeger(L, 2)));
  return 1;
}

/* open(object, is_clock_virtual|nil) -> loop: makes the ready list of a Lua loop object; nil takes the runtime's clock.
 */
static int l_open(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  bool is_clock_virtual = lua_isnil(L, 2) ? scheduler->virtual_now > 0 : lua_toboolean(L, 2);
  lac_loop *loop = lac_loop_new(L, scheduler, is_clock_virtual);
  if (loop->is_clock_virtual && scheduler->virtual_now <= 0) scheduler->virtual_now = VIRTUAL_START;
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->list_refs[loop->filling]);
  lua_rawseti(L, 1, LOOP_READY);
  return 1;
}

/* debug(loop, is_debug): has slow steps reported, or no longer. */
static int l_debug(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  loop->is_debug = lua_toboolean(L, 2);
  return 0;
}

/* start(loop, object): drains it from the next turn on. */
static int l_start(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  lac_scheduler *scheduler = loop->scheduler;
  lua_settop(L, 2);
  loop->object_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  loop->is_running = true;
  loop->is_stopping = false;
  loop->next = NULL;
  lac_loop **link = &scheduler->running;
  while (*link) link = &(*link)->next;
  *link = loop;
  return 0;
}

/* stop(loop): ends its running after the current generation; the stopped hook is called then. */
static int l_stop(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  loop->is_stopping = loop->is_running;
  return 0;
}

/* clear(loop): it is closed and keeps nothing alive. */
static int l_clear(lua_State *L) {
  lac_loop_clear(L, lua_touserdata(L, 1));
  return 0;
}

/* now(loop) -> seconds on the loop's clock. */
static int l_now(lua_State *L) {
  lua_pushnumber(L, loop_now(lua_touserdata(L, 1)));
  return 1;
}

/* clock() -> seconds on the runtime's clock, and whether that is the virtual one. */
static int l_clock(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  bool is_virtual = scheduler->virtual_now > 0;
  lua_pushnumber(L, is_virtual ? scheduler->virtual_now : real_now());
  lua_pushboolean(L, is_virtual);
  return 2;
}

/* advance(seconds): time has passed behind the scheduler's back: the virtual clock is moved, the real one read again.
 */
static int l_advance(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  if (scheduler->virtual_now > 0) scheduler->virtual_now += luaL_checknumber(L, 1);
  scheduler->resumes_left = 0;
  return 0;
}

/* notify(): has the notified hook called in the loop's next turn; the one thing a finalizer may do to the scheduler. */
static int l_notify(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  scheduler->host.notify(scheduler->host.data);
  return 0;
}

/* touch(thread): somebody else than its code is about to write on its stack. */
static int l_touch(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  lua_State *thread = lua_tothread(L, 1);
  if (thread) lac_collector_touch(&scheduler->collector, thread);
  return 0;
}

/* install(hooks): the functions that this file calls, by the names in hook_names. */
static int l_install(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  for (int i = 0; i < LAC_HOOK_COUNT; i++) {
    lua_getfield(L, 1, hook_names[i]);
    luaL_unref(L, LUA_REGISTRYINDEX, scheduler->hook_refs[i]);
    scheduler->hook_refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  return 0;
}

int luaopen_lacuna_native_scheduler(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"open", l_open},       {"debug", l_debug}, {"deadline", l_deadline},   {"start", l_start},
      {"stop", l_stop},       {"arm", l_arm},     {"arm_ahead", l_arm_ahead}, {"disarm", l_disarm},
      {"now", l_now},         {"clock", l_clock}, {"advance", l_advance},     {"notify", l_notify},
      {"install", l_install}, {"clear", l_clear}, {"touch", l_touch},         {NULL, NULL},
  };
  lac_scheduler *scheduler = lac_runtime_scheduler(lac_runtime(L));
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushlightuserdata(L, scheduler);
    lua_pushcclosure(L, function->func, 1);
    lua_setfield(L, -2, function->name);
  }
  lua_getfield(L, LUA_REGISTRYINDEX, "lacuna.debug");
  lua_setfield(L, -2, "is_debug");
  lua_pushboolean(L, scheduler->virtual_now > 0); /* no loop has been made yet: this is the runtime's own clock */
  lua_setfield(L, -2, "is_clock_virtual");
  if (scheduler->memory->limit_bytes > 0) {
    lua_pushnumber(L, (lua_Number)scheduler->memory->limit_bytes);
    lua_setfield(L, -2, "memory_limit");
  }
  if (scheduler->task_limit > 0) {
    lua_pushinteger(L, scheduler->task_limit);
    lua_setfield(L, -2, "task_limit");
  }
  return 1;
}

/* ---- for the driver ---- */

void lac_scheduler_call(lac_scheduler *scheduler, lac_hook hook) {
  lac_interrupt *outer = lac_interrupt_enter(scheduler->interrupt);
  call_hook(scheduler->L, scheduler, (int)hook, 0);
  lac_interrupt_leave(outer);
}

double lac_scheduler_deadline(const lac_scheduler *scheduler, bool is_clock_virtual) {
  double nearest = INFINITY;
  for (lac_loop *loop = scheduler->running; loop; loop = loop->next) {
    if (loop->is_clock_virtual == is_clock_virtual) nearest = fmin(nearest, lac_loop_deadline(loop));
  }
  return nearest;
}

void lac_scheduler_jump(lac_scheduler *scheduler, double when) {
  if (when > scheduler->virtual_now) scheduler->virtual_now = when;
}

lac_scheduler *lac_scheduler_new(lua_State *L, lac_scheduler_host host, const lacuna_options *options) {
  lac_scheduler *scheduler = calloc(1, sizeof *scheduler);
  if (!scheduler) return NULL;
  scheduler->L = L;
  scheduler->interrupt = lac_runtime_interrupt(lac_runtime(L));
  scheduler->memory = lac_runtime_memory(lac_runtime(L));
  scheduler->steps = lac_interrupt_steps(scheduler->interrupt);
  scheduler->host = host;
  scheduler->order.random = options->shuffle_seed;
  scheduler->task_limit = (int)options->task_limit;
  scheduler->resumes_per_clock = 1;
  if (options->is_clock_virtual) scheduler->virtual_now = VIRTUAL_START;
  for (int i = 0; i < LAC_HOOK_COUNT; i++) scheduler->hook_refs[i] = LUA_NOREF;
  lac_collector_open(&scheduler->collector, L);
  lua_pushcfunction(L, l_drain);
  scheduler->drain_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lac_pool_open(&scheduler->pool, L);
  return scheduler;
}

void lac_scheduler_free(lac_scheduler *scheduler) {
  if (!scheduler) return;
  lac_order_free(&scheduler->order);
  free(scheduler);
}
