#include "core/traces.h"

#include <lauxlib.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "core/luax.h"
#include "core/x64.h"

typedef unsigned char byte;

enum { JUMP_BYTES = 5, BRANCH_BYTES = 6, SHORT_BRANCH_BYTES = 2 };

typedef struct trace {
  byte *code; /* NULL: no trace of this number */
  size_t size_bytes;
  byte *loop; /* the head of its loop; NULL if it has none */
  byte *exit; /* of a side trace: the stub of the exit that leads to it; NULL for a root */
  bool holds_own_code, is_patched;
  byte entry[JUMP_BYTES]; /* while it is patched: the bytes of its entry, and of its inverted guards */
  byte *inverted_at, inverted[2 * BRANCH_BYTES];
} trace;

struct lac_traces {
  trace *items; /* by LuaJIT's number */
  size_t capacity;
  byte *pending_exit; /* of the trace that is being recorded */
  bool pending_holds_own_code;
  const volatile byte *hook_mask; /* LuaJIT's; NULL if it was not found */
  bool is_probe_active;
  volatile sig_atomic_t is_changing;
};

enum { HOOK_ACTIVE = 0x10 }; /* in the hook mask: a hook, a finalizer or a listener runs, and no hook is called */

#define PROBE_KEY "lacuna.traces" /* in the registry, while the hook mask is looked for */

/* The upvalues of on_event. */
enum { UP_TRACES = 1, UP_TRACEMC, UP_TRACEEXITSTUB, UP_OFF, UP_FLUSH, UP_FUNCTION };

/* ---- reading a trace ---- */

static bool is_near_branch(const byte *code) {
  return code[0] == 0x0f && (code[1] & 0xf0) == 0x80;
}

static bool is_short_branch(const byte *code) {
  return (code[0] & 0xf0) == 0x70;
}

/* Where the jump or branch of `size` bytes goes whose displacement ends it. */
static byte *target_of(byte *code, size_t size) {
  if (size == SHORT_BRANCH_BYTES) return code + size + (signed char)code[1];
  int32_t displacement = 0;
  memcpy(&displacement, code + size - sizeof displacement, sizeof displacement);
  return code + size + displacement;
}

static bool is_inside(const trace *trace, const byte *target) {
  return target >= trace->code && target < trace->code + trace->size_bytes;
}

/* A guard: a branch out of the trace, to an exit stub or to the side trace that replaced it. */
static bool is_guard(const trace *trace, byte *code, size_t size) {
  return is_near_branch(code) && !is_inside(trace, target_of(code, size));
}

/* The last guard of a loop may come inverted: a branch back to the loop's head before the jump that leaves, and in
 * comparisons of numbers a branch on "unordered" before that. */
static bool is_inverted_guard(const trace *trace, byte *code, size_t size) {
  if (!trace->loop || !(is_near_branch(code) || is_short_branch(code)) || target_of(code, size) != trace->loop)
    return false;
  size_t left = (size_t)(trace->code + trace->size_bytes - code) - size;
  bool is_on_unordered = (code[size == SHORT_BRANCH_BYTES ? 0 : 1] & 0x0f) == 0x0a;
  return left == JUMP_BYTES || (is_on_unordered && left == size + JUMP_BYTES);
}

/* What can be said of a trace when it is new. */
typedef enum verdict {
  LEAVABLE,
  ENDLESS,   /* its loop holds no guard */
  UNREADABLE /* holds an instruction that x64.c does not know */
} verdict;

static verdict read_trace(const trace *trace) {
  byte *end = trace->code + trace->size_bytes;
  byte *last_guard = NULL;
  for (byte *code = trace->code; code < end;) {
    size_t size = lac_x64_length(code, (size_t)(end - code));
    if (size == 0) return UNREADABLE;
    bool is_call = code[0] == 0xe8 || (code[0] == 0xff && (code[1] & 0x38) == 0x10);
    if (is_call && code - trace->code < JUMP_BYTES) return UNREADABLE; /* would return into what is patched */
    if (is_guard(trace, code, size) || is_inverted_guard(trace, code, size)) last_guard = code;
    bool is_jump = code[0] == 0xe9 || code[0] == 0xeb;
    if (is_jump && code + size == end) {
      byte *target = target_of(code, size);
      if (is_inside(trace, target) && (!last_guard || last_guard < target)) return ENDLESS;
    }
    code += size;
  }
  return LEAVABLE;
}

