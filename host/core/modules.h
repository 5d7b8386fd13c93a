/* modules: what `require` finds inside the binary.
 *
 * The Lua runtime is embedded as bytecode (host/core/embed.lua writes the table at build time); native modules are
 * openers in one static table. LACUNA_LUA=dir makes the Lua half come from dir's sources instead. */
#ifndef LAC_CORE_MODULES_H
#define LAC_CORE_MODULES_H

#include <lua.h>
#include <stddef.h>

#include "lacuna.h"

/* One embedded Lua module: bytecode that lives as long as the program. */
typedef struct lac_embedded {
  const char *name; /* "lacuna.kernel.task"; NULL ends the table */
  const unsigned char *code;
  size_t size_bytes;
} lac_embedded;

/* Sorted by name, written by host/core/embed.lua. */
extern const lac_embedded lac_embedded_modules[];
extern const size_t lac_embedded_count;

/* The native modules, one opener each. */
int luaopen_lacuna_native_charset(lua_State *L);
int luaopen_lacuna_native_clock(lua_State *L);
int luaopen_lacuna_native_curl(lua_State *L);
int luaopen_lacuna_native_embed(lua_State *L);
int luaopen_lacuna_native_json(lua_State *L);
int luaopen_lacuna_native_lineedit(lua_State *L);
int luaopen_lacuna_native_luv(lua_State *L);
int luaopen_lacuna_native_shared_memory(lua_State *L);
int luaopen_lacuna_native_signals(lua_State *L);
int luaopen_lacuna_native_worker(lua_State *L);
int luaopen_lacuna_native_worker_process(lua_State *L);

/* Closes the handles that scripts made with luv and left open; they die with the Lua state, not with a closer, so that
 * luv's own close callbacks still find it. */
void lac_close_luv(lacuna_t *runtime);

/* Installs the searchers for embedded and native modules into package.loaders. */
void lac_open_modules(lua_State *L);

#endif
