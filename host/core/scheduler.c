/* scheduler: ready lists, timers, the thread pool, and the uv handles that carry them.
 *
 * One turn of the uv loop: the prepare handle drains ready lists generation by generation until nothing is ready or
 * BUDGET_NS have passed; then either the idle handle keeps the poll from blocking, or one uv timer ends it at the
 * nearest deadline. Switching between tasks costs no system call, and I/O waits at most one budget. */
#include "core/scheduler.h"

#include <lauxlib.h>
#include <math.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/luax.h"
#include "core/runtime.h"
#include "core/timers.h"

enum {
  POOL_MAX = 1024,        /* idle threads kept: 0.5 MiB */
  RESUMES_PER_CLOCK = 64, /* reading the clock costs as much as a resume */
  BUDGET_NS = 50 * 1000,
  STALE_MIN = 64, /* fewer stale timers than this are not worth a pass */
  FIRST_READY = 16,
};

/* The fields of the Lua objects that this file touches; lua/lacuna/kernel/layout.lua has the same numbers. */
enum { LOOP_READY = 1, READY_COUNT = 0, TASK_THREAD = 6, TASK_WAITS_FOR = 7, HANDLE_SLOT = 1 };

/* What Lua installs with `install`; upvalues of nothing, kept in the registry. */
enum { HOOK_BODY, HOOK_FAILED, HOOK_STOPPED, HOOK_DEADLOCK, HOOK_INTERRUPTED, HOOK_NOTIFIED, HOOK_COUNT };
static const char *const hook_names[HOOK_COUNT] = {"body", "failed", "stopped", "deadlock", "interrupted", "notified"};

typedef enum slot_state { SLOT_FREE, SLOT_SLEEP, SLOT_HANDLE, SLOT_FIRED } slot_state;

/* A loop as the scheduler sees it: the userdata in the Lua loop object. */
typedef struct lac_loop {
  lac_scheduler *scheduler;
  struct lac_loop *next; /* the scheduler's running loops, in the order in which they were started */
  int object_ref;        /* the Lua loop object; LUA_NOREF while not running */
  int filling_ref;       /* the ready list that Lua fills: entries 1 .. n, n in READY_COUNT */
  int draining_ref;      /* the one being drained; all nil between generations */
  int entries_ref;       /* slot + 1 -> what the timer makes ready; false once taken back */
  lac_timers timers;
  unsigned char *slots; /* slot -> slot_state */
  uint32_t *free_slots;
  uint32_t slot_count, slot_capacity, free_count;
  bool is_running, is_stopping, is_clock_virtual;
} lac_loop;

struct lac_scheduler {
  lua_State *L;
  uv_loop_t *uv;
  uv_prepare_t prepare;
  uv_idle_t idle;
  uv_timer_t timer;
  uv_async_t async; /* carries the two flags below to the loop's thread */
  volatile sig_atomic_t is_interrupted, is_notified;
  lac_loop *running;
  int drain_ref; /* l_drain as a Lua function, so that a drain allocates nothing */
  int pool_ref;  /* anchors pool[] at the same index + 1; entries above pool_count may be stale */
  int hook_refs[HOOK_COUNT];
  uint64_t now_ns;    /* refreshed every RESUMES_PER_CLOCK resumes and after a blocking sleep */
  double virtual_now; /* seconds on the virtual clock that all virtual loops share */
  double armed_when;  /* deadline the uv timer is set to; INFINITY if none */
  int resumes_left;
  bool is_deadlock_reported;
  int pool_count;
  lua_State *pool[POOL_MAX];
};

static double real_now(void) {
  return (double)uv_hrtime() / 1e9;
}

static double loop_now(const lac_loop *loop) {
  return loop->is_clock_virtual ? loop->scheduler->virtual_now : real_now();
}

/* ---- ready lists ---- */

static void swap(int *a, int *b) {
  int was_a = *a;
  *a = *b;
  *b = was_a;
}

/* Appends the value on top of the stack to the list that Lua fills, and pops it. */
static void push_ready(lua_State *L, lac_loop *loop) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->filling_ref);
  lua_rawgeti(L, -1, READY_COUNT);
  int count = (int)lua_tointeger(L, -1) + 1;
  lua_pop(L, 1);
  lua_insert(L, -2);
  lua_rawseti(L, -2, count);
  lua_pushinteger(L, count);
  lua_rawseti(L, -2, READY_COUNT);
  lua_pop(L, 1);
}

