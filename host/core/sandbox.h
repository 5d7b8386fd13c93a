/* sandbox: what a runtime's scripts may load.
 *
 * A sandboxed script is not kept from using things, it is not given them: lua/lacuna/async/sandbox.lua makes the table
 * of globals that it finds, and this file has require refuse the native modules that reach outside, by whichever of
 * lacuna's own modules they are asked for. */
#ifndef LAC_CORE_SANDBOX_H
#define LAC_CORE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* From the runtime's options. */
typedef struct lac_sandbox {
  bool is_sandboxed;
  const char *(*on_load)(void *data, const char *name, size_t *size);
  void *data;
} lac_sandbox;

/* Whether a native module may be loaded in the runtime of L. */
bool lac_sandbox_allows(lua_State *L, const char *name);

/* Opens `lacuna.native.sandbox`: is_sandboxed; load(name) → the program's source for a module, or nil. */
int luaopen_lacuna_native_sandbox(lua_State *L);

#endif
