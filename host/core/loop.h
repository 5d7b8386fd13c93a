/* loop: one event loop's ready list and timers, the C half of lua/lacuna/kernel/loop.lua.
 *
 * The ready list is a Lua table that Lua fills without calling C: entries 1 .. n, n at index READY_COUNT (scheduler.h
 * says what an entry is). A timer makes an entry ready when its time has come; a slot names it until then. This file
 * resumes nothing and reads no clock but the one it is given.
 *
 * Memory: the tables belong to the Lua state, the heap and the slots to the loop's userdata. */
#ifndef LAC_CORE_LOOP_H
#define LAC_CORE_LOOP_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/timers.h"

/* The fields of the Lua objects that C touches; lua/lacuna/kernel/layout.lua has the same numbers. */
enum { LOOP_READY = 1, READY_COUNT = 0, TASK_WAITS_FOR = 7, HANDLE_SLOT = 1 };

typedef struct lac_scheduler lac_scheduler;

typedef struct lac_loop {
  lac_scheduler *scheduler;
  struct lac_loop *next; /* the scheduler's running loops, in the order in which they were started */
  int object_ref;        /* the Lua loop object; LUA_NOREF while not running */
  int list_refs[2];      /* the ready lists; what has run is nil in them */
  int filling, draining; /* which of them Lua fills, and which the generation below is in: at times the other */
  int position, count;   /* of the generation under way, or of the last: what runs next, and where it ends */
  int entries_ref;       /* slot + 1 -> what the timer makes ready, of a sleep the thread; false once taken back */
  lac_timers timers;
  unsigned char *slots; /* slot -> lac_slot_state */
  uint32_t *free_slots;
  uint32_t slot_count, slot_capacity, free_count;
  bool is_running, is_stopping, is_clock_virtual, is_debug;
} lac_loop;

typedef enum lac_slot_state {
  LAC_SLOT_FREE,   /* or taken back, while the heap still names it */
  LAC_SLOT_SLEEP,  /* of a task */
  LAC_SLOT_HANDLE, /* of a callback */
  LAC_SLOT_FIRED,  /* a sleep whose number is in the ready list, */
  LAC_SLOT_OVER,   /* and there once more, a generation later */
} lac_slot_state;

/* Pushes a new loop's userdata, not running; raises if memory ran out. Lua's collector frees it. */
lac_loop *lac_loop_new(lua_State *L, lac_scheduler *scheduler, bool is_clock_virtual);

/* Lets go of what is ready and of what its timers would make ready: a loop that never runs again keeps nothing alive.
 */
void lac_loop_clear(lua_State *L, lac_loop *loop);

/* Pushes the ready lists, the first, then the second. */
void lac_loop_push_lists(lua_State *L, const lac_loop *loop);

/* Begins a generation: what is ready by now and has not run. `lists` is the stack index of the first ready list,
 * `object` of the Lua loop object. False if nothing is ready. The one under way must have come to its end, position >
 * count. */
bool lac_loop_begin_generation(lua_State *L, lac_loop *loop, int object, int lists);

/* Whether there is something to run. */
bool lac_loop_is_ready(lua_State *L, const lac_loop *loop);

/* Appends the value on top of the stack to the ready list, and pops it. */
void lac_loop_push_ready(lua_State *L, lac_loop *loop);

/* Arms a timer for the value on top of the stack, and pops it; returns its slot. Raises if memory ran out. */
uint32_t lac_loop_arm(lua_State *L, lac_loop *loop, double when, lac_slot_state state);

/* Takes a timer back; false if it is that of a sleep that is over, which cannot be. */
bool lac_loop_disarm(lua_State *L, lac_loop *loop, uint32_t slot);

/* Makes ready what is due at `now`. */
void lac_loop_expire(lua_State *L, lac_loop *loop, double now);

/* The ready list held the number of a sleep. If it has just fired, it is put there again, for the next generation;
 * nothing of the task is touched until that has come, for it is in no cache. Then its thread is pushed, to be resumed,
 * and the result is true; false if nothing was pushed. */
bool lac_loop_end_sleep(lua_State *L, lac_loop *loop, uint32_t slot);

/* The nearest deadline that still counts; INFINITY if there is none. */
double lac_loop_deadline(lac_loop *loop);

/* The deadline of an armed slot; for people who look, because it searches. */
double lac_loop_deadline_of(const lac_loop *loop, uint32_t slot);

#endif
