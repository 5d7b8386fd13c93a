/* collector: see lj_obj.h and lj_gc.c of LuaJIT 2.1 for what is mirrored here. */
#include "core/collector.h"

#include <stdbool.h>

typedef struct lac_collector_state { /* how LuaJIT's global_State begins */
  lua_Alloc allocate;
  void *allocate_data;
  uint64_t total, threshold;
  uint8_t current_white, phase, no_finalizer, segment_count;
  uint32_t string_position;
  lac_object *root;
  void *sweep;
  lac_object *gray, *gray_again, *weak, *to_finalize;
  uint64_t debt, estimate;
  uint32_t step_factor, pause;
} state;

enum { PROPAGATE = 1, ATOMIC = 2 }; /* phases: marking goes on; it is about to end */
enum { THREAD_TYPE = 6, TABLE_TYPE = 11 };
enum { FIRST_SLOT = 2 };                                      /* of a stack: the function that it began with */
enum { ADDRESS_BITS = 47, LEAST_TYPE = -13, MOST_TYPE = -5 }; /* a value: 17 bits of type, then an object's address */

static const uint64_t nil = UINT64_MAX;

static bool is_object(uint64_t value) {
  int64_t type = (int64_t)value >> ADDRESS_BITS;
  return type >= LEAST_TYPE && type <= MOST_TYPE;
}

static lac_object *object_of(uint64_t value) {
  return (lac_object *)(uintptr_t)(value & (((uint64_t)1 << ADDRESS_BITS) - 1)); /* NOLINT(performance-no-int-to-ptr) */
}

static bool is_marking(const state *state) {
  return state->phase == PROPAGATE || state->phase == ATOMIC;
}

/* Whether an object on the list is the thread of a task that waits, or that has nothing to do. */
static bool is_waiting(lac_collector *collector, const lac_object *object) {
  return object->type == THREAD_TYPE &&
         (object->c_frame == lac_collector_waiting(collector) || object->c_frame == lac_collector_spared(collector));
}

/* Whether all that a thread refers to has been marked. */
static bool is_marked_through(const lac_object *thread) {
  for (const uint64_t *slot = thread->stack + FIRST_SLOT; slot < thread->top; slot++)
    if (is_object(*slot) && (object_of(*slot)->marked & LAC_MARKED_WHITE)) return false;
  return !(thread->environment->marked & LAC_MARKED_WHITE);
}

/* A function elsewhere that shares a variable of this stack may still change it: the variable is looked at again. */
static void spare(lac_collector *collector, lac_object *thread) {
  for (lac_object *upvalue = thread->open_upvalues; upvalue; upvalue = upvalue->next)
    upvalue->marked &= (uint8_t)~LAC_MARKED_WHITE;
  thread->marked |= LAC_MARKED_BLACK;
  thread->c_frame = lac_collector_spared(collector);
}

void lac_collector_spare(lac_collector *collector) {
  state *state = collector->state;
  if (!state) return;
  if (!is_marking(state)) collector->seen = NULL; /* which may come on the next list anywhere */
  if (!is_marking(state) || state->gray_again == collector->seen) return;
  lac_object **link = &state->gray_again;
  while (*link && *link != collector->seen) {
    lac_object *object = *link;
    if (is_waiting(collector, object) && is_marked_through(object)) {
      *link = object->gray_next;
      spare(collector, object);
    } else {
      link = &object->gray_next;
    }
  }
  collector->seen = state->gray_again;
}

void lac_collector_mark(lac_collector *collector, lua_State *thread) {
  state *state = collector->state;
  if (!is_marking(state)) return;
  lac_object *object = (lac_object *)(void *)thread;
  object->marked &= (uint8_t)~LAC_MARKED_WHITE;
  object->gray_next = state->gray;
  state->gray = object;
}

/* What is left above the top, or a debugger or a C module has pushed and popped there meanwhile, may have been freed,
 * and the next function called there would show it to the collector again. The end of marking empties those slots,
 * where it comes; this does it for a thread that was spared, in whichever cycle: its colour does not tell, since the
 * sweep has changed it. */
void lac_collector_restore(lac_collector *collector, lua_State *thread) {
  state *state = collector->state;
  lac_object *object = (lac_object *)(void *)thread;
  for (uint64_t *slot = object->top; slot < object->stack + object->stack_size; slot++) *slot = nil;
  object->c_frame = lac_collector_waiting(collector);
  if (!(object->marked & LAC_MARKED_BLACK)) return; /* spared in an earlier cycle */
  object->marked &= (uint8_t)~LAC_MARKED_BLACK;
  if (!is_marking(state)) return;
  object->gray_next = state->gray_again;
  state->gray_again = object;
}

/* Whether a state and its settings are where they are expected: what has a public function to ask for it is compared,
 * and what has none lies between what was. */
static bool is_state_known(const state *state, lua_State *L) {
  void *data = NULL;
  if (state->allocate != lua_getallocf(L, &data) || state->allocate_data != data) return false;
  uint64_t total = (uint64_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (uint64_t)lua_gc(L, LUA_GCCOUNTB, 0);
  int pause = lua_gc(L, LUA_GCSETPAUSE, 1), step_factor = lua_gc(L, LUA_GCSETSTEPMUL, 2);
  bool is_known = state->total == total && state->pause == 1 && state->step_factor == 2;
  lua_gc(L, LUA_GCSETPAUSE, pause);
  lua_gc(L, LUA_GCSETSTEPMUL, step_factor);
  return is_known && state->pause == (uint32_t)pause && state->step_factor == (uint32_t)step_factor;
}

/* The same of a new thread, the newest object, on whose empty stack a table is put. */
static bool is_thread_known(const state *state, lua_State *L, lua_State *thread) {
  lac_object *object = (lac_object *)(void *)thread;
  if (state->root != object || object->type != THREAD_TYPE || object->global != state) return false;
  if (object->status != 0 || object->open_upvalues || object->top != object->stack + FIRST_SLOT) return false;
  if (object->last <= object->top || object->stack + object->stack_size <= object->last) return false;
  lua_getfenv(L, -1);
  bool is_known = object->environment == lua_topointer(L, -1);
  lua_pop(L, 1);
  lua_newtable(thread);
  const lac_object *table = lua_topointer(thread, -1);
  uint64_t value = object->stack[FIRST_SLOT];
  is_known = is_known && object->top == object->stack + FIRST_SLOT + 1 && is_object(value) &&
             object_of(value) == table && table->type == TABLE_TYPE &&
             table->marked == (state->current_white & LAC_MARKED_WHITE);
  if (!is_known || object->c_frame) return false;
  object->c_frame = object;
  bool is_refused = lua_resume(thread, 0) == LUA_ERRRUN && object->status == 0; /* not run, and ended with an error */
  object->c_frame = NULL;
  return is_refused;
}

void lac_collector_open(lac_collector *collector, lua_State *L) {
  *collector = (lac_collector){.state = NULL};
  const lac_object *object = (const lac_object *)(const void *)L;
  if (sizeof(void *) != sizeof(uint64_t) || object->type != THREAD_TYPE) return;
  state *state = object->global;
  lua_State *thread = lua_newthread(L);
  if (is_state_known(state, L) && is_thread_known(state, L, thread)) collector->state = state;
  lua_pop(L, 1);
}
