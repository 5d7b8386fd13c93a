/* value: Lua values as the program holds them.
 *
 * A handle names a Lua value: a positive one is a place among the borrowed, a negative one a pin. Access to tables is
 * raw: no metamethod, so no code of a script, runs below the program's call. */
#include <lauxlib.h>
#include <math.h>

#include "core/driver.h"
#include "embed/embedding.h"

enum { TYPE_CDATA = 10 }; /* LuaJIT's type, which lua.h does not name */

static const double exact_max = 9007199254740992.0; /* 2^53: integers up to it are doubles */

/* ---- to Lua ---- */

static void push_integer(lac_embedding *embedding, lua_State *L, int64_t integer) {
  if ((double)integer <= exact_max && (double)integer >= -exact_max) {
    lua_pushnumber(L, (double)integer);
    return;
  }
  lac_push_half(embedding, L, LAC_HALF_WRITE_INTEGER);
  lua_pushlightuserdata(L, &integer);
  lua_call(L, 1, 1);
}

static void push_handle(lac_embedding *embedding, lua_State *L, int handle) {
  if (handle < 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, -handle);
  } else if (handle > 0) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, embedding->borrowed);
    lua_rawgeti(L, -1, handle);
    lua_remove(L, -2);
  } else {
    lua_pushnil(L);
  }
}

void lac_push_value(lac_embedding *embedding, lua_State *L, lacuna_value value) {
  switch (value.type) {
  case LACUNA_NIL: lua_pushnil(L); break;
  case LACUNA_BOOLEAN: lua_pushboolean(L, value.boolean); break;
  case LACUNA_NUMBER: lua_pushnumber(L, value.number); break;
  case LACUNA_INTEGER: push_integer(embedding, L, value.integer); break;
  case LACUNA_STRING: lua_pushlstring(L, value.bytes, value.size); break;
  default: push_handle(embedding, L, value.handle); break;
  }
}

/* ---- from Lua ---- */

/* Borrows the value at an index. */
static int borrow(lac_embedding *embedding, lua_State *L, int index) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, embedding->borrowed);
  lua_pushvalue(L, index);
  lua_rawseti(L, -2, embedding->borrowed_count + 1);
  lua_pop(L, 1);
  return ++embedding->borrowed_count;
}

static bool read_integer(lac_embedding *embedding, lua_State *L, int index, int64_t *integer) {
  lac_push_half(embedding, L, LAC_HALF_READ_INTEGER);
  lua_pushvalue(L, index);
  lua_pushlightuserdata(L, integer);
  lua_call(L, 2, 1);
  bool is_integer = lua_toboolean(L, -1);
  lua_pop(L, 1);
  return is_integer;
}

lacuna_value lac_read_value(lac_embedding *embedding, lua_State *L, int index, bool is_anchored) {
  lacuna_value value = {.type = LACUNA_OTHER};
  switch (lua_type(L, index)) {
  case LUA_TNIL:
  case LUA_TNONE: return lacuna_nil();
  case LUA_TNUMBER: return lacuna_number(lua_tonumber(L, index));
  case LUA_TBOOLEAN: return lacuna_boolean(lua_toboolean(L, index));
  case LUA_TSTRING:
    value.type = LACUNA_STRING;
    value.bytes = lua_tolstring(L, index, &value.size);
    if (!is_anchored) value.handle = borrow(embedding, L, index);
    return value;
  case TYPE_CDATA:
    if (read_integer(embedding, L, index, &value.integer)) {
      value.type = LACUNA_INTEGER;
      return value;
    }
    break;
  case LUA_TTABLE: value.type = LACUNA_TABLE; break;
  case LUA_TFUNCTION: value.type = LACUNA_FUNCTION; break;
  case LUA_TUSERDATA: {
    const lac_box *box = lac_to_box(L, index);
    if (!box) break;
    value.type = LACUNA_OBJECT;
    value.pointer = box->pointer;
    break;
  }
  default: break;
  }
  value.handle = borrow(embedding, L, index);
  return value;
}

void lac_return_borrowed(lac_embedding *embedding, lua_State *L, int mark) {
  if (embedding->borrowed_count == mark) return;
  lua_rawgeti(L, LUA_REGISTRYINDEX, embedding->borrowed);
  for (int handle = embedding->borrowed_count; handle > mark; handle--) {
    lua_pushnil(L);
    lua_rawseti(L, -2, handle);
  }
  lua_pop(L, 1);
  embedding->borrowed_count = mark;
}

lac_embedding *lac_borrower_of(lacuna_t *runtime) {
  lac_embedding *embedding = lac_embedding_of(runtime);
  if (!embedding || embedding->call_depth > 0) return embedding;
  uint64_t turn = lac_driver_turn_count(lac_runtime_driver(runtime));
  if (embedding->borrowed_turn != turn) lac_return_borrowed(embedding, embedding->L, 0);
  embedding->borrowed_turn = turn;
  return embedding;
}

/* ---- tables ---- */