/* ---- timers ---- */

static void set_entry(lua_State *L, const lac_loop *loop, uint32_t slot) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->entries_ref);
  lua_insert(L, -2);
  lua_rawseti(L, -2, (int)slot + 1);
  lua_pop(L, 1);
}

static void push_entry(lua_State *L, const lac_loop *loop, uint32_t slot) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->entries_ref);
  lua_rawgeti(L, -1, (int)slot + 1);
  lua_remove(L, -2);
}

static bool take_slot(lac_loop *loop, uint32_t *slot) {
  if (loop->free_count > 0) {
    *slot = loop->free_slots[--loop->free_count];
    return true;
  }
  if (loop->slot_count == loop->slot_capacity) {
    uint32_t capacity = loop->slot_capacity ? loop->slot_capacity * 2 : 64;
    unsigned char *slots = realloc(loop->slots, capacity * sizeof *slots);
    if (!slots) return false;
    loop->slots = slots;
    uint32_t *free_slots = realloc(loop->free_slots, capacity * sizeof *free_slots);
    if (!free_slots) return false;
    loop->free_slots = free_slots;
    loop->slot_capacity = capacity;
  }
  *slot = loop->slot_count++;
  return true;
}

static void free_slot(lac_loop *loop, uint32_t slot) {
  loop->slots[slot] = SLOT_FREE;
  loop->free_slots[loop->free_count++] = slot;
}

/* For lac_timers_compact: a slot marked free is still named by the heap, and becomes reusable as it leaves. */
static bool drop_stale(void *data, uint32_t slot) {
  lac_loop *loop = data;
  if (loop->slots[slot] != SLOT_FREE) return false;
  loop->free_slots[loop->free_count++] = slot;
  return true;
}

/* Moves what is due to the ready list. */
static void expire_timers(lua_State *L, lac_loop *loop, double now) {
  while (loop->timers.count > 0 && loop->timers.heap[0].when <= now) {
    uint32_t slot = lac_timers_take(&loop->timers).slot;
    if (loop->slots[slot] == SLOT_FREE) {
      loop->timers.stale_count--;
      free_slot(loop, slot);
    } else if (loop->slots[slot] == SLOT_SLEEP) {
      loop->slots[slot] = SLOT_FIRED;
      lua_pushinteger(L, (lua_Integer)slot);
      push_ready(L, loop);
    } else {
      push_entry(L, loop, slot);
      lua_pushboolean(L, 0);
      lua_rawseti(L, -2, HANDLE_SLOT);
      push_ready(L, loop);
      lua_pushboolean(L, 0);
      set_entry(L, loop, slot);
      free_slot(loop, slot);
    }
  }
}

/* The nearest deadline that still counts; INFINITY if there is none. */
static double nearest_deadline(lac_loop *loop) {
  while (loop->timers.count > 0 && loop->slots[loop->timers.heap[0].slot] == SLOT_FREE) {
    loop->timers.stale_count--;
    free_slot(loop, lac_timers_take(&loop->timers).slot);
  }
  return loop->timers.count > 0 ? loop->timers.heap[0].when : INFINITY;
}

/* Arms a timer for the value on top of the stack, and pops it. Raises if memory ran out. */
static uint32_t arm(lua_State *L, lac_loop *loop, double when, slot_state state) {
  uint32_t slot = 0;
  if (!take_slot(loop, &slot)) luaL_error(L, "not enough memory");
  if (!lac_timers_add(&loop->timers, when, slot)) {
    free_slot(loop, slot);
    luaL_error(L, "not enough memory");
  }
  loop->slots[slot] = (unsigned char)state;
  set_entry(L, loop, slot);
  return slot;
}

/* arm(loop, when, handle) -> slot: makes the handle ready when the loop's clock shows `when`. */
static int l_arm(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  lua_settop(L, 3);
  lua_pushinteger(L, (lua_Integer)arm(L, loop, lua_tonumber(L, 2), SLOT_HANDLE));
  return 1;
}

