/* interrupt: has the Lua code that a runtime's thread is running raise an error, at the request of another thread, a
 * signal handler or a clock.
 *
 * A request sends the thread a signal (SIGURG, which kills nobody and which debuggers let pass). The handler, on the
 * thread itself, sets a count hook, as LuaJIT's own command does for Ctrl-C, and makes compiled code leave for the
 * interpreter (core/traces.h); the hook raises. A process in which nothing is ever interrupted and no runtime has a
 * time limit has no handler installed; one that was there before still gets the signals that are not ours.
 *
 * Raised in the user's code only: an error in the middle of the kernel's own would leave it broken. The first error
 * leaves 0.1 s for clean-up, then one is raised at every instruction until the step or the run has ended. What cannot
 * be interrupted: a C function that computes, or blocks without asking, and finalizers (LuaJIT runs them without
 * hooks). */
#ifndef LAC_CORE_INTERRUPT_H
#define LAC_CORE_INTERRUPT_H

#include <lua.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lac_interrupt lac_interrupt;

/* NULL if memory ran out. */
lac_interrupt *lac_interrupt_new(void);

/* Connects it with a state that has run nothing yet; a step may take `time_limit` seconds of its thread's time, 0 for
 * ever. Raises if Lua's memory ran out. */
void lac_interrupt_open(lac_interrupt *interrupt, lua_State *L, double time_limit);

/* After the state was closed, by the thread that used it last. NULL is ignored. */
void lac_interrupt_free(lac_interrupt *interrupt);

/* The calling thread enters Lua, which begins a step: whatever runs until it leaves, or until lac_next_step. A few ns;
 * returns what lac_interrupt_leave is to be given. */
lac_interrupt *lac_interrupt_enter(lac_interrupt *interrupt);
void lac_interrupt_leave(lac_interrupt *outer);

/* Between two steps of one stay in Lua: the scheduler resumes another task. Takes the runtime's counter of steps. */
atomic_ullong *lac_interrupt_steps(lac_interrupt *interrupt);
static inline void lac_next_step(atomic_ullong *steps) {
  unsigned long long step = atomic_load_explicit(steps, memory_order_relaxed);
  atomic_store_explicit(steps, step + 1, memory_order_relaxed); /* one thread counts, others read */
}

/* A run is what lac_interrupt_run names: all steps from here on until another run begins, such as one call in a worker.
 * The number is the caller's, one for each run; 0 ends a run. On the runtime's thread. */
void lac_interrupt_set_run(lac_interrupt *interrupt, uint64_t run);

/* Has the code of a run raise a CancelledError once `grace_ms` have passed, or when it next runs after that; nothing
 * once the run has ended. From any thread, and from a signal handler. */
void lac_interrupt_run(lac_interrupt *interrupt, uint64_t run, unsigned grace_ms);

/* Has the present step raise a CancelledError if it is still going on after `grace_ms`: a task that waits can be
 * cancelled, one that never does can only be interrupted. From any thread, and from a signal handler. */
void lac_interrupt_step(lac_interrupt *interrupt, unsigned grace_ms);

/* Whether the code that runs is to be interrupted now: what blocks the runtime's thread looks at this when a signal
 * has come (they come until the code was interrupted), and gives up then. */
bool lac_interrupt_is_due(const lac_interrupt *interrupt);

/* Raises the error that is due, if one is, for a C function that gave up and has nothing to return. */
void lac_interrupt_raise(lac_interrupt *interrupt, lua_State *L);

/* Has collect(data) called at the next instruction, and a MemoryError raised in the user's code if that returns true:
 * from within an allocation, where neither can be. On the runtime's thread; while that is not in Lua, nothing. */
void lac_interrupt_collect(lac_interrupt *interrupt);
void lac_interrupt_on_collect(lac_interrupt *interrupt, bool (*collect)(void *data), void *data);

/* How much of the C stack the present stay in Lua has used, for who may recurse. */
size_t lac_interrupt_stack_bytes(const lac_interrupt *interrupt);

/* Opens `lacuna.native.interrupt`: install(fn), where fn(reason) makes the error object; reason is "cancelled", "step",
 * "memory" or the time limit in seconds. */
int luaopen_lacuna_native_interrupt(lua_State *L);

#endif
