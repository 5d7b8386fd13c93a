/* checked_state: Lua states whose memory comes from malloc, for builds with a sanitizer only.
 *
 * LuaJIT's own allocator maps memory that no sanitizer looks into. Through malloc an access past a string or a userdata
 * is found, and what only a userdata owns does not count as leaked. Linked in place of luaL_newstate (--wrap). */
#include <lauxlib.h>
#include <stdlib.h>

lua_State *__wrap_luaL_newstate(void);

static void *allocate(void *data, void *block, size_t old_size, size_t size) {
  (void)data;
  (void)old_size;
  if (size > 0) return realloc(block, size);
  free(block);
  return NULL;
}

lua_State *__wrap_luaL_newstate(void) {
  return lua_newstate(allocate, NULL);
}