/* disarm(loop, slot): takes a timer back that has not made its entry ready yet. */
static int l_disarm(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  uint32_t slot = (uint32_t)lua_tointeger(L, 2);
  lua_pushboolean(L, 0);
  set_entry(L, loop, slot);
  if (loop->slots[slot] == SLOT_FIRED) return 0; /* its number in the ready list frees the slot */
  loop->slots[slot] = SLOT_FREE;
  if (++loop->timers.stale_count > STALE_MIN && loop->timers.stale_count > loop->timers.count / 2)
    lac_timers_compact(&loop->timers, drop_stale, loop);
  return 0;
}

/* ---- resuming ---- */

/* Pushes a thread that runs HOOK_BODY, from the pool or new. */
static lua_State *take_thread(lua_State *L, lac_scheduler *scheduler) {
  if (scheduler->pool_count > 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler->pool_ref);
    lua_rawgeti(L, -1, scheduler->pool_count);
    lua_remove(L, -2);
    return scheduler->pool[--scheduler->pool_count];
  }
  lua_State *thread = lua_newthread(L);
  lua_rawgeti(thread, LUA_REGISTRYINDEX, scheduler->hook_refs[HOOK_BODY]);
  return thread;
}

static void pool_thread(lua_State *L, lac_scheduler *scheduler, lua_State *thread) {
  if (scheduler->pool_count == POOL_MAX) return;
  int index = scheduler->pool_count++;
  if (scheduler->pool[index] == thread) return; /* still anchored there since it was taken */
  scheduler->pool[index] = thread;
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler->pool_ref);
  lac_push_thread(L, thread);
  lua_rawseti(L, -2, index + 1);
  lua_pop(L, 1);
}

/* Calls a hook with the arguments on top of the stack and drops its results. A hook that fails is a bug of the kernel's
 * own: there is nobody left to tell but the one who reads stderr. */
static void call_hook(lua_State *L, lac_scheduler *scheduler, int hook, int argument_count) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler->hook_refs[hook]);
  lua_insert(L, -argument_count - 1);
  if (lua_pcall(L, argument_count, 0, 0) != 0) {
    const char *message = lua_tostring(L, -1);
    fprintf(stderr, "lacuna: error in the scheduler's %s hook: %s\n", hook_names[hook], message ? message : "?");
    lua_pop(L, 1);
  }
}

/* A task has yielded (seconds, task): its slot is what it waits for. */
static void start_sleep(lua_State *L, lac_loop *loop, lua_State *thread) {
  double seconds = lua_tonumber(thread, 1);
  lua_xmove(thread, L, 1);
  lua_settop(thread, 0);
  lua_pushvalue(L, -1);
  lua_pushinteger(L, (lua_Integer)arm(L, loop, loop_now(loop) + seconds, SLOT_SLEEP));
  lua_rawseti(L, -2, TASK_WAITS_FOR);
  lua_pop(L, 1);
}

/* Resumes with the arguments on top of the thread's stack. What it yields says why: nothing, a task waits; (true), the
 * thread is idle; (seconds, task), a task sleeps. */
static void resume_thread(lua_State *L, lac_loop *loop, lua_State *thread, int argument_count) {
  lac_scheduler *scheduler = loop->scheduler;
  int status = lua_resume(thread, argument_count);
  scheduler->resumes_left--;
  if (status == LUA_YIELD) {
    switch (lua_gettop(thread)) {
    case 0: return;
    case 1:
      lua_settop(thread, 0);
      pool_thread(L, scheduler, thread);
      return;
    default: start_sleep(L, loop, thread); return;
    }
  }
  if (scheduler->pool_count < POOL_MAX && scheduler->pool[scheduler->pool_count] == thread) {
    scheduler->pool[scheduler->pool_count] = NULL; /* a dead thread's address may come back */
  }
  lua_xmove(thread, L, 1); /* the error */
  lac_push_thread(L, thread);
  call_hook(L, scheduler, HOOK_FAILED, 2);
}

/* The time of a sleep has come: its task is ready in the next generation. */
static void wake_sleeper(lua_State *L, lac_loop *loop, uint32_t slot) {
  push_entry(L, loop, slot);
  if (lua_istable(L, -1)) {
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, TASK_WAITS_FOR);
    lua_rawgeti(L, -1, TASK_THREAD);
    push_ready(L, loop);
    lua_pushboolean(L, 0);
    set_entry(L, loop, slot);
  }
  lua_pop(L, 1);
  free_slot(loop, slot);
}

