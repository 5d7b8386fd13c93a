#include "embed/embedding.h"

#include <lauxlib.h>

#include "core/luax.h"
#include "core/modules.h"

static const char *const half_names[LAC_HALF_COUNT] = {
    [LAC_HALF_SPAWN] = "spawn",
    [LAC_HALF_SPAWN_SOURCE] = "spawn_source",
    [LAC_HALF_CANCEL_TASK] = "cancel_task",
    [LAC_HALF_SET_DEADLINE] = "set_deadline",
    [LAC_HALF_SHUT_DOWN] = "shut_down",
    [LAC_HALF_PENDING] = "pending",
    [LAC_HALF_LEFT] = "left",
    [LAC_HALF_ASYNC_FUNCTION] = "async_function",
    [LAC_HALF_COMPLETE] = "complete",
    [LAC_HALF_COMPLETE_MANY] = "complete_many",
    [LAC_HALF_FAIL] = "fail",
    [LAC_HALF_RAISE] = "raise",
    [LAC_HALF_WRITE_INTEGER] = "write_integer",
    [LAC_HALF_READ_INTEGER] = "read_integer",
};

typedef struct operation {
  int (*run)(lua_State *L, void *data);
  void *data;
} operation;

static int l_operate(lua_State *L) {
  operation operation = *(const struct operation *)lua_touserdata(L, 1);
  lua_settop(L, 0);
  return operation.run(L, operation.data);
}

/* Logs an error on top of the stack, which it pops, unless memory ran out: that is the caller's to tell. */
static void log_error(lacuna_t *runtime, lua_State *L) {
  const char *message = lua_isstring(L, -1) ? lua_tostring(L, -1) : NULL;
  static const char out_of_memory[] = "not enough memory";
  if (message && strcmp(message, out_of_memory) != 0) lac_output_log(lac_runtime_output(runtime), message);
  lua_pop(L, 1);
}

bool lac_protect(lac_embedding *embedding, int (*run)(lua_State *L, void *data), void *data) {
  operation operation = {run, data};
  lua_State *L = embedding->L;
  lua_rawgeti(L, LUA_REGISTRYINDEX, embedding->operate);
  lua_pushlightuserdata(L, &operation);
  if (lua_pcall(L, 1, LUA_MULTRET, 0) == 0) return true;
  log_error(embedding->runtime, L);
  return false;
}

void lac_push_half(lac_embedding *embedding, lua_State *L, lac_half half) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, embedding->halves[half]);
}

static void close_embedding(lac_closer *closer) {
  lac_embedding *embedding = (lac_embedding *)closer; /* its first field */
  lac_orphan_calls(embedding);
  lac_orphan_tasks(embedding);
  embedding->is_closed = true;
  *lac_runtime_embedding(embedding->runtime) = NULL;
}

/* Makes the embedding, for the pointer in the light userdata. It belongs to the Lua state, because functions of the
 * program can be called until that is closed. The collector, at rest since the runtime was made, starts here. */
static int l_open(lua_State *L) {
  lac_embedding **place = lua_touserdata(L, 1);
  lac_embedding *embedding = lua_newuserdata(L, sizeof *embedding);
  *embedding =
      (lac_embedding){.closer.close = close_embedding, .runtime = lac_runtime(L), .L = lac_state(lac_runtime(L))};
  luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushcfunction(L, l_operate);
  embedding->operate = luaL_ref(L, LUA_REGISTRYINDEX);
  lac_push_deliver(L);
  embedding->deliver = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  embedding->borrowed = luaL_ref(L, LUA_REGISTRYINDEX);
  lac_require(L, "lacuna.embed");
  for (int half = 0; half < LAC_HALF_COUNT; half++) {
    lua_getfield(L, -1, half_names[half]);
    embedding->halves[half] = luaL_ref(L, LUA_REGISTRYINDEX);
  }
  lua_gc(L, LUA_GCRESTART, -1);
  *place = embedding;
  return 0;
}

lac_embedding *lac_embedding_of(lacuna_t *runtime) {
  void **place = lac_runtime_embedding(runtime);
  if (*place || lac_is_closing(runtime)) return *place;
  lac_embedding *embedding = NULL;
  if (lua_cpcall(lac_state(runtime), l_open, &embedding) != 0) {
    log_error(runtime, lac_state(runtime));
    return NULL;
  }
  lac_add_closer(runtime, &embedding->closer);
  return *place = embedding;
}

/* cancel(slot): of a pending call. */
static int l_cancel(lua_State *L) {
  lac_embedding *embedding = lac_embedding_of(lac_runtime(L));
  int slot = (int)luaL_checkinteger(L, 1);
  if (!embedding || slot < 1 || slot > embedding->slot_count) return 0;
  lua_State *was_running = embedding->L;
  embedding->L = L;
  lac_cancel_call(embedding->calls[slot - 1]);
  embedding->L = was_running;
  return 0;
}

int luaopen_lacuna_native_embed(lua_State *L) {
  static const luaL_Reg functions[] = {{"cancel", l_cancel}, {"ended", lac_l_task_ended}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