/* ---- changing it ---- */

static void write_jump(byte *code, const byte *target) {
  int32_t displacement = (int32_t)(target - code - JUMP_BYTES);
  code[0] = 0xe9;
  memcpy(code + 1, &displacement, sizeof displacement);
}

/* A guard's form while it is patched: a jump whose redundant prefix keeps the condition. Its displacement is that of
 * the branch, since both end at the same byte. LuaJIT itself emits no such prefix. */
static bool is_patched_guard(const byte *code, size_t size) {
  return size == BRANCH_BYTES && (code[0] & 0xf0) == 0x40 && code[1] == 0xe9;
}

/* Where a loop's inverted guards begin, of which there are one or two before the last jump; the end if there are none.
 */
static byte *inverted_guards(const trace *trace) {
  byte *end = trace->code + trace->size_bytes;
  for (byte *code = trace->code; code < end;) {
    size_t size = lac_x64_length(code, (size_t)(end - code));
    if (size == 0) break; /* UNREADABLE */
    if (is_inverted_guard(trace, code, size)) return code;
    code += size;
  }
  return end;
}

/* Makes all guards exits, and the entry of a side trace an exit of its parent: else a loop whose guards all lead to
 * side traces that lead back would never be left. The instructions keep their boundaries, except at such an entry. */
static void patch_trace(trace *trace) {
  byte *end = trace->code + trace->size_bytes;
  byte *inverted = inverted_guards(trace);
  memcpy(trace->entry, trace->code, JUMP_BYTES);
  for (byte *code = trace->code; code < inverted;) {
    size_t size = lac_x64_length(code, (size_t)(end - code));
    if (size == 0) break;
    if (is_guard(trace, code, size)) {
      code[0] = 0x40 | (code[1] & 0x0f);
      code[1] = 0xe9;
    }
    code += size;
  }
  if (inverted < end) {
    size_t size = (size_t)(end - inverted) - JUMP_BYTES;
    memcpy(trace->inverted, inverted, size);
    memset(inverted, 0x90, size); /* whoever stands between them, or before, goes on to the jump that leaves */
  }
  trace->inverted_at = inverted;
  if (trace->exit) write_jump(trace->code, trace->exit);
  trace->is_patched = true;
}

static void mend_trace(trace *trace) {
  byte *end = trace->code + trace->size_bytes;
  memcpy(trace->code, trace->entry, JUMP_BYTES);
  for (byte *code = trace->code; code < trace->inverted_at;) {
    size_t size = lac_x64_length(code, (size_t)(end - code));
    if (size == 0) break;
    if (is_patched_guard(code, size)) {
      code[1] = 0x80 | (code[0] & 0x0f);
      code[0] = 0x0f;
    }
    code += size;
  }
  if (trace->inverted_at < end)
    memcpy(trace->inverted_at, trace->inverted, (size_t)(end - trace->inverted_at) - JUMP_BYTES);
  trace->is_patched = false;
}

static bool set_protection(const trace *trace, int protection) {
  uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
  size_t offset = (uintptr_t)trace->code & (page_bytes - 1);
  return mprotect(trace->code - offset, offset + trace->size_bytes, protection) == 0;
}

static const trace *trace_at(const lac_traces *traces, uintptr_t pc) {
  const byte *code = (const byte *)pc; /* NOLINT(performance-no-int-to-ptr): a signal context has numbers */
  for (size_t i = 0; i < traces->capacity; i++)
    if (traces->items[i].code && is_inside(&traces->items[i], code)) return &traces->items[i];
  return NULL;
}

bool lac_traces_leave(lac_traces *traces, uintptr_t pc, bool is_forced) {
  if (!traces->hook_mask || traces->is_changing || (*traces->hook_mask & HOOK_ACTIVE)) return false;
  /* A thread in a trace is not inside LuaJIT's compiler: all code is complete, and protected against writing. */
  const trace *present = trace_at(traces, pc);
  if (!present || (present->holds_own_code && !is_forced)) return false;
  for (size_t i = 0; i < traces->capacity; i++) {
    trace *trace = &traces->items[i];
    if (!trace->code || trace->is_patched) continue;
    uintptr_t offset = pc - (uintptr_t)trace->code;
    if (trace->exit && offset > 0 && offset < JUMP_BYTES) continue; /* stands in the middle of what would be written */
    if (!set_protection(trace, PROT_READ | PROT_WRITE)) continue;
    patch_trace(trace);
    set_protection(trace, PROT_READ | PROT_EXEC);
  }
  return true;
}

