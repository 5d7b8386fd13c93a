#include "core/memory.h"

#include <lauxlib.h>
#include <luajit.h>
#include <stdint.h>
#include <uv.h>

/* Where much more than the limit is in use by what cannot be refused, such as the stacks of many tasks, each step would
 * collect in vain: after some, only so often. */
enum { VAIN_MAX = 8, REST_FACTOR = 4 };

static void *allocate(void *data, void *block, size_t old_size, size_t size) {
  lac_memory *memory = data;
  if (size > old_size && memory->used_bytes + (size - old_size) > memory->ceiling_bytes) {
    memory->is_exhausted = true;
    lac_interrupt_collect(memory->interrupt);
    return NULL;
  }
  void *result = memory->allocate(memory->data, block, old_size, size);
  if (!result && size > 0) return NULL;
  memory->used_bytes += size - old_size; /* wraps around to subtract */
  if (memory->used_bytes > memory->collect_at_bytes && size > old_size) {
    memory->collect_at_bytes = SIZE_MAX; /* until it has been done */
    lac_interrupt_collect(memory->interrupt);
  }
  return result;
}

bool lac_memory_collect(lac_memory *memory) {
  uint64_t started_ns = uv_hrtime(), idle_ns = started_ns - memory->collected_ns;
  if (memory->vain_count > VAIN_MAX && idle_ns / REST_FACTOR < memory->collecting_ns) return true;
  lua_gc(memory->L, LUA_GCCOLLECT, 0);
  memory->collected_ns = uv_hrtime();
  memory->collecting_ns = memory->collected_ns - started_ns;
  size_t limit = memory->limit_bytes, used = memory->used_bytes, next = used + limit / 8;
  memory->vain_count = used > limit ? memory->vain_count + 1 : 0;
  memory->collect_at_bytes = next < limit / 2 ? limit / 2 : next < limit || used > limit ? next : limit;
  memory->is_exhausted = used > limit;
  return used > limit;
}

static bool on_collect(void *data) {
  return lac_memory_collect(data);
}

/* jit.on(…) in a runtime with a limit. */
static int l_refuse_compiler(lua_State *L) {
  return luaL_error(L, "jit.on: the compiler is off in a runtime with a memory limit");
}

void lac_memory_open(lac_memory *memory, lua_State *L, size_t limit_bytes, lac_interrupt *interrupt) {
  *memory = (lac_memory){.limit_bytes = limit_bytes, .ceiling_bytes = SIZE_MAX, .L = L, .interrupt = interrupt};
  if (limit_bytes == 0) return;
  lac_interrupt_on_collect(interrupt, on_collect, memory);
  luaJIT_setmode(L, 0, LUAJIT_MODE_ENGINE | LUAJIT_MODE_OFF);
  lua_getglobal(L, "jit");
  lua_pushcfunction(L, l_refuse_compiler);
  lua_setfield(L, -2, "on");
  lua_pop(L, 1);
  memory->used_bytes = (size_t)lua_gc(L, LUA_GCCOUNT, 0) * 1024 + (size_t)lua_gc(L, LUA_GCCOUNTB, 0);
  memory->collect_at_bytes = limit_bytes / 2;
  memory->allocate = lua_getallocf(L, &memory->data);
  lua_setallocf(L, allocate, memory);
}

void lac_memory_close(lac_memory *memory) {
  if (memory->allocate) lua_setallocf(memory->L, memory->allocate, memory->data);
}
