/* modules: one searcher for everything that ships inside the binary. */
#define _GNU_SOURCE /* dladdr */
#include "core/modules.h"

#include <dlfcn.h>
#include <lauxlib.h>
#include <stdlib.h>
#include <string.h>

#include "core/runtime.h"
#include "core/sandbox.h"

/* Opens `lacuna.native.build`: the version, and the names of the embedded Lua modules, sorted. */
static int open_build(lua_State *L) {
  lua_createtable(L, 0, 2);
  lua_pushstring(L, lacuna_version());
  lua_setfield(L, -2, "version");
  lua_createtable(L, (int)lac_embedded_count, 0);
  for (size_t i = 0; i < lac_embedded_count; i++) {
    lua_pushstring(L, lac_embedded_modules[i].name);
    lua_rawseti(L, -2, (int)i + 1);
  }
  lua_setfield(L, -2, "modules");
  return 1;
}

/* One row a native module: nothing else in the host knows them. */
static const luaL_Reg native_modules[] = {
    {"lacuna.native.build", open_build},
    {"lacuna.native.charset", luaopen_lacuna_native_charset},
    {"lacuna.native.clock", luaopen_lacuna_native_clock},
    {"lacuna.native.curl", luaopen_lacuna_native_curl},
    {"lacuna.native.embed", luaopen_lacuna_native_embed},
    {"lacuna.native.interrupt", luaopen_lacuna_native_interrupt},
    {"lacuna.native.json", luaopen_lacuna_native_json},
    {"lacuna.native.lineedit", luaopen_lacuna_native_lineedit},
    {"lacuna.native.output", luaopen_lacuna_native_output},
    {"lacuna.native.sandbox", luaopen_lacuna_native_sandbox},
    {"lacuna.native.scheduler", luaopen_lacuna_native_scheduler},
    {"lacuna.native.shared_memory", luaopen_lacuna_native_shared_memory},
    {"lacuna.native.signals", luaopen_lacuna_native_signals},
    {"lacuna.native.worker", luaopen_lacuna_native_worker},
    {"lacuna.native.worker_process", luaopen_lacuna_native_worker_process},
    {"luv", luaopen_lacuna_native_luv},
};

static int compare_name(const void *name, const void *module) {
  return strcmp(name, ((const lac_embedded *)module)->name);
}

/* Pushes the chunk of `name` from the sources below `directory` and returns 1; 0 if it is not there. */
static int load_source(lua_State *L, const char *directory, const char *name) {
  static const char *const patterns[] = {"%s/%s.lua", "%s/%s/init.lua"};
  const char *path = luaL_gsub(L, name, ".", "/");
  for (int i = 0; i < 2; i++) {
    lua_pushfstring(L, patterns[i], directory, path);
    int status = luaL_loadfile(L, lua_tostring(L, -1));
    if (status == 0) return 1;
    if (status != LUA_ERRFILE) return lua_error(L);
  }
  return 0;
}

static int l_search(lua_State *L) {
  const char *name = luaL_checkstring(L, 1);
  const char *refusal = lac_sandbox_refusal(L, name);
  if (refusal) return luaL_error(L, "%s is withheld from this script by the program (%s)", name, refusal);
  for (size_t i = 0; i < sizeof native_modules / sizeof *native_modules; i++) {
    if (strcmp(name, native_modules[i].name) == 0) {
      lua_pushcfunction(L, native_modules[i].func);
      return 1;
    }
  }
  const lac_embedded *module = bsearch(name, lac_embedded_modules, lac_embedded_count, sizeof *module, compare_name);
  if (!module) {
    lua_pushfstring(L, "\n\tno module '%s' inside lacuna", name);
    return 1;
  }
  const char *directory = getenv("LACUNA_LUA");
  if (directory && load_source(L, directory, name)) return 1; /* the build's own doc_index is no source */
  lua_pushfstring(L, "=[%s]", name); /* kernel/traceback.lua leaves frames of such chunks out */
  if (luaL_loadbuffer(L, (const char *)module->code, module->size_bytes, lua_tostring(L, -1)) != 0) return lua_error(L);
  return 1;
}

/* Lets C modules find Lua's functions. They look among what is global, and a program that opens liblacuna.so itself, as
 * Python's ctypes does, has LuaJIT's library loaded, but not for others to see. */
static void publish_lua(void) {
  int (*function)(lua_State *) = lua_gettop;
  void *address = NULL;
  memcpy(&address, &function, sizeof address); /* ISO C has no cast for it */
  Dl_info library;
  if (dladdr(address, &library)) dlopen(library.dli_fname, RTLD_NOW | RTLD_GLOBAL | RTLD_NOLOAD);
}

void lac_open_modules(lua_State *L) {
  publish_lua();
  lua_getglobal(L, "package");
  lua_getfield(L, -1, "loaders");
  for (int i = (int)lua_objlen(L, -1); i >= 2; i--) { /* after package.preload, before the file system */
    lua_rawgeti(L, -1, i);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushcfunction(L, l_search);
  lua_rawseti(L, -2, 2);
  lua_pop(L, 2);
}