void lac_traces_mend(lac_traces *traces) {
  for (size_t i = 0; i < traces->capacity; i++) {
    trace *trace = &traces->items[i];
    if (!trace->code || !trace->is_patched) continue;
    set_protection(trace, PROT_READ | PROT_WRITE);
    mend_trace(trace);
    set_protection(trace, PROT_READ | PROT_EXEC);
  }
}

/* ---- recording ---- */

/* A function without line numbers ends at line 0. */
static bool is_own(const lua_Debug *function) {
  return function->lastlinedefined <= 0 && strncmp(function->source, "=[lacuna", 8) == 0;
}

bool lac_is_own_code(lua_State *L, lua_Debug *frame) {
  return lua_getinfo(L, "S", frame) && is_own(frame);
}

static void on_probe(lua_State *L, lua_Debug *frame) {
  (void)frame;
  lac_traces *traces = NULL;
  lua_getfield(L, LUA_REGISTRYINDEX, PROBE_KEY);
  traces = lua_touserdata(L, -1);
  lua_pop(L, 1);
  traces->is_probe_active = (*traces->hook_mask & HOOK_ACTIVE) != 0;
}

/* lua_gethookmask does not tell whether hooks are off at present; that is another bit of the same byte. It lies behind
 * the main lua_State, and is the one byte there that follows all that lua_sethook is told and has the bit in a hook. */
static void find_hook_mask(lac_traces *traces, lua_State *L) {
  enum { SEARCHED_BYTES = 1024 }; /* of the 6 KiB that LuaJIT allocates as one with the main state */
  const volatile byte *block = (const volatile byte *)L;
  const volatile byte *candidates[SEARCHED_BYTES];
  size_t count = SEARCHED_BYTES;
  for (size_t i = 0; i < count; i++) candidates[i] = block + i;
  for (int mask = 0x0f; mask >= 0; mask--) { /* the first leaves few */
    lua_sethook(L, on_probe, mask, 1 << 30);
    size_t left = 0;
    for (size_t i = 0; i < count; i++)
      if (*candidates[i] == mask) candidates[left++] = candidates[i];
    count = left;
  }
  if (count > 0) traces->hook_mask = candidates[0];
  lua_sethook(L, NULL, 0, 0);
  if (!traces->hook_mask) return;
  lua_pushlightuserdata(L, traces);
  lua_setfield(L, LUA_REGISTRYINDEX, PROBE_KEY);
  if (luaL_loadstring(L, "local a = 1") == 0) {
    lua_sethook(L, on_probe, LUA_MASKCOUNT, 1);
    lua_call(L, 0, 0);
    lua_sethook(L, NULL, 0, 0);
  }
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, PROBE_KEY);
  if (!traces->is_probe_active || (*traces->hook_mask & HOOK_ACTIVE)) traces->hook_mask = NULL;
}

static bool has_room(lac_traces *traces, size_t number) {
  if (number < traces->capacity) return true;
  size_t capacity = traces->capacity ? traces->capacity : 64;
  while (capacity <= number) capacity *= 2;
  trace *items = realloc(traces->items, capacity * sizeof *items);
  if (!items) return false;
  memset(items + traces->capacity, 0, (capacity - traces->capacity) * sizeof *items);
  traces->items = items;
  traces->capacity = capacity;
  return true;
}

/* Calls the upvalue at `function` with the value on top of the stack. */
static bool call_upvalue(lua_State *L, int function, int result_count) {
  lua_pushvalue(L, lua_upvalueindex(function));
  lua_insert(L, -2);
  return lua_pcall(L, 1, result_count, 0) == 0;
}

static byte *to_address(lua_State *L, int index) {
  return (byte *)(uintptr_t)lua_tonumber(L, index); /* NOLINT(performance-no-int-to-ptr): jit.util gives numbers */
}

