#include "core/sandbox.h"

#include <lauxlib.h>
#include <string.h>

#include "core/runtime.h"

/* What a sandboxed script may reach through lacuna: nothing that opens, connects, starts or measures from outside. */
static const char *const safe_modules[] = {
    "lacuna.native.build", "lacuna.native.clock",  "lacuna.native.embed",   "lacuna.native.interrupt",
    "lacuna.native.json",  "lacuna.native.output", "lacuna.native.sandbox", "lacuna.native.scheduler",
};

bool lac_sandbox_allows(lua_State *L, const char *name) {
  if (!lac_runtime_sandbox(lac_runtime(L))->is_sandboxed) return true;
  for (size_t i = 0; i < sizeof safe_modules / sizeof *safe_modules; i++)
    if (strcmp(name, safe_modules[i]) == 0) return true;
  return false;
}

/* load(name) → source text or nil: what the program has under that name. */
static int l_load(lua_State *L) {
  const lac_sandbox *sandbox = lac_runtime_sandbox(lac_runtime(L));
  size_t size = 0;
  const char *source = sandbox->on_load ? sandbox->on_load(sandbox->data, luaL_checkstring(L, 1), &size) : NULL;
  if (!source) return 0;
  lua_pushlstring(L, source, size);
  return 1;
}

int luaopen_lacuna_native_sandbox(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushcfunction(L, l_load);
  lua_setfield(L, -2, "load");
  lua_pushboolean(L, lac_runtime_sandbox(lac_runtime(L))->is_sandboxed);
  lua_setfield(L, -2, "is_sandboxed");
  return 1;
}
