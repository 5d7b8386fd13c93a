/* sandbox: what a runtime's scripts may load.
 *
 * A sandboxed script is not kept from using things, it is not given them: lua/lacuna/async/sandbox.lua makes the table
 * of globals that it finds, and this file has require refuse the modules of lacuna's that reach outside, by whichever
 * of the others they are asked for. */
#ifndef LAC_CORE_SANDBOX_H
#define LAC_CORE_SANDBOX_H

#include <lua.h>
#include <stdbool.h>
#include <stddef.h>

/* From the runtime's options. */
typedef struct lac_sandbox {
  unsigned withheld; /* LACUNA_NO_* */
  const char *(*on_load)(void *data, const char *name, size_t *size);
  void *data;
} lac_sandbox;

/* The flags, and those that each of them stands for besides. */
unsigned lac_sandbox_complete(unsigned flags);

/* The name of the flag for which a module of lacuna's is withheld in the runtime of L; NULL: it is not. */
const char *lac_sandbox_refusal(lua_State *L, const char *name);

/* Opens `lacuna.native.sandbox`: withheld, the set of the flags' names; refusal(module) → such a name, or nil;
 * load(name) → the program's source for a module, or nil. */
int luaopen_lacuna_native_sandbox(lua_State *L);

#endif
