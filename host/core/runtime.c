/* runtime: one Lua state on one libuv loop, opened and closed in numbered steps. */
#include "core/runtime.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdlib.h>

#include "core/driver.h"
#include "core/luax.h"
#include "core/modules.h"
#include "core/output.h"
#include "core/recursion.h"

enum { BUSY_MS = 250 }; /* a step that goes on for so long after lacuna_interrupt is broken off */

struct lacuna {
  lua_State *L;
  uv_loop_t *uv;      /* own_loop, or the program's */
  uv_loop_t own_loop; /* in use if uv points to it */
  lac_driver *driver;
  lac_output *output;
  void *embedding; /* the state of host/embed; NULL until the program uses it */
  lac_interrupt *interrupt;
  lac_memory memory;
  lac_sandbox sandbox;
  lac_closer closers; /* head of a ring; next is the newest */
  bool is_closing;
  bool is_finished; /* the script that lacuna_run_* runs has ended, with: */
  int status;
};

static const char registry_key; /* its address is the registry's key for the runtime */

lacuna_t *lac_runtime(lua_State *L) {
  lua_pushlightuserdata(L, (void *)&registry_key);
  lua_rawget(L, LUA_REGISTRYINDEX);
  lacuna_t *runtime = lua_touserdata(L, -1);
  lua_pop(L, 1);
  return runtime;
}

lua_State *lac_state(lacuna_t *runtime) {
  return runtime->L;
}

uv_loop_t *lac_uv_loop(lacuna_t *runtime) {
  return runtime->uv;
}

lac_scheduler *lac_runtime_scheduler(lacuna_t *runtime) {
  return lac_driver_scheduler(runtime->driver);
}

lac_driver *lac_runtime_driver(lacuna_t *runtime) {
  return runtime->driver;
}

lac_output *lac_runtime_output(lacuna_t *runtime) {
  return runtime->output;
}

void **lac_runtime_embedding(lacuna_t *runtime) {
  return &runtime->embedding;
}

const lac_sandbox *lac_runtime_sandbox(lacuna_t *runtime) {
  return &runtime->sandbox;
}

lac_memory *lac_runtime_memory(lacuna_t *runtime) {
  return &runtime->memory;
}

lac_interrupt *lac_runtime_interrupt(lacuna_t *runtime) {
  return runtime->interrupt;
}

bool lac_is_closing(const lacuna_t *runtime) {
  return runtime->is_closing;
}

void lac_add_closer(lacuna_t *runtime, lac_closer *closer) {
  closer->previous = &runtime->closers;
  closer->next = runtime->closers.next;
  closer->next->previous = closer;
  runtime->closers.next = closer;
}

void lac_remove_closer(lacuna_t *runtime, lac_closer *closer) {
  (void)runtime;
  closer->previous->next = closer->next;
  closer->next->previous = closer->previous;
  closer->next = closer->previous = NULL;
}

/* os.exit in a program that has not said that a script may end it. */
static int l_refuse_exit(lua_State *L) {
  return luaL_error(L, "os.exit: a script cannot end the program that it runs in");
}

static void forbid_exit(lua_State *L) {
  lua_getglobal(L, "os");
  lua_pushcfunction(L, l_refuse_exit);
  lua_setfield(L, -2, "exit");
  lua_pop(L, 1);
}

/* The part of opening that may raise a Lua error: options on the stack as a light userdata. */
static int open_state(lua_State *L) {
  lacuna_t *runtime = lac_runtime(L);
  const lacuna_options *options = lua_touserdata(L, 1);
  lua_gc(L, LUA_GCSTOP, 0); /* all that is made until the script starts lives as long as the runtime */
  luaL_openlibs(L);
  if (!options->can_exit) forbid_exit(L);
  lac_output_install(L, runtime->output);
  lac_open_modules(L);
  lac_memory_open(&runtime->memory, L, options->memory_limit_bytes, runtime->interrupt);
  lac_limit_recursion(L);
  lac_interrupt_open(runtime->interrupt, L, options->step_limit_ms / 1e3);
  lac_require(L, "lacuna.utf8");
  lua_setglobal(L, "utf8");
  runtime->driver = lac_driver_open(runtime, L, runtime->uv, options);
  if (!runtime->driver) return luaL_error(L, "out of memory or file descriptors");
  lua_pushboolean(L, options->is_debug);
  lua_setfield(L, LUA_REGISTRYINDEX, "lacuna.debug");
  return 0;
}

lacuna_t *lacuna_new(const lacuna_options *options) {
  static const lacuna_options defaults = {0};
  if (!options) options = &defaults;
  lacuna_t *runtime = calloc(1, sizeof *runtime); /* 1: memory */
  if (!runtime) return NULL;
  runtime->closers.next = runtime->closers.previous = &runtime->closers;
  runtime->output = lac_output_new(options);
  if (!runtime->output) {
    free(runtime);
    return NULL;
  }
  runtime->uv = options->loop; /* 2: the loop */
  if (!runtime->uv) {
    if (uv_loop_init(&runtime->own_loop) < 0) {
      lac_output_free(runtime->output);
      free(runtime);
      return NULL;
    }
    runtime->uv = &runtime->own_loop;
  }
  runtime->sandbox = (lac_sandbox){lac_sandbox_complete(options->sandbox), options->on_load, options->data};
  runtime->interrupt = lac_interrupt_new();
  runtime->L = luaL_newstate(); /* 3: the state */
  if (runtime->L && runtime->interrupt) {
    lua_pushlightuserdata(runtime->L, (void *)&registry_key);
    lua_pushlightuserdata(runtime->L, runtime);
    lua_rawset(runtime->L, LUA_REGISTRYINDEX);
    if (lua_cpcall(runtime->L, open_state, (void *)options) == 0) return runtime; /* 4: libraries, scheduler */
  }
  lacuna_free(runtime);
  return NULL;
}

