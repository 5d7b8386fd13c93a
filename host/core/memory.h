/* memory: a cap on what a runtime's Lua state may allocate.
 *
 * Wraps LuaJIT's allocator and counts. LuaJIT gives up without collecting its garbage first, and may be in the middle
 * of anything when it does. So whoever passes the cap gets what it asks for out of a small reserve, and the next
 * instruction collects; if that does not help, it raises a MemoryError, in the user's code only (core/interrupt.h).
 * Beyond the reserve an allocation is refused, which raises "not enough memory" on the spot; but only while Lua runs: a
 * refusal in the scheduler's or libuv's own doings would end the process. From half of the cap on every eighth of it
 * collects, too.
 *
 * The compiler is off in such a runtime: a refusal in compiled code crashes Debian 12's LuaJIT. What is counted is what
 * Lua allocates, not what C libraries or ffi.C.malloc take. */
#ifndef LAC_CORE_MEMORY_H
#define LAC_CORE_MEMORY_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/interrupt.h"

typedef struct lac_memory {
  size_t limit_bytes;   /* 0: none, and the rest is unused */
  size_t ceiling_bytes; /* beyond it allocations are refused at present; SIZE_MAX: none is */
  size_t used_bytes;
  size_t collect_at_bytes;              /* use beyond this has the garbage collected; at most limit_bytes */
  bool is_exhausted;                    /* something was refused, or the last collection was in vain */
  int vain_count;                       /* collections in a row that left more than the limit in use */
  uint64_t collected_ns, collecting_ns; /* when the last one ended, and how long it took */
  lua_State *L;
  lac_interrupt *interrupt;
  lua_Alloc allocate; /* LuaJIT's own, and its data */
  void *data;
} lac_memory;

/* Puts the cap on a state whose libraries are open; 0 for none. Nothing is refused yet. */
void lac_memory_open(lac_memory *memory, lua_State *L, size_t limit_bytes, lac_interrupt *interrupt);

/* Gives the state its own allocator back, right before lua_close. */
void lac_memory_close(lac_memory *memory);

/* Collects all garbage. True if more than the limit is still in use. */
bool lac_memory_collect(lac_memory *memory);

/* Has the limit bind; returns what lac_memory_release is to be given. The reserve, a sixteenth and 64 KiB, is on top of
 * what is in use, if that is more already because of what could not be refused. */
static inline size_t lac_memory_bind(lac_memory *memory) {
  size_t outer = memory->ceiling_bytes, limit = memory->limit_bytes;
  if (limit > 0)
    memory->ceiling_bytes = (memory->used_bytes > limit ? memory->used_bytes : limit) + limit / 16 + (size_t)64 * 1024;
  return outer;
}

static inline void lac_memory_release(lac_memory *memory, size_t outer) {
  memory->ceiling_bytes = outer;
}

#endif