/* start(number, function, position, parent|nil, exit|nil) */
static void on_start(lua_State *L, lac_traces *traces) {
  lua_pushvalue(L, 3);
  lua_replace(L, lua_upvalueindex(UP_FUNCTION));
  traces->pending_exit = NULL;
  traces->pending_holds_own_code = false;
  if (lua_tointeger(L, 5) <= 0 || lua_tointeger(L, 6) < 0) return; /* a root */
  lua_pushvalue(L, 6);
  if (call_upvalue(L, UP_TRACEEXITSTUB, 1)) traces->pending_exit = to_address(L, -1);
}

/* record(number, function, position, depth): an instruction of the function is taken into the trace. */
static int on_record(lua_State *L) {
  lac_traces *traces = lua_touserdata(L, lua_upvalueindex(UP_TRACES));
  if (traces->pending_holds_own_code || !lua_isfunction(L, 2)) return 0;
  lua_Debug function;
  lua_pushvalue(L, 2);
  lua_getinfo(L, ">S", &function);
  traces->pending_holds_own_code = is_own(&function);
  return 0;
}

/* stop(number, function): the code is in place, and runs from now on. */
static void on_stop(lua_State *L, lac_traces *traces) {
  size_t number = (size_t)lua_tointeger(L, 2);
  if (!has_room(traces, number)) return;
  trace *trace = &traces->items[number];
  trace->code = NULL;
  lua_pushvalue(L, 2);
  if (!call_upvalue(L, UP_TRACEMC, 3)) return;
  *trace = (struct trace){.code = to_address(L, -2),
                          .size_bytes = lua_objlen(L, -3),
                          .exit = traces->pending_exit,
                          .holds_own_code = traces->pending_holds_own_code};
  if (lua_tointeger(L, -1) > 0) trace->loop = trace->code + lua_tointeger(L, -1);
  if (read_trace(trace) != ENDLESS) return;
  bool is_side = trace->exit != NULL;
  lua_pushvalue(L, lua_upvalueindex(UP_FUNCTION));
  call_upvalue(L, UP_OFF, 0); /* takes it, and what else begins in that function, out of use */
  if (!is_side) return;
  lua_pushvalue(L, lua_upvalueindex(UP_FLUSH));
  lua_pcall(L, 0, 0, 0);
}

/* The listener of jit.attach. */
static int on_event(lua_State *L) {
  lac_traces *traces = lua_touserdata(L, lua_upvalueindex(UP_TRACES));
  const char *what = lua_tostring(L, 1);
  traces->is_changing = 1;
  if (strcmp(what, "start") == 0) {
    on_start(L, traces);
  } else if (strcmp(what, "stop") == 0) {
    on_stop(L, traces);
  } else if (strcmp(what, "flush") == 0) {
    if (traces->capacity) memset(traces->items, 0, traces->capacity * sizeof *traces->items);
  }
  traces->is_changing = 0;
  return 0;
}

lac_traces *lac_traces_new(void) {
  return calloc(1, sizeof(lac_traces));
}

void lac_traces_free(lac_traces *traces) {
  if (!traces) return;
  free(traces->items);
  free(traces);
}

void lac_traces_watch(lac_traces *traces, lua_State *L) {
#if defined(__x86_64__)
  int top = lua_gettop(L), util = top + 1, jit = top + 2;
  find_hook_mask(traces, L);
  if (!traces->hook_mask) return;
  lac_require(L, "jit.util");
  lua_getglobal(L, "jit");
  lua_getfield(L, jit, "attach");
  lua_pushlightuserdata(L, traces);
  lua_getfield(L, util, "tracemc");
  lua_getfield(L, util, "traceexitstub");
  lua_getfield(L, jit, "off");
  lua_getfield(L, jit, "flush");
  lua_pushnil(L);
  lua_pushcclosure(L, on_event, UP_FUNCTION);
  lua_pushliteral(L, "trace");
  lua_call(L, 2, 0);
  lua_getfield(L, jit, "attach");
  lua_pushlightuserdata(L, traces);
  lua_pushcclosure(L, on_record, 1);
  lua_pushliteral(L, "record");
  lua_call(L, 2, 0);
  lua_settop(L, top);
#else
  (void)traces, (void)L, (void)on_event, (void)on_record, (void)find_hook_mask;
#endif
}