/* Runs the entry at `position` of the list at stack index `list`; returns the position of the last value it used. */
static int run_entry(lua_State *L, lac_loop *loop, int list, int position) {
  lac_scheduler *scheduler = loop->scheduler;
  int top = lua_gettop(L);
  lua_rawgeti(L, list, position);
  lua_pushnil(L);
  lua_rawseti(L, list, position);
  switch (lua_type(L, -1)) {
  case LUA_TTHREAD: resume_thread(L, loop, lua_tothread(L, -1), 0); break;
  case LUA_TTABLE: {
    lua_State *thread = take_thread(L, scheduler);
    lua_insert(L, -2);
    lua_xmove(L, thread, 1);
    resume_thread(L, loop, thread, 1);
    break;
  }
  case LUA_TFUNCTION: {
    lua_State *thread = take_thread(L, scheduler);
    lua_insert(L, -2);
    position++;
    lua_rawgeti(L, list, position);
    lua_pushnil(L);
    lua_rawseti(L, list, position);
    lua_xmove(L, thread, 2);
    resume_thread(L, loop, thread, 2);
    break;
  }
  case LUA_TNUMBER: wake_sleeper(L, loop, (uint32_t)lua_tointeger(L, -1)); break;
  default: /* taken back */ break;
  }
  lua_settop(L, top);
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
  if (!scheduler->running) uv_unref((uv_handle_t *)&scheduler->prepare);
  call_hook(L, scheduler, HOOK_STOPPED, 1);
}

/* Runs a loop generation by generation until nothing is ready, the clock is to be read again, or the loop has stopped.
 * False if nothing was ready; true may have made something ready in any loop. The loop's object and its two lists stay
 * on the stack meanwhile: a look-up costs as much as everything else that a generation of one task needs. */
static bool run_generations(lua_State *L, lac_loop *loop) {
  lac_scheduler *scheduler = loop->scheduler;
  int object = lua_gettop(L) + 1, filling = object + 1, draining = object + 2;
  bool has_run = false;
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->object_ref);
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->filling_ref);
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->draining_ref);
  do {
    if (loop->timers.count > 0) expire_timers(L, loop, loop_now(loop)); /* what came due in a long step goes next */
    lua_rawgeti(L, filling, READY_COUNT);
    int count = (int)lua_tointeger(L, -1);
    if (count == 0 && !loop->is_stopping) break;
    has_run = true;
    swap(&loop->filling_ref, &loop->draining_ref);
    swap(&filling, &draining);
    lua_pushvalue(L, filling);
    lua_rawseti(L, object, LOOP_READY);
    lua_settop(L, object + 2);
    for (int position = 1; position <= count; position++) position = run_entry(L, loop, draining, position);
    lua_pushinteger(L, 0);
    lua_rawseti(L, draining, READY_COUNT);
    if (loop->is_stopping) {
      stop_running(L, loop);
      break;
    }
  } while (scheduler->resumes_left > 0);
  return has_run;
}

static void read_clock(lac_scheduler *scheduler) {
  scheduler->now_ns = uv_hrtime();
  scheduler->resumes_left = RESUMES_PER_CLOCK;
}

/* Drains within the budget; protected by lac_scheduler_drain, so that running out of memory unwinds no C library. */
static int l_drain(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, 1);
  read_clock(scheduler);
  uint64_t started_ns = scheduler->now_ns;
  bool is_more = true;
  while (is_more && scheduler->now_ns - started_ns <= BUDGET_NS) {
    is_more = false;
    for (lac_loop *loop = scheduler->running, *next; loop; loop = next) {
      next = loop->next;
      lua_settop(L, 0);
      if (run_generations(L, loop)) is_more = true;
      if (scheduler->resumes_left <= 0) read_clock(scheduler);
    }
  }
  lua_pushboolean(L, is_more);
  return 1;
}

bool lac_scheduler_drain(lac_scheduler *scheduler) {
  lua_State *L = scheduler->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, scheduler->drain_ref);
  lua_pushlightuserdata(L, scheduler);
  if (lua_pcall(L, 1, 1, 0) != 0) {
    lac_scheduler_report(scheduler);
    return true;
  }
  bool is_more = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_more;
}