/* Runs the loop for as long as closing handles, and requests on libuv's threads, still owe their callback. On a loop of
 * the program's own other things may go on for ever: there it is only given the turns that a close takes. */
static void run_close_callbacks(lacuna_t *runtime) {
  if (runtime->uv == &runtime->own_loop) {
    uv_run(runtime->uv, UV_RUN_DEFAULT);
    return;
  }
  for (int turn = 0; turn < 8 && uv_run(runtime->uv, UV_RUN_NOWAIT); turn++) continue;
}

void lacuna_free(lacuna_t *runtime) {
  if (!runtime) return;
  if (runtime->driver && lac_driver_is_inside(runtime->driver)) {
    lac_output_log(runtime->output, "lacuna_free: called from within a callback");
    return;
  }
  runtime->is_closing = true;
  if (runtime->driver) { /* 1: nothing resumes a task from here on, no callback reaches Lua */
    lac_driver_close(runtime->driver);
    while (runtime->closers.next != &runtime->closers) { /* 2: native modules close their handles */
      lac_closer *closer = runtime->closers.next;
      lac_remove_closer(runtime, closer);
      closer->close(closer);
    }
    lac_close_luv(runtime); /* 3: so do the script's own */
    run_close_callbacks(runtime);
  }
  lac_memory_close(&runtime->memory);
  if (runtime->L) lua_close(runtime->L); /* 4: the state; finalizers may still close handles */
  lac_output_free(runtime->output);
  lac_driver_free(runtime->driver);
  lac_interrupt_free(runtime->interrupt);
  if (runtime->uv == &runtime->own_loop) { /* 5: the loop */
    while (uv_loop_close(runtime->uv) == UV_EBUSY) uv_run(runtime->uv, UV_RUN_ONCE);
  }
  free(runtime);
}

lua_State *lacuna_lua_state(lacuna_t *runtime) {
  return runtime->L;
}

uv_loop_t *lacuna_loop(lacuna_t *runtime) {
  return runtime->uv;
}

const char *lacuna_version(void) {
  return LACUNA_VERSION;
}

int lacuna_abi(void) {
  return LACUNA_ABI;
}

void lacuna_interrupt(lacuna_t *runtime) {
  lac_driver_send(runtime->driver, LAC_HOOK_INTERRUPTED);
  lac_interrupt_step(runtime->interrupt, BUSY_MS);
}

void lacuna_print_tasks(lacuna_t *runtime) {
  lac_driver_send(runtime->driver, LAC_HOOK_TREE);
}

/* finish(status): the main task has ended and nothing that it left runs any more. */
static int l_finish(lua_State *L) {
  lacuna_t *runtime = lua_touserdata(L, lua_upvalueindex(1));
  runtime->status = (int)lua_tointeger(L, 1);
  runtime->is_finished = true;
  uv_stop(runtime->uv); /* the turn that is under way would wait for handles that the script left open */
  return 0;
}

typedef struct script {
  lacuna_t *runtime;
  const char *kind; /* "file" or "string" */
  const char *source, *name;
  int argc;
  char **argv;
} script;

static int start_script(lua_State *L) {
  const script *script = lua_touserdata(L, 1);
  lac_require(L, "lacuna.async.main");
  lua_gc(L, LUA_GCRESTART, -1);
  lua_pushstring(L, script->kind);
  lua_pushstring(L, script->source);
  lua_pushstring(L, script->name);
  lua_createtable(L, script->argc, 0);
  for (int i = 0; i < script->argc; i++) {
    lua_pushstring(L, script->argv[i]);
    lua_rawseti(L, -2, i + 1);
  }
  lua_pushlightuserdata(L, script->runtime);
  lua_pushcclosure(L, l_finish, 1);
  lua_call(L, 5, 0);
  return 0;
}

static bool has_finished(void *data) {
  const lacuna_t *runtime = data;
  return runtime->is_finished;
}

static int run_script(script *script) {
  lacuna_t *runtime = script->runtime;
  runtime->is_finished = false;
  runtime->status = LACUNA_FAILED;
  if (lac_driver_is_inside(runtime->driver)) {
    lac_output_log(runtime->output, "lacuna_run_file, lacuna_run_string: called from within a callback");
    return LACUNA_FAILED;
  }
  if (lua_cpcall(runtime->L, start_script, script) != 0) {
    const char *message = lua_tostring(runtime->L, -1);
    lac_output_log(runtime->output, message ? message : "an error that is no string");
    lua_pop(runtime->L, 1);
    return LACUNA_FAILED;
  }
  lac_driver_run(runtime->driver, has_finished, runtime, -1, true);
  return runtime->status;
}

int lacuna_run_file(lacuna_t *runtime, const char *path, int argc, char **argv) {
  return run_script(&(script){runtime, "file", path, path, argc, argv});
}

int lacuna_run_string(lacuna_t *runtime, const char *source, const char *name, int argc, char **argv) {
  return run_script(&(script){runtime, "string", source, name, argc, argv});
}

bool lacuna_step(lacuna_t *runtime, uint64_t budget_ns) {
  if (!lac_driver_is_inside(runtime->driver)) return lac_driver_step(runtime->driver, budget_ns);
  lac_output_log(runtime->output, "lacuna_step: called from within a callback");
  return false;
}

int lacuna_backend_fd(lacuna_t *runtime) {
  return uv_backend_fd(runtime->uv);
}

int lacuna_backend_timeout(lacuna_t *runtime) {
  return lac_driver_timeout(runtime->driver);
}