/* What the protected functions below work on. */
typedef struct access {
  lac_embedding *embedding;
  lacuna_value table, key, value;
  size_t length;
  bool is_found;
} access;

/* Pushes the table; false if it is none. */
static bool push_table(lua_State *L, const access *access) {
  if (access->table.type != LACUNA_TABLE) return false;
  push_handle(access->embedding, L, access->table.handle);
  return lua_istable(L, -1);
}

static int run_new_table(lua_State *L, void *data) {
  access *access = data;
  lua_newtable(L);
  access->value = lac_read_value(access->embedding, L, 1, false);
  return 0;
}

lacuna_value lacuna_table(lacuna_t *runtime) {
  access access = {.embedding = lac_borrower_of(runtime)};
  if (!access.embedding || !lac_protect(access.embedding, run_new_table, &access)) return lacuna_nil();
  return access.value;
}

static int run_globals(lua_State *L, void *data) {
  access *access = data;
  lua_pushvalue(L, LUA_GLOBALSINDEX);
  access->value = lac_read_value(access->embedding, L, 1, false);
  return 0;
}

lacuna_value lacuna_globals(lacuna_t *runtime) {
  access access = {.embedding = lac_borrower_of(runtime)};
  if (!access.embedding || !lac_protect(access.embedding, run_globals, &access)) return lacuna_nil();
  return access.value;
}

static int run_get(lua_State *L, void *data) {
  access *access = data;
  if (!push_table(L, access)) return 0;
  lac_push_value(access->embedding, L, access->key);
  lua_rawget(L, 1);
  access->value = lac_read_value(access->embedding, L, 2, false);
  return 0;
}

lacuna_value lacuna_get(lacuna_t *runtime, lacuna_value table, lacuna_value key) {
  access access = {.embedding = lac_borrower_of(runtime), .table = table, .key = key};
  if (!access.embedding || !lac_protect(access.embedding, run_get, &access)) return lacuna_nil();
  return access.value;
}

static int run_set(lua_State *L, void *data) {
  access *access = data;
  if (!push_table(L, access)) return 0;
  lac_push_value(access->embedding, L, access->key);
  bool is_key = !lua_isnil(L, 2) && !(lua_type(L, 2) == LUA_TNUMBER && isnan(lua_tonumber(L, 2)));
  if (!is_key) return 0;
  lac_push_value(access->embedding, L, access->value);
  lua_rawset(L, 1);
  access->is_found = true;
  return 0;
}

bool lacuna_set(lacuna_t *runtime, lacuna_value table, lacuna_value key, lacuna_value value) {
  access access = {.embedding = lac_borrower_of(runtime), .table = table, .key = key, .value = value};
  return access.embedding && lac_protect(access.embedding, run_set, &access) && access.is_found;
}

static int run_length(lua_State *L, void *data) {
  access *access = data;
  if (push_table(L, access)) access->length = lua_objlen(L, 1);
  return 0;
}

size_t lacuna_length(lacuna_t *runtime, lacuna_value table) {
  access access = {.embedding = lac_borrower_of(runtime), .table = table};
  if (!access.embedding || !lac_protect(access.embedding, run_length, &access)) return 0;
  return access.length;
}

static int run_next(lua_State *L, void *data) {
  access *access = data;
  if (!push_table(L, access)) return 0;
  lac_push_value(access->embedding, L, access->key);
  access->is_found = lua_next(L, 1) != 0;
  access->key = access->is_found ? lac_read_value(access->embedding, L, 2, false) : lacuna_nil();
  access->value = access->is_found ? lac_read_value(access->embedding, L, 3, false) : lacuna_nil();
  return 0;
}

bool lacuna_next(lacuna_t *runtime, lacuna_value table, lacuna_value *key, lacuna_value *value) {
  access access = {.embedding = lac_borrower_of(runtime), .table = table, .key = *key};
  bool is_done = access.embedding && lac_protect(access.embedding, run_next, &access);
  *key = is_done ? access.key : lacuna_nil();
  *value = is_done ? access.value : lacuna_nil();
  return is_done && access.is_found;
}

/* ---- keeping ---- */

static int run_keep(lua_State *L, void *data) {
  access *access = data;
  lacuna_value *value = &access->value;
  lac_push_value(access->embedding, L, *value);
  if (value->type == LACUNA_STRING) value->bytes = lua_tostring(L, 1);
  value->handle = -luaL_ref(L, LUA_REGISTRYINDEX);
  access->is_found = true;
  return 0;
}

lacuna_value lacuna_keep(lacuna_t *runtime, lacuna_value value) {
  if (value.type < LACUNA_STRING) return value;
  access access = {.embedding = lac_borrower_of(runtime), .value = value};
  if (!access.embedding || !lac_protect(access.embedding, run_keep, &access)) return lacuna_nil();
  return access.value;
}

void lacuna_release(lacuna_t *runtime, lacuna_value kept) {
  const lac_embedding *embedding = *lac_runtime_embedding(runtime);
  if (embedding && kept.handle < 0) luaL_unref(embedding->L, LUA_REGISTRYINDEX, -kept.handle);
}
