/* worker_process: `lacuna.native.worker_process`, what a pool of processes needs of the system beside luv.
 *
 * guard(pid), release(pid): a child that is guarded is killed and reaped at the runtime's end
 * executable() → the path of the command, which children run
 * become_worker(parent, descriptor): in a child: it dies when the parent does, leaves Ctrl-C to it, and keeps of what
 * it inherited the standard files and the descriptor alone
 * receive_soon(descriptor) → what has arrived in a socket, or does within a moment; nil if nothing does
 *
 * Ownership: a runtime's guards are its binding's, which lacuna_free frees. */
#define _GNU_SOURCE /* RTLD_DEFAULT */
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <lauxlib.h>
#include <lua.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/luax.h"
#include "core/modules.h"
#include "core/patience.h"
#include "core/runtime.h"

/* The functions' upvalue. */
typedef struct binding {
  lac_closer closer; /* first: on_runtime_close casts */
  pid_t *pids;
  size_t count, capacity;
  lac_patience patience; /* of receive_soon */
} binding;

static binding *get_binding(lua_State *L) {
  luaL_argcheck(L, !lac_is_closing(lac_runtime(L)), 1, "the runtime is closing");
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* The only wait here: SIGKILL is not put off, so a child is gone at once, whatever it was at. */
static void on_runtime_close(lac_closer *closer) {
  binding *b = (binding *)closer;
  for (size_t i = 0; i < b->count; i++) kill(b->pids[i], SIGKILL);
  for (size_t i = 0; i < b->count; i++) {
    while (waitpid(b->pids[i], NULL, 0) < 0 && errno == EINTR) continue;
  }
  free(b->pids);
  free(b);
}

static int l_guard(lua_State *L) {
  binding *b = get_binding(L);
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  if (b->count == b->capacity) {
    size_t capacity = 2 * b->capacity + 8;
    pid_t *pids = realloc(b->pids, capacity * sizeof *pids);
    if (!pids) lac_raise_memory(L);
    b->pids = pids;
    b->capacity = capacity;
  }
  b->pids[b->count++] = pid;
  return 0;
}

static int l_release(lua_State *L) {
  binding *b = get_binding(L);
  pid_t pid = (pid_t)luaL_checkinteger(L, 1);
  for (size_t i = 0; i < b->count; i++) {
    if (b->pids[i] != pid) continue;
    b->pids[i] = b->pids[--b->count];
    break;
  }
  return 0;
}

/* A program that embeds lacuna is not the command, and says where that is. */
static int l_executable(lua_State *L) {
  const char *path = getenv("LACUNA_EXECUTABLE");
  if (!path) path = dlsym(RTLD_DEFAULT, "lacuna_is_command") ? "/proc/self/exe" : "lacuna";
  lua_pushstring(L, path);
  return 1;
}

/* What came through exec is open there because nobody had marked it; all that this runtime opened is marked. */
static void close_inherited(int kept) {
  DIR *folder = opendir("/proc/self/fd");
  if (!folder) return;
  for (struct dirent *entry; (entry = readdir(folder));) {
    int descriptor = (int)strtol(entry->d_name, NULL, 10); /* 0 for "." and ".." */
    if (descriptor <= STDERR_FILENO || descriptor == kept) continue;
    int flags = fcntl(descriptor, F_GETFD);
    if (flags >= 0 && !(flags & FD_CLOEXEC)) close(descriptor);
  }
  closedir(folder);
}

static int l_become_worker(lua_State *L) {
  pid_t parent = (pid_t)luaL_checkinteger(L, 1);
  int descriptor = luaL_checkint(L, 2);
  if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0) return luaL_error(L, "prctl: errno %d", errno);
  if (getppid() != parent) _exit(EXIT_FAILURE); /* it died before */
  prctl(PR_SET_NAME, "lacuna worker");
  signal(SIGINT, SIG_IGN); /* the terminal tells the parent, too, who knows what to end */
  signal(SIGQUIT, SIG_IGN);
  close_inherited(descriptor);
  fcntl(descriptor, F_SETFD, FD_CLOEXEC);
  return 0;
}

typedef struct reception {
  int descriptor;
  ssize_t size;
  char bytes[4096];
} reception;

static bool has_received(void *data) {
  reception *r = data;
  r->size = recv(r->descriptor, r->bytes, sizeof r->bytes, MSG_DONTWAIT);
  return r->size >= 0 || errno != EAGAIN;
}

/* The end of the stream, and errors, are left for the loop to find. */
static int l_receive_soon(lua_State *L) {
  reception r = {.descriptor = luaL_checkint(L, 1)};
  if (!lac_look(&get_binding(L)->patience, has_received, &r) || r.size <= 0) return 0;
  lua_pushlstring(L, r.bytes, (size_t)r.size);
  return 1;
}

int luaopen_lacuna_native_worker_process(lua_State *L) {
  static const luaL_Reg functions[] = {{"guard", l_guard},
                                       {"release", l_release},
                                       {"executable", l_executable},
                                       {"become_worker", l_become_worker},
                                       {"receive_soon", l_receive_soon},
                                       {NULL, NULL}};
  binding *b = calloc(1, sizeof *b);
  if (!b) lac_raise_memory(L);
  b->closer.close = on_runtime_close;
  lac_add_closer(lac_runtime(L), &b->closer);
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushlightuserdata(L, b);
    lua_pushcclosure(L, function->func, 1);
    lua_setfield(L, -2, function->name);
  }
  return 1;
}
