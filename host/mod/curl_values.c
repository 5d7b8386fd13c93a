/* curl_values: see the header. */
#include "mod/curl_values.h"

#include <lauxlib.h>
#include <math.h>

/* Optional seconds → milliseconds, rounded up; 0: none. */
static long check_timeout(lua_State *L, int index) {
  lua_Number seconds = lua_toboolean(L, index) ? luaL_checknumber(L, index) : 0;
  luaL_argcheck(L, seconds >= 0, index, "seconds expected");
  return seconds >= 1e6 ? 0 : (long)ceil(seconds * 1000);
}

static const char *check_optional(lua_State *L, int index, size_t *size) {
  return lua_toboolean(L, index) ? luaL_checklstring(L, index, size) : NULL;
}

void lac_curl_check_request(lua_State *L, int first, lac_curl_request *request) {
  *request = (lac_curl_request){.url = luaL_checkstring(L, first), .method = luaL_checkstring(L, first + 1)};
  request->data = check_optional(L, first + 3, &request->data_size);
  request->is_verified = lua_isnil(L, first + 4) || lua_toboolean(L, first + 4);
  request->ca_path = lua_type(L, first + 4) == LUA_TSTRING ? lua_tostring(L, first + 4) : NULL;
  request->timeout_ms = check_timeout(L, first + 5);
  request->connect_timeout_ms = check_timeout(L, first + 6);
  request->read_timeout_ms = check_timeout(L, first + 7);
  request->proxy = check_optional(L, first + 8, NULL);
  request->is_streamed = lua_toboolean(L, first + 9);
  request->is_paced = lua_toboolean(L, first + 10);
}

bool lac_curl_collect_headers(lua_State *L, int first, const lac_curl_library *curl, lac_curl_request *request) {
  int index = first + 2;
  int count = lua_istable(L, index) ? (int)lua_objlen(L, index) : 0;
  for (int i = 1; i <= count; i++) {
    lua_rawgeti(L, index, i);
    const char *line = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    struct curl_slist *longer = line ? curl->slist_append(request->headers, line) : NULL;
    lua_pop(L, 1);
    if (!longer) {
      curl->slist_free_all(request->headers);
      request->headers = NULL;
      return false;
    }
    request->headers = longer;
  }
  return true;
}

int lac_curl_push_outcome(lua_State *L, const lac_curl_outcome *outcome) {
  if (!outcome->failure) {
    lua_pushinteger(L, outcome->status);
    lua_pushlstring(L, outcome->headers.data, outcome->headers.size);
    if (outcome->is_partial) return 2;
    lua_pushlstring(L, outcome->body.data, outcome->body.size);
    return 3;
  }
  lua_pushnil(L);
  lua_pushstring(L, outcome->failure);
  lua_pushstring(L, outcome->message);
  if (outcome->os_errno == 0) return 3;
  char text[256];
  lua_pushstring(L, uv_err_name_r(uv_translate_sys_error(outcome->os_errno), text, sizeof text));
  lua_pushstring(L, uv_strerror_r(uv_translate_sys_error(outcome->os_errno), text, sizeof text));
  return 5;
}
