#include "core/sandbox.h"

#include <lauxlib.h>
#include <string.h>

#include "core/runtime.h"

static const struct {
  const char *name;
  unsigned flag, implied;
} flags[] = {
    {"LACUNA_NO_FFI", LACUNA_NO_FFI, LACUNA_NO_BYTECODE}, /* crafted bytecode reaches all memory */
    {"LACUNA_NO_BYTECODE", LACUNA_NO_BYTECODE, LACUNA_NO_FFI},
    {"LACUNA_NO_OS", LACUNA_NO_OS, LACUNA_NO_FFI | LACUNA_NO_BYTECODE},
    {"LACUNA_NO_NET", LACUNA_NO_NET, LACUNA_NO_OS | LACUNA_NO_FFI | LACUNA_NO_BYTECODE},
    {"LACUNA_NO_FS", LACUNA_NO_FS, LACUNA_NO_OS | LACUNA_NO_FFI | LACUNA_NO_BYTECODE},
};

enum { FLAG_COUNT = sizeof flags / sizeof *flags };

/* What reaches outside by which flag. A native module that is in neither list is LACUNA_NO_FFI's. */
static const struct {
  const char *name; /* of a module, and of what is below it */
  unsigned flag;
} modules[] = {
    {"lacuna.exec", LACUNA_NO_FFI},
    {"lacuna.native.signals", LACUNA_NO_OS},
    {"lacuna.io.signals", LACUNA_NO_OS},
    {"lacuna.http", LACUNA_NO_NET},
    {"lacuna.requests", LACUNA_NO_NET},
    {"lacuna.native.curl", LACUNA_NO_NET},
    {"lacuna.native.charset", LACUNA_NO_NET},
    {"lacuna.stdin", LACUNA_NO_FS},
    {"lacuna.stdout", LACUNA_NO_FS},
    {"luv", LACUNA_NO_FS},
    {"lacuna.cli", LACUNA_NO_FFI},
};

static const char *const safe_modules[] = {
    "lacuna.native.build",  "lacuna.native.charset",   "lacuna.native.clock",
    "lacuna.native.embed",  "lacuna.native.interrupt", "lacuna.native.json",
    "lacuna.native.output", "lacuna.native.sandbox",   "lacuna.native.scheduler",
};

unsigned lac_sandbox_complete(unsigned given) {
  unsigned all = given;
  for (int i = 0; i < FLAG_COUNT; i++)
    if (given & flags[i].flag) all |= flags[i].implied;
  return all;
}

static unsigned flag_of(const char *name) {
  for (size_t i = 0; i < sizeof modules / sizeof *modules; i++) {
    size_t size = strlen(modules[i].name);
    if (strncmp(name, modules[i].name, size) == 0 && (!name[size] || name[size] == '.')) return modules[i].flag;
  }
  for (size_t i = 0; i < sizeof safe_modules / sizeof *safe_modules; i++)
    if (strcmp(name, safe_modules[i]) == 0) return 0;
  return strncmp(name, "lacuna.native.", strlen("lacuna.native.")) == 0 ? LACUNA_NO_FFI : 0;
}

const char *lac_sandbox_refusal(lua_State *L, const char *name) {
  unsigned withheld = lac_runtime_sandbox(lac_runtime(L))->withheld;
  unsigned flag = withheld ? flag_of(name) & withheld : 0;
  for (int i = 0; i < FLAG_COUNT; i++)
    if (flags[i].flag == flag) return flags[i].name;
  return NULL;
}

static int l_refusal(lua_State *L) {
  lua_pushstring(L, lac_sandbox_refusal(L, luaL_checkstring(L, 1))); /* nil for NULL */
  return 1;
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
  unsigned withheld = lac_runtime_sandbox(lac_runtime(L))->withheld;
  static const luaL_Reg functions[] = {{"load", l_load}, {"refusal", l_refusal}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_newtable(L);
  for (int i = 0; i < FLAG_COUNT; i++) {
    if (!(withheld & flags[i].flag)) continue;
    lua_pushboolean(L, 1);
    lua_setfield(L, -2, flags[i].name);
  }
  lua_setfield(L, -2, "withheld");
  return 1;
}
