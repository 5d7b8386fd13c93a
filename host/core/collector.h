/* collector: spares the threads of waiting tasks the collector's second look.
 *
 * LuaJIT marks in small steps, but at the end it visits every Lua stack that it has seen once more, in one go, because
 * stacks are written without telling the collector. 10⁵ waiting tasks would stop the world for 12 ms. A task that waits
 * writes nothing, though: so while marking goes on, each stack that has been seen, and refers to nothing that has not,
 * is taken off the list for the end, and put back on it when its task is resumed. What then takes part in the last step
 * is what has run since.
 *
 * This reaches into LuaJIT's own structures. Their layout is checked when a runtime opens; where it is another, nothing
 * is spared and everything works as before. */
#ifndef LAC_CORE_COLLECTOR_H
#define LAC_CORE_COLLECTOR_H

#include <lua.h>
#include <stddef.h>
#include <stdint.h>

/* How LuaJIT's objects begin: of a thread, up to what is needed here; of another object, up to `gray_next`. */
typedef struct lac_object {
  struct lac_object *next;
  uint8_t marked, type, unused, status;
  void *global;
  struct lac_object *gray_next;
  uint64_t *base, *top, *last, *stack;
  struct lac_object *open_upvalues;
  struct lac_object *environment;
  void *c_frame;
  uint32_t stack_size;
} lac_object;

enum { LAC_MARKED_WHITE = 3, LAC_MARKED_BLACK = 4 }; /* not yet marked; marked through; neither: gray, to be visited */

typedef struct lac_collector {
  struct lac_collector_state *state; /* NULL: LuaJIT's structures are not as they are described here */
  const lac_object *seen;            /* the head of the list for the end, after the last look at it */
} lac_collector;

/* Looks whether LuaJIT is the one that is known here. Raises if memory ran out. */
void lac_collector_open(lac_collector *collector, lua_State *L);

/* Takes waiting threads off the list for the end of marking, among those that came on it since the last call. Called by
 * the scheduler now and then, while no Lua code runs. */
void lac_collector_spare(lac_collector *collector);

/* Has a waiting thread that marking has not come to visited in one of its steps. */
void lac_collector_mark(lac_collector *collector, lua_State *thread);

/* Makes a thread that was spared one that merely waits. */
void lac_collector_restore(lac_collector *collector, lua_State *thread);

/* What LuaJIT takes for C code under which a thread runs, so that it resumes it for nobody else: one address while a
 * thread waits, another from when it was spared until it is touched or resumed. */
static inline void *lac_collector_waiting(lac_collector *collector) {
  return collector;
}

static inline void *lac_collector_spared(lac_collector *collector) {
  return &collector->seen;
}

/* Must be called before something is written on the stack of a thread that waits, to stay there or while memory may be
 * allocated. What is pushed and popped at once needs no call. Nobody may run code there: LuaJIT forbids calls on
 * a thread that has yielded. */
static inline void lac_collector_touch(lac_collector *collector, lua_State *thread) {
  const lac_object *object = (const lac_object *)(const void *)thread;
  if (collector->state && object->c_frame == lac_collector_spared(collector)) lac_collector_restore(collector, thread);
}

/* A thread has yielded to the scheduler, and waits. One that is new, or was, leads from a task that has been visited
 * already, and would be found at the end only. */
static inline void lac_collector_claim(lac_collector *collector, lua_State *thread) {
  lac_object *object = (lac_object *)(void *)thread;
  if (!collector->state) return;
  object->c_frame = lac_collector_waiting(collector);
  if (object->marked & LAC_MARKED_WHITE) lac_collector_mark(collector, thread);
}

/* The scheduler is about to resume a thread, claimed or new. */
static inline void lac_collector_release(lac_collector *collector, lua_State *thread) {
  lac_collector_touch(collector, thread);
  if (collector->state) ((lac_object *)(void *)thread)->c_frame = NULL;
}

#endif
