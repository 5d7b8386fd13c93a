/* luax: the house's few words over the Lua API. */
#ifndef LAC_CORE_LUAX_H
#define LAC_CORE_LUAX_H

#include <lauxlib.h>
#include <lua.h>

/* Pushes `thread`, which may be any coroutine of L's state, onto L. */
void lac_push_thread(lua_State *L, lua_State *thread);

/* Pushes require(name); raises what require raises. */
void lac_require(lua_State *L, const char *name);

/* Raises Lua's own error for memory that ran out. */
_Noreturn void lac_raise_memory(lua_State *L);

/* A lua_pcall message handler: leaves error objects as they are and appends the Lua stack to an error string. */
int lac_with_traceback(lua_State *L);

#endif
