/* lacuna.h: lacuna in your own program.
 *
 * One lacuna_t is one Lua state on one libuv loop, its own or yours; any number may live in one process, each used by
 * one thread at a time. Whoever runs the loop runs lacuna: the scheduler hangs on handles of that loop, so a program
 * that calls uv_run on its own loop needs nothing else.
 *
 *     lacuna_t *runtime = lacuna_new(NULL);
 *     int status = lacuna_run_file(runtime, "script.lua", 0, NULL);
 *     lacuna_free(runtime);
 *
 * Ownership: strings passed in are copied, strings handed out live until the next call on the same runtime. */
#ifndef LACUNA_H
#define LACUNA_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LACUNA_VERSION "0.1.0"

#if defined(__GNUC__)
#define LACUNA_API __attribute__((visibility("default")))
#else
#define LACUNA_API
#endif

typedef struct lacuna lacuna_t;
struct lua_State;
struct uv_loop_s;

/* What a runtime is made with; all zero is the default. */
typedef struct lacuna_options {
  struct uv_loop_s *loop;          /* run on this loop, which must outlive the runtime; NULL: on a loop of its own */
  bool is_clock_virtual;           /* time jumps to the next deadline when nothing else can happen */
  unsigned long long shuffle_seed; /* other than 0: among what is runnable, choose at random from this seed */
  bool is_debug;                   /* report slow steps, coroutines never awaited, swallowed cancellations */
} lacuna_options;

/* The status a script ends with, as lacuna_run_file returns it. */
enum {
  LACUNA_OK = 0,
  LACUNA_FAILED = 1,        /* an error nobody caught, or a failed task nobody looked at */
  LACUNA_USAGE = 2,         /* the script cannot be read */
  LACUNA_INTERRUPTED = 130, /* lacuna_interrupt, and the script let the cancellation through */
};

/* Makes a runtime; options may be NULL. NULL if memory or file descriptors ran out. */
LACUNA_API lacuna_t *lacuna_new(const lacuna_options *options);

/* Runs a script to its end and returns its status; argv[0 .. argc-1] become arg[1 .. argc]. A path of "-" reads the
 * standard input. Runs the loop until the script's main task, and what it left behind, has ended. */
LACUNA_API int lacuna_run_file(lacuna_t *runtime, const char *path, int argc, char **argv);

/* The same with source text; `name` stands for it in messages, such as "=(command line)". */
LACUNA_API int lacuna_run_string(lacuna_t *runtime, const char *source, const char *name, int argc, char **argv);

/* Cancels the main task, as Ctrl-C does. May be called from any thread and from a signal handler. */
LACUNA_API void lacuna_interrupt(lacuna_t *runtime);

/* Has the tree of live tasks printed: name, what each waits for, and where. From any thread, and from a signal handler.
 */
LACUNA_API void lacuna_print_tasks(lacuna_t *runtime);

/* Closes every handle the runtime owns, runs the loop until their close callbacks ran, and frees it. NULL is ignored.
 */
LACUNA_API void lacuna_free(lacuna_t *runtime);

/* The runtime's Lua state, for what this interface does not offer. */
LACUNA_API struct lua_State *lacuna_lua_state(lacuna_t *runtime);

/* The version of the library that is running, "MAJOR.MINOR.PATCH". */
LACUNA_API const char *lacuna_version(void);

#ifdef __cplusplus
}
#endif
#endif
