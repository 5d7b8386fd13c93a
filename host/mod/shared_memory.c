/* shared_memory: memory that several Lua states see, of this process or another, and atomic operations on it.
 *
 * create(size_bytes) → memory; open(pid, descriptor, inode, size_bytes) → memory: one that another state created
 * memory:address() → light userdata; memory:handle() → pid, descriptor, inode, size_bytes; memory:close()
 * operations: {int32 = {add =, load =, store =, compare_exchange =}, …} pointers to C functions, for the FFI
 *
 * A memory is a file without a name. Each state that has it holds a descriptor and a mapping of its own, so that
 * nothing is shared but the bytes: the kernel counts the holders. The handle tells another state where to open the file
 * again, as long as its sender holds it; the inode tells whether it is still that file. Fails with nil, code, message.
 */
#define _GNU_SOURCE /* memfd_create */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include "core/modules.h"

#define METATABLE "lacuna.native.shared_memory"

typedef struct memory {
  void *bytes; /* NULL once closed */
  size_t size;
  int descriptor; /* -1 once closed */
  ino_t inode;
} memory;

static void close_memory(memory *m) {
  if (m->bytes) munmap(m->bytes, m->size);
  if (m->descriptor >= 0) close(m->descriptor);
  m->bytes = NULL;
  m->descriptor = -1;
}

static memory *check_memory(lua_State *L) {
  memory *m = luaL_checkudata(L, 1, METATABLE);
  luaL_argcheck(L, m->bytes, 1, "the shared memory is closed");
  return m;
}

/* Pushes a memory that nothing is mapped to yet: what is opened from here on has an owner. */
static memory *push_memory(lua_State *L, size_t size) {
  memory *m = lua_newuserdata(L, sizeof *m);
  *m = (memory){.size = size, .descriptor = -1};
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  return m;
}

static int fail(lua_State *L, int code) {
  lua_pushnil(L);
  lua_pushstring(L, uv_err_name(-code));
  lua_pushstring(L, uv_strerror(-code));
  return 3;
}

/* Maps the descriptor of the memory on top of the stack; returns what the C function returns. */
static int map(lua_State *L, memory *m) {
  struct stat status;
  if (fstat(m->descriptor, &status) != 0) return fail(L, errno);
  m->inode = status.st_ino;
  void *bytes = mmap(NULL, m->size, PROT_READ | PROT_WRITE, MAP_SHARED, m->descriptor, 0);
  if (bytes == MAP_FAILED) return fail(L, errno);
  m->bytes = bytes;
  return 1;
}

static size_t check_size(lua_State *L, int index) {
  lua_Number size = luaL_checknumber(L, index);
  luaL_argcheck(L, size >= 1 && size <= 0x1p47, index, "not a size in bytes");
  return (size_t)size;
}

static int l_create(lua_State *L) {
  memory *m = push_memory(L, check_size(L, 1));
  m->descriptor = memfd_create("lacuna", MFD_CLOEXEC);
  if (m->descriptor < 0) return fail(L, errno);
  if (ftruncate(m->descriptor, (off_t)m->size) != 0) return fail(L, errno);
  return map(L, m);
}

static int l_open(lua_State *L) {
  long pid = (long)luaL_checknumber(L, 1);
  int descriptor = luaL_checkint(L, 2);
  ino_t inode = (ino_t)luaL_checknumber(L, 3);
  memory *m = push_memory(L, check_size(L, 4));
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld/fd/%d", pid, descriptor);
  m->descriptor = open(path, O_RDWR | O_CLOEXEC);
  if (m->descriptor < 0) return fail(L, errno);
  struct stat status;
  if (fstat(m->descriptor, &status) != 0) return fail(L, errno);
  if (status.st_ino != inode || status.st_size != (off_t)m->size) return fail(L, ESTALE);
  return map(L, m);
}

static int l_address(lua_State *L) {
  lua_pushlightuserdata(L, check_memory(L)->bytes);
  return 1;
}

static int l_handle(lua_State *L) {
  memory *m = check_memory(L);
  lua_pushnumber(L, (lua_Number)getpid());
  lua_pushnumber(L, (lua_Number)m->descriptor);
  lua_pushnumber(L, (lua_Number)m->inode);
  lua_pushnumber(L, (lua_Number)m->size);
  return 4;
}

static int l_close(lua_State *L) {
  close_memory(luaL_checkudata(L, 1, METATABLE));
  return 0;
}

/* One set of operations a type. All are sequentially consistent; `add` and `compare_exchange` give what was there. */
#define DEFINE_COMMON(T, name)                                                                                         \
  static T name##_load(T *p) {                                                                                         \
    T value;                                                                                                           \
    __atomic_load(p, &value, __ATOMIC_SEQ_CST);                                                                        \
    return value;                                                                                                      \
  }                                                                                                                    \
  static void name##_store(T *p, T value) {                                                                            \
    __atomic_store(p, &value, __ATOMIC_SEQ_CST);                                                                       \
  }                                                                                                                    \
  static T name##_compare_exchange(T *p, T expected, T value) {                                                        \
    __atomic_compare_exchange(p, &expected, &value, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);                        \
    return expected;                                                                                                   \
  }

#define DEFINE_INTEGER(T, name)                                                                                        \
  DEFINE_COMMON(T, name)                                                                                               \
  static T name##_add(T *p, T amount) {                                                                                \
    return __atomic_fetch_add(p, amount, __ATOMIC_SEQ_CST);                                                            \
  }

DEFINE_INTEGER(int32_t, int32)
DEFINE_INTEGER(uint32_t, uint32)
DEFINE_INTEGER(int64_t, int64)
DEFINE_INTEGER(uint64_t, uint64)
DEFINE_COMMON(double, double)

static double double_add(double *p, double amount) {
  double before = double_load(p), after;
  do after = before + amount;
  while (!__atomic_compare_exchange(p, &before, &after, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST));
  return before;
}

/* Lua gets a function's address as light userdata, which C has no cast for. */
static void set_function(lua_State *L, const char *name, void (*function)(void)) {
  void *address;
  memcpy(&address, &function, sizeof address);
  lua_pushlightuserdata(L, address);
  lua_setfield(L, -2, name);
}

#define SET_OPERATIONS(L, name)                                                                                        \
  do {                                                                                                                 \
    lua_newtable(L);                                                                                                   \
    set_function(L, "add", (void (*)(void))name##_add);                                                                \
    set_function(L, "load", (void (*)(void))name##_load);                                                              \
    set_function(L, "store", (void (*)(void))name##_store);                                                            \
    set_function(L, "compare_exchange", (void (*)(void))name##_compare_exchange);                                      \
    lua_setfield(L, -2, #name);                                                                                        \
  } while (0)

int luaopen_lacuna_native_shared_memory(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"address", l_address}, {"handle", l_handle}, {"close", l_close}, {"__gc", l_close}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  static const luaL_Reg functions[] = {{"create", l_create}, {"open", l_open}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_newtable(L);
  SET_OPERATIONS(L, int32);
  SET_OPERATIONS(L, uint32);
  SET_OPERATIONS(L, int64);
  SET_OPERATIONS(L, uint64);
  SET_OPERATIONS(L, double);
  lua_setfield(L, -2, "operations");
  return 1;
}