void lac_scheduler_report(lac_scheduler *scheduler) {
  lua_pushnil(scheduler->L);
  call_hook(scheduler->L, scheduler, HOOK_FAILED, 2);
}

/* ---- the uv loop ---- */

static void on_idle(uv_idle_t *idle) {
  (void)idle; /* an active idle handle keeps the poll from blocking: that is all it is for */
}

static void on_timer(uv_timer_t *timer) {
  lac_scheduler *scheduler = timer->data;
  scheduler->armed_when = INFINITY; /* the next prepare expires what is due */
}

/* Sets the uv timer to the nearest deadline on the real clock. */
static void arm_uv_timer(lac_scheduler *scheduler, double when) {
  if (when == scheduler->armed_when) return;
  scheduler->armed_when = when;
  if (when == INFINITY) {
    uv_timer_stop(&scheduler->timer);
    return;
  }
  uv_update_time(scheduler->uv);
  double delay_ms = ceil((when - real_now()) * 1e3); /* up: rounded down it would fire early */
  if (delay_ms < 0) delay_ms = 0;
  if (delay_ms > 1e15) delay_ms = 1e15;
  uv_timer_start(&scheduler->timer, on_timer, (uint64_t)delay_ms, 0);
}

/* True if the uv loop has anything to wait for besides the scheduler's own handles, which are unreferenced or inactive
 * here: the prepare handle is put aside for the question. */
static bool is_io_outstanding(lac_scheduler *scheduler) {
  uv_unref((uv_handle_t *)&scheduler->prepare);
  bool is_alive = uv_loop_alive(scheduler->uv);
  uv_ref((uv_handle_t *)&scheduler->prepare);
  return is_alive;
}

/* Nothing is ready: decide how long the poll may block. True if it must not. */
static bool plan_wait(lac_scheduler *scheduler) {
  double real_when = INFINITY, virtual_when = INFINITY;
  for (lac_loop *loop = scheduler->running; loop; loop = loop->next) {
    double *when = loop->is_clock_virtual ? &virtual_when : &real_when;
    double deadline = nearest_deadline(loop);
    if (deadline < *when) *when = deadline;
  }
  arm_uv_timer(scheduler, real_when);
  if (!scheduler->running || real_when < INFINITY || is_io_outstanding(scheduler)) return false;
  if (virtual_when < INFINITY) {
    if (virtual_when > scheduler->virtual_now) scheduler->virtual_now = virtual_when;
    return true;
  }
  if (!scheduler->is_deadlock_reported) {
    scheduler->is_deadlock_reported = true;
    call_hook(scheduler->L, scheduler, HOOK_DEADLOCK, 0);
    return true;
  }
  return false;
}

static void on_prepare(uv_prepare_t *prepare) {
  lac_scheduler *scheduler = prepare->data;
  bool is_more = lac_scheduler_drain(scheduler);
  if (!is_more) {
    uv_idle_stop(&scheduler->idle);
    fflush(stdout); /* what was printed is visible before the script waits */
    is_more = plan_wait(scheduler);
  }
  if (is_more) uv_idle_start(&scheduler->idle, on_idle);
}

static void on_async(uv_async_t *async) {
  lac_scheduler *scheduler = async->data;
  if (scheduler->is_interrupted) {
    scheduler->is_interrupted = 0;
    call_hook(scheduler->L, scheduler, HOOK_INTERRUPTED, 0);
  }
  if (scheduler->is_notified) {
    scheduler->is_notified = 0;
    call_hook(scheduler->L, scheduler, HOOK_NOTIFIED, 0);
  }
}

void lac_scheduler_interrupt(lac_scheduler *scheduler) {
  scheduler->is_interrupted = 1;
  uv_async_send(&scheduler->async);
}

/* ---- what the kernel in Lua calls ---- */

static int l_collect_loop(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->filling_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->draining_ref);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->entries_ref);
  lac_timers_free(&loop->timers);
  free(loop->slots);
  free(loop->free_slots);
  return 0;
}

