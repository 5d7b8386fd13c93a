/* traces: makes machine code that LuaJIT compiled return to the interpreter, so that a hook can raise there.
 *
 * Compiled code looks at no hook: a loop in it ends when one of its guards fails, and not before. So while the thread
 * stands still in a signal handler, every guard is turned into an exit that is always taken; compiled code pays nothing
 * until then. Behind such an exit frames and values are what they would be had the guard failed, but the interpreter
 * may stand at the wrong side of a branch: a comparison's exit goes on where its opposite would. Therefore the hook,
 * which runs before the first instruction there, must raise; code can be broken off this way, not paused. A loop that
 * holds no guard (`while true do end`) is kept from being compiled when it appears.
 *
 * Knows x86-64; elsewhere nothing is recorded and lac_traces_leave says no. Raises no Lua error, decides nothing about
 * when to interrupt (core/interrupt.h). LuaJIT tells one listener of its traces: a script that attaches its own, as
 * jit.v and jit.dump do, has its later loops compiled unseen, and those are not left. */
#ifndef LAC_CORE_TRACES_H
#define LAC_CORE_TRACES_H

#include <lua.h>
#include <stdbool.h>
#include <stdint.h>

typedef struct lac_traces lac_traces;

/* NULL if memory ran out. */
lac_traces *lac_traces_new(void);

/* After the state that it watches has been closed. NULL is ignored. */
void lac_traces_free(lac_traces *traces);

/* Begins to record the traces of a state, which has compiled nothing yet. Raises if Lua's memory ran out. */
void lac_traces_watch(lac_traces *traces, lua_State *L);

/* Called in a signal handler, with a count hook just set, by the thread that runs the state and stands at `pc`. True if
 * that is in a trace: the thread reaches the hook within one iteration, which must call lac_traces_mend and raise.
 * False if nothing was changed, for the thread is elsewhere, or where hooks are off (a finalizer), or in a trace that
 * holds some of the runtime's own code and must not be broken off unless `is_forced`: ask again. */
bool lac_traces_leave(lac_traces *traces, uintptr_t pc, bool is_forced);

/* Puts the traces right again. Called in that hook, before anything else runs. */
void lac_traces_mend(lac_traces *traces);

/* Whether the Lua function of a frame is the runtime's own: embedded without line numbers, as no source compiles to. */
bool lac_is_own_code(lua_State *L, lua_Debug *frame);

#endif
