/* lacuna.h: asynchronous Lua scripts in your own program.
 *
 *     lacuna_t *runtime = lacuna_new(NULL);
 *     int status = lacuna_run_file(runtime, "script.lua", 0, NULL);
 *     lacuna_free(runtime);
 *
 * Runtime   One lacuna_t is one Lua state on one libuv loop. Any number may live in one process; each is used by one
 *           thread at a time. It runs in one of three ways: the program waits (lacuna_run_file); the
 *           program runs its own uv loop, on which the runtime hangs (options.loop); or the program has a loop of
 *           another kind and gives the runtime a slice of it (lacuna_step, lacuna_backend_fd).
 *
 * Threads   lacuna_interrupt, lacuna_print_tasks and lacuna_new may be called from any thread; everything else by the
 *           thread that uses the runtime.
 * Errors    No function of this header prints, exits, raises or unwinds through a caller. What fails returns false,
 *           NULL or a status. What scripts write and what goes wrong in them goes to the callbacks in the options.
 * Strings   What is passed in is copied. What is handed out says how long it lives. */
#ifndef LACUNA_H
#define LACUNA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LACUNA_VERSION "0.1.0"
#define LACUNA_ABI     1 /* counts incompatible changes of this header; part of the shared library's name */

#if defined(__GNUC__)
#define LACUNA_API __attribute__((visibility("default")))
#else
#define LACUNA_API
#endif

typedef struct lacuna lacuna_t;
struct lua_State;
struct uv_loop_s;

/* How a script, a task or a call stands. */
typedef enum lacuna_status {
  LACUNA_PENDING = -1,      /* it has not ended */
  LACUNA_OK = 0,            /* it returned */
  LACUNA_FAILED = 1,        /* an error nobody caught; of a script also a failed task that nobody looked at */
  LACUNA_USAGE = 2,         /* the script cannot be read */
  LACUNA_CANCELLED = 3,     /* it was cancelled, and let the cancellation through */
  LACUNA_INTERRUPTED = 130, /* a script: lacuna_interrupt, and it let the cancellation through */
} lacuna_status;

/* ---- runtimes ---- */

/* An error of a script. The strings live as long as what handed it out; none is NULL. */
typedef struct lacuna_error {
  const char *class_name; /* "ValueError"; "Error" for a Lua value that is no error object */
  const char *message;    /* without the class */
  const char *traceback;  /* Lua stack of the raise, and the tasks that waited for it; "" if not known */
  const char *text;       /* all of it, with causes and grouped errors, as the command prints it */
} lacuna_error;

typedef enum lacuna_stream { LACUNA_STDOUT = 1, LACUNA_STDERR = 2 } lacuna_stream;

/* What a runtime is made with; all zero is the default. */
typedef struct lacuna_options {
  struct uv_loop_s *loop;          /* run on this loop, which must outlive the runtime; NULL: on a loop of its own */
  bool is_clock_virtual;           /* time jumps to the next deadline when nothing else can happen */
  unsigned long long shuffle_seed; /* other than 0: among what is runnable, choose at random from this seed */
  bool is_debug;                   /* report slow steps, coroutines never awaited, swallowed cancellations */

  /* Callbacks, on the thread that uses the runtime. They must not call the runtime. `data` is theirs. Each that is
   * NULL hands on to the next: an error to the log, the log to what the script writes on stderr, and that to the
   * process's own streams. */
  void *data;
  void (*on_error)(void *data, const char *context, const lacuna_error *error); /* an error that nobody handles */
  void (*on_log)(void *data, const char *text);                                 /* a report, without a newline */
  void (*on_output)(void *data, lacuna_stream stream, const char *bytes,
                    size_t size); /* print, io.write and the like */
} lacuna_options;

/* Makes a runtime; options may be NULL. NULL if memory or file descriptors ran out. */
LACUNA_API lacuna_t *lacuna_new(const lacuna_options *options);

/* Ends the runtime at once: no script runs any more, every handle on the loop is closed. A runtime on the program's
 * loop has left it when this returns. NULL is ignored. Not from within a callback. */
LACUNA_API void lacuna_free(lacuna_t *runtime);

/* The version of the library that is running, "MAJOR.MINOR.PATCH", and its LACUNA_ABI. */
LACUNA_API const char *lacuna_version(void);
LACUNA_API int lacuna_abi(void);

/* The runtime's Lua state, for what this interface does not offer; and its uv loop. */
LACUNA_API struct lua_State *lacuna_lua_state(lacuna_t *runtime);
LACUNA_API struct uv_loop_s *lacuna_loop(lacuna_t *runtime);

/* ---- running ---- */

/* Runs a script to its end and returns its status; argv[0 .. argc-1] become arg[1 .. argc]. A path of "-" reads the
 * standard input. Runs the loop until the script's main task, and what it left behind, has ended. */
LACUNA_API int lacuna_run_file(lacuna_t *runtime, const char *path, int argc, char **argv);

/* The same with source text; `name` stands for it in messages, such as "=(command line)". */
LACUNA_API int lacuna_run_string(lacuna_t *runtime, const char *source, const char *name, int argc, char **argv);

/* Runs what is ready and never blocks: for a program with a loop of its own kind. Begins nothing new after `budget_ns`
 * nanoseconds, but finishes what it has begun. True if more is ready. Not from within a callback. */
LACUNA_API bool lacuna_step(lacuna_t *runtime, uint64_t budget_ns);

/* What that loop waits for between two steps: a descriptor that becomes readable (for select, poll, epoll, kqueue) and
 * the time after which a step is due, in milliseconds: 0 at once, -1 never. */
LACUNA_API int lacuna_backend_fd(lacuna_t *runtime);
LACUNA_API int lacuna_backend_timeout(lacuna_t *runtime);

/* Cancels the main task of a script that lacuna_run_* runs, as Ctrl-C does. Async-signal-safe, from any thread. */
LACUNA_API void lacuna_interrupt(lacuna_t *runtime);

/* Has the tree of live tasks written to the log: name, what each waits for, and where. Async-signal-safe, from any
 * thread. */
LACUNA_API void lacuna_print_tasks(lacuna_t *runtime);

#ifdef __cplusplus
}
#endif
#endif