static int new_list(lua_State *L, bool is_counted) {
  lua_createtable(L, FIRST_READY, 0);
  if (is_counted) {
    lua_pushinteger(L, 0);
    lua_rawseti(L, -2, READY_COUNT);
  }
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

/* open(object, is_clock_virtual|nil) -> loop: makes the ready list of a Lua loop object; nil takes the runtime's clock.
 */
static int l_open(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  lac_loop *loop = lua_newuserdata(L, sizeof *loop);
  *loop = (lac_loop){
      .scheduler = scheduler,
      .object_ref = LUA_NOREF,
      .filling_ref = LUA_NOREF,
      .draining_ref = LUA_NOREF,
      .entries_ref = LUA_NOREF,
      .is_clock_virtual = lua_isnil(L, 2) ? scheduler->virtual_now > 0 : lua_toboolean(L, 2),
  };
  if (luaL_newmetatable(L, "lacuna.loop")) {
    lua_pushcfunction(L, l_collect_loop);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  loop->filling_ref = new_list(L, true);
  loop->draining_ref = new_list(L, true);
  loop->entries_ref = new_list(L, false);
  if (loop->is_clock_virtual && scheduler->virtual_now <= 0) scheduler->virtual_now = real_now();
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->filling_ref);
  lua_rawseti(L, 1, LOOP_READY);
  return 1;
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
  if (!scheduler->running) uv_ref((uv_handle_t *)&scheduler->prepare);
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
  scheduler->is_notified = 1;
  uv_async_send(&scheduler->async);
  return 0;
}

/* install(hooks): the functions that this file calls, by the names in hook_names. */
static int l_install(lua_State *L) {
  lac_scheduler *scheduler = lua_touserdata(L, lua_upvalueindex(1));
  for (int i = 0; i < HOOK_COUNT; i++) {
    lua_getfield(L, 1, hook_names[i]);
    luaL_unref(L, LUA_REGISTRYINDEX, scheduler->hook_refs[i]);
    scheduler->hook_refs[i] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  return 0;
}

int luaopen_lacuna_native_scheduler(lua_State *L) {
  static const luaL_Reg functions[] = {
      {"open", l_open},     {"start", l_start},     {"stop", l_stop},   {"arm", l_arm},
      {"disarm", l_disarm}, {"now", l_now},         {"clock", l_clock}, {"advance", l_advance},
      {"notify", l_notify}, {"install", l_install}, {NULL, NULL},
  };
  lac_scheduler *scheduler = lac_runtime_scheduler(lac_runtime(L));
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushlightuserdata(L, scheduler);
    lua_pushcclosure(L, function->func, 1);
    lua_setfield(L, -2, function->name);
  }
  return 1;
}

/* ---- opening and closing ---- */

int lac_scheduler_open(lac_scheduler **out, lua_State *L, uv_loop_t *uv, bool is_clock_virtual) {
  lac_scheduler *scheduler = calloc(1, sizeof *scheduler);
  if (!scheduler) return UV_ENOMEM;
  int status = uv_async_init(uv, &scheduler->async, on_async);
  if (status < 0) {
    free(scheduler);
    return status;
  }
  uv_prepare_init(uv, &scheduler->prepare);
  uv_idle_init(uv, &scheduler->idle);
  uv_timer_init(uv, &scheduler->timer);
  uv_prepare_start(&scheduler->prepare, on_prepare);
  uv_unref((uv_handle_t *)&scheduler->prepare); /* referenced while a loop runs */
  uv_unref((uv_handle_t *)&scheduler->async);
  scheduler->prepare.data = scheduler->idle.data = scheduler->timer.data = scheduler->async.data = scheduler;
  scheduler->L = L;
  scheduler->uv = uv;
  scheduler->armed_when = INFINITY;
  if (is_clock_virtual) scheduler->virtual_now = real_now();
  for (int i = 0; i < HOOK_COUNT; i++) scheduler->hook_refs[i] = LUA_NOREF;
  lua_pushcfunction(L, l_drain);
  scheduler->drain_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_createtable(L, FIRST_READY, 0);
  scheduler->pool_ref = luaL_ref(L, LUA_REGISTRYINDEX);
  *out = scheduler;
  return 0;
}

void lac_scheduler_close(lac_scheduler *scheduler) {
  uv_close((uv_handle_t *)&scheduler->prepare, NULL);
  uv_close((uv_handle_t *)&scheduler->idle, NULL);
  uv_close((uv_handle_t *)&scheduler->timer, NULL);
  uv_close((uv_handle_t *)&scheduler->async, NULL);
}

void lac_scheduler_free(lac_scheduler *scheduler) {
  free(scheduler);
}
