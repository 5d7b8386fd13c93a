/* charset: `lacuna.native.charset`, text in any charset that the C library knows as UTF-8.
 *
 * decode(bytes, charset) → text; or nil, and the number of the byte that is none of the charset's; or nil alone for a
 * charset that is not known
 *
 * Strict, as Python's codecs are. What a conversion holds is a userdata's, for Lua may run out of memory meanwhile. */
#include <errno.h>
#include <iconv.h>
#include <lauxlib.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/bytes.h"
#include "core/modules.h"

#define METATABLE "lacuna.native.charset.conversion"

static void *const not_open = (iconv_t)-1; /* NOLINT(performance-no-int-to-ptr): iconv_open's own failure */

typedef struct conversion {
  iconv_t descriptor; /* or not_open */
  lac_bytes out;
} conversion;

static void end(conversion *c) {
  if (c->descriptor != not_open) iconv_close(c->descriptor);
  c->descriptor = not_open;
  lac_bytes_free(&c->out);
}

static int l_collect(lua_State *L) {
  end(luaL_checkudata(L, 1, METATABLE));
  return 0;
}

static conversion *push_conversion(lua_State *L) {
  conversion *c = lua_newuserdata(L, sizeof *c);
  *c = (conversion){.descriptor = not_open};
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  return c;
}

/* One call of iconv into fresh room; `in` NULL: what a charset with states has kept back. False with errno. */
static bool convert(conversion *c, char **in, size_t *left) {
  size_t wanted = (in ? *left : 0) + 64;
  if (!lac_bytes_reserve(&c->out, wanted)) {
    errno = ENOMEM;
    return false;
  }
  size_t room = c->out.capacity - c->out.size;
  char *out = c->out.data + c->out.size;
  bool is_converted = iconv(c->descriptor, in, left, &out, &room) != (size_t)-1;
  c->out.size = (size_t)(out - c->out.data);
  return is_converted;
}

static int l_decode(lua_State *L) {
  size_t size;
  const char *bytes = luaL_checklstring(L, 1, &size);
  const char *charset = luaL_checkstring(L, 2);
  conversion *c = push_conversion(L);
  c->descriptor = iconv_open("UTF-8", charset);
  if (c->descriptor == not_open) return 0;
  char *at = (char *)bytes; /* iconv does not write there */
  size_t left = size;
  bool is_converted = true;
  while (left > 0 && (is_converted || errno == E2BIG)) is_converted = convert(c, &at, &left);
  if (is_converted) is_converted = convert(c, NULL, NULL);
  if (!is_converted && errno == ENOMEM) return luaL_error(L, "not enough memory");
  if (is_converted)
    lua_pushlstring(L, c->out.data, c->out.size);
  else
    lua_pushnil(L);
  end(c);
  if (is_converted) return 1;
  lua_pushinteger(L, (lua_Integer)(at - bytes) + 1);
  return 2;
}

int luaopen_lacuna_native_charset(lua_State *L) {
  luaL_newmetatable(L, METATABLE);
  lua_pushcfunction(L, l_collect);
  lua_setfield(L, -2, "__gc");
  lua_createtable(L, 0, 1);
  lua_pushcfunction(L, l_decode);
  lua_setfield(L, -2, "decode");
  return 1;
}
