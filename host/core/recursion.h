/* recursion: makes endless recursion through C end as an error.
 *
 * In Lua LuaJIT counts the slots of its stack, through C it counts nothing: string.gsub whose function calls
 * string.gsub holds 8 KiB of the C stack a level, and ends the process long before the Lua stack is full. (Coroutines
 * resumed within each other are counted in lua/lacuna/kernel/generator.lua.) */
#ifndef LAC_CORE_RECURSION_H
#define LAC_CORE_RECURSION_H

#include <lua.h>

/* Replaces string.gsub by one that raises "stack overflow" when a megabyte of the C stack is used. */
void lac_limit_recursion(lua_State *L);

#endif
