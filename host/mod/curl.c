/* curl: `lacuna.native.curl`, the client of curl_client.h for Lua; the one that blocks is curl_blocking.c's.
 *
 * open(on_done, connection_limit) → client, or nil and a message
 * client:start(REQUEST) → id, or nil and a message; what a REQUEST is stands in curl_values.h
 * client:result(id), inside on_done(id) only → status, headers, body; or nil, kind, message, errno name, errno text
 * client:take(id) → what has come of a streamed body since; "": on_done(id) says when there is more
 * client:abort(id), client:close()
 *
 * Nothing is pushed for on_done but a number: strings are made in result, in a protected call, where running out of
 * memory is an error that Lua can catch. This layer raises for wrong arguments only; lua/lacuna/http has the classes.
 */
#include <lauxlib.h>
#include <lua.h>
#include <stdlib.h>

#include "core/runtime.h"
#include "core/wake.h"
#include "mod/curl_blocking.h"
#include "mod/curl_client.h"
#include "mod/curl_values.h"

int luaopen_lacuna_native_curl(lua_State *L);

#define METATABLE "lacuna.native.curl.client"

/* What a client's userdata points to. It dies when the userdata is collected and the client is gone, whichever is last.
 */
typedef struct binding {
  lac_closer closer; /* first: on_runtime_close casts */
  lacuna_t *runtime;
  const lac_curl_library *curl;
  lac_curl_client *client;         /* NULL once closing */
  const lac_curl_outcome *outcome; /* of outcome_id, while on_done runs; else NULL */
  uint32_t outcome_id;
  lac_pin on_done; /* pinned while transfers run, so that an idle client can be collected */
  bool is_collected, is_closed;
} binding;

static void release_if_over(binding *b) {
  if (b->is_collected && b->is_closed) free(b);
}

static void on_client_closed(void *data) {
  binding *b = data;
  b->is_closed = true;
  release_if_over(b);
}

static void close_client(binding *b) {
  if (!b->client) return;
  lac_curl_client *client = b->client;
  b->client = NULL;
  lac_unpin(b->runtime, &b->on_done);
  lac_curl_client_close(client);
}

static void on_runtime_close(lac_closer *closer) {
  close_client((binding *)closer);
}

static void unpin_if_idle(binding *b) {
  if (b->client && lac_curl_active_count(b->client) == 0) lac_unpin(b->runtime, &b->on_done);
}

static void on_transfer_done(void *data, uint32_t id, const lac_curl_outcome *outcome) {
  binding *b = data;
  b->outcome = outcome;
  b->outcome_id = id;
  lua_State *L = lac_wake_open(b->runtime, b->on_done);
  lua_pushinteger(L, (lua_Integer)id);
  lac_wake_call(b->runtime, 1);
  b->outcome = NULL;
  unpin_if_idle(b);
}

/* ---- called from Lua ---- */

static binding *check_binding(lua_State *L) {
  return *(binding **)luaL_checkudata(L, 1, METATABLE);
}

static int fail(lua_State *L, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  return 2;
}

static int l_open(lua_State *L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  lua_Integer connection_limit = luaL_checkinteger(L, 2);
  const char *message = NULL;
  const lac_curl_library *curl = lac_curl_library_open(&message);
  if (!curl) return fail(L, message);
  binding **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  lua_createtable(L, 1, 0); /* on_done lives in the userdata's environment */
  lua_pushvalue(L, 1);
  lua_rawseti(L, -2, 1);
  lua_setfenv(L, -2);

  binding *b = calloc(1, sizeof *b);
  if (!b) return fail(L, "out of memory");
  b->runtime = lac_runtime(L);
  b->curl = curl;
  b->on_done = LAC_NO_PIN;
  b->closer.close = on_runtime_close;
  b->client = lac_curl_client_open(curl, lac_uv_loop(b->runtime), (long)connection_limit, on_transfer_done,
                                   on_client_closed, b);
  if (!b->client) {
    free(b);
    return fail(L, "cannot open a libcurl multi handle: out of memory or file descriptors");
  }
  lac_add_closer(b->runtime, &b->closer);
  *box = b;
  return 1;
}

static int l_start(lua_State *L) {
  binding *b = check_binding(L);
  lac_curl_request request;
  lac_curl_check_request(L, 2, &request);
  if (!b->client) return fail(L, "the client is closed");
  if (b->on_done == LAC_NO_PIN) {
    lua_getfenv(L, 1);
    lua_rawgeti(L, -1, 1);
    b->on_done = lac_pin_value(L, -1);
    lua_pop(L, 2);
  }
  const char *message = "a header is not a string, or out of memory";
  uint32_t id = 0;
  if (lac_curl_collect_headers(L, 2, b->curl, &request)) id = lac_curl_start(b->client, &request, &message);
  if (id == 0) {
    unpin_if_idle(b);
    return fail(L, message);
  }
  lua_pushinteger(L, (lua_Integer)id);
  return 1;
}

static int l_result(lua_State *L) {
  binding *b = check_binding(L);
  const lac_curl_outcome *outcome = b->outcome;
  luaL_argcheck(L, outcome && b->outcome_id == (uint32_t)luaL_checkinteger(L, 2), 2,
                "this transfer is not being completed");
  return lac_curl_push_outcome(L, outcome);
}

static int l_take(lua_State *L) {
  binding *b = check_binding(L);
  uint32_t id = (uint32_t)luaL_checkinteger(L, 2);
  if (!b->client) {
    lua_pushliteral(L, "");
    return 1;
  }
  lac_bytes body = lac_curl_body(b->client, id);
  lua_pushlstring(L, body.data, body.size);
  if (body.size > 0) lac_curl_body_taken(b->client, id);
  return 1;
}

static int l_abort(lua_State *L) {
  binding *b = check_binding(L);
  uint32_t id = (uint32_t)luaL_checkinteger(L, 2);
  lua_pushboolean(L, b->client && lac_curl_abort(b->client, id));
  unpin_if_idle(b);
  return 1;
}

static int l_close(lua_State *L) {
  binding *b = check_binding(L);
  if (b->client) lac_remove_closer(b->runtime, &b->closer);
  close_client(b);
  return 0;
}

static int l_collect(lua_State *L) {
  binding *b = check_binding(L);
  if (!b) return 0;
  l_close(L);
  b->is_collected = true;
  release_if_over(b);
  return 0;
}

int luaopen_lacuna_native_curl(lua_State *L) {
  static const luaL_Reg methods[] = {{"start", l_start}, {"result", l_result}, {"take", l_take}, {"abort", l_abort},
                                     {"close", l_close}, {"__gc", l_collect},  {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_register(L, NULL, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, l_open);
  lua_setfield(L, -2, "open");
  lac_curl_register_blocking(L);
  lua_pushcfunction(L, lac_curl_l_open_blocking);
  lua_setfield(L, -2, "open_blocking");
  return 1;
}
