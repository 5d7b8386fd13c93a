/* runtime: what the rest of the host may know of a lacuna_t. */
#ifndef LAC_CORE_RUNTIME_H
#define LAC_CORE_RUNTIME_H

#include <lua.h>
#include <uv.h>

#include "core/driver.h"
#include "core/interrupt.h"
#include "core/memory.h"
#include "core/output.h"
#include "core/sandbox.h"
#include "core/scheduler.h"
#include "lacuna.h"

typedef struct lac_closer lac_closer;

/* A thing that must be closed before the runtime's loop can be: embed one in the struct that owns handles, set `close`
 * and add it. `close` is called once, in lacuna_free, newest first, while both the Lua state and the loop still live;
 * it must close every handle it owns (close callbacks run before the loop is closed) and must not call Lua. */
struct lac_closer {
  void (*close)(lac_closer *closer);
  lac_closer *next, *previous; /* the runtime's list; NULL when not in it */
};

/* The runtime that owns L, which may be any of its coroutines. Costs one registry look-up. */
lacuna_t *lac_runtime(lua_State *L);

/* The runtime's Lua state, the one that callbacks use; never keep the L a C function was called with. */
lua_State *lac_state(lacuna_t *runtime);

/* The runtime's libuv loop, its own or the program's. */
uv_loop_t *lac_uv_loop(lacuna_t *runtime);

lac_scheduler *lac_runtime_scheduler(lacuna_t *runtime);
lac_driver *lac_runtime_driver(lacuna_t *runtime);
lac_output *lac_runtime_output(lacuna_t *runtime);

/* Where host/embed, which is above, keeps its state of the runtime. */
void **lac_runtime_embedding(lacuna_t *runtime);

/* What its scripts may load. */
const lac_sandbox *lac_runtime_sandbox(lacuna_t *runtime);

/* What binds the memory of the runtime's Lua code, and what interrupts it. */
lac_memory *lac_runtime_memory(lacuna_t *runtime);
lac_interrupt *lac_runtime_interrupt(lacuna_t *runtime);

/* True once lacuna_free has begun: callbacks are not passed to Lua any more. */
bool lac_is_closing(const lacuna_t *runtime);

void lac_add_closer(lacuna_t *runtime, lac_closer *closer);
void lac_remove_closer(lacuna_t *runtime, lac_closer *closer);

#endif
