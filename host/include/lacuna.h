/* lacuna.h: asynchronous Lua scripts in your own program.
 *
 *     lacuna_t *runtime = lacuna_new(NULL);
 *     int status = lacuna_run_file(runtime, "script.lua", 0, NULL);
 *     lacuna_free(runtime);
 *
 * Runtime   One lacuna_t is one Lua state on one libuv loop. Any number may live in one process; each is used by one
 *           thread at a time. It runs in one of three ways: the program waits (lacuna_run_file, lacuna_task_wait); the
 *           program runs its own uv loop, on which the runtime hangs (options.loop); or the program has a loop of
 *           another kind and gives the runtime a slice of it (lacuna_step, lacuna_backend_fd).
 * Task      A call of a Lua function that may suspend. lacuna_spawn starts one; its handle outlives it.
 * Value     What passes between C and Lua. The program never sees the Lua stack.
 * Call      A call of a C function by a script. It is completed once: before the function returns, or later, from any
 *           thread; the script awaits it meanwhile.
 *
 * Threads   lacuna_post, lacuna_interrupt, lacuna_print_tasks, lacuna_complete, lacuna_fail, lacuna_drop and
 *           lacuna_new may be called from any thread; everything else by the thread that uses the runtime.
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
typedef struct lacuna_task lacuna_task_t;
typedef struct lacuna_call lacuna_call_t;
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

/* What a program may withhold from scripts. Each flag withholds what the ones above it do, too, unless it says
 * otherwise: through that a script would get all it is denied. What is withheld raises an error that names the flag;
 * what scripts shall have instead, the program gives them by lacuna_module and on_load. This bounds what a script can
 * reach, not what a malicious one can break inside its own runtime. docs/embedding.md says what is left with each. */
enum {
  LACUNA_NO_FFI = 1,      /* FFI, C modules, luv, debug, jit; threads and workers, which have no sandbox */
  LACUNA_NO_BYTECODE = 2, /* code that is not source text; goes with LACUNA_NO_FFI, and that with it */
  LACUNA_NO_OS = 4,       /* commands, the environment, signals, ending or stopping the program */
  LACUNA_NO_NET = 8,      /* connections */
  LACUNA_NO_FS = 16,      /* files and the standard input; but not LACUNA_NO_NET */
  LACUNA_SANDBOX = 31,    /* all: the language, lacuna's tasks, the clock, and output are left */
};

/* What a runtime is made with; all zero is the default. */
typedef struct lacuna_options {
  struct uv_loop_s *loop;          /* run on this loop, which must outlive the runtime; NULL: on a loop of its own */
  bool is_clock_virtual;           /* time jumps to the next deadline when nothing else can happen */
  unsigned long long shuffle_seed; /* other than 0: among what is runnable, choose at random from this seed */
  bool is_debug;                   /* report slow steps, coroutines never awaited, swallowed cancellations */
  bool can_exit;                   /* os.exit of a script ends the process; else it raises an error */

  /* Limits; 0 is none. docs/embedding.md says what they cost, and what they do not stop. */
  size_t memory_limit_bytes; /* of Lua's memory: an allocation beyond it raises "not enough memory" in the script */
  unsigned step_limit_ms;    /* of the thread's own time from where a task goes on to where it waits or ends: code that
                                takes longer gets a TimeLimitError. Claims the signal SIGURG in this process */
  unsigned task_limit;       /* tasks that have not ended: create_task and the like raise RuntimeError beyond it */

  unsigned sandbox; /* what scripts do not get, of the flags above; 0: they get all there is */

  /* Callbacks, on the thread that uses the runtime. They must not call the runtime. `data` is theirs. Each that is
   * NULL hands on to the next: an error to the log, the log to what the script writes on stderr, and that to the
   * process's own streams. */
  void *data;
  /* Source text for require(name), where nothing else has that module, or NULL; it is copied. */
  const char *(*on_load)(void *data, const char *name, size_t *size);
  void (*on_error)(void *data, const char *context, const lacuna_error *error); /* an error that nobody handles */
  void (*on_log)(void *data, const char *text);                                 /* a report, without a newline */
  /* What print, io.write and the like write, in the script and in its worker threads. */
  void (*on_output)(void *data, lacuna_stream stream, const char *bytes, size_t size);
} lacuna_options;

/* Makes a runtime; options may be NULL. NULL if memory or file descriptors ran out. */
LACUNA_API lacuna_t *lacuna_new(const lacuna_options *options);

/* Cancels every task and every pending call and runs the loop until all have ended, for at most `timeout_ms`
 * (< 0: however long it takes). What is left then is reported to the log, a line each, and counted. The runtime can be
 * used as before. Not from within a callback. */
LACUNA_API int lacuna_shutdown(lacuna_t *runtime, int timeout_ms);

/* Ends the runtime at once: no script runs any more, every handle on the loop is closed. Task handles stay valid, and
 * so do pending calls, whose completion is then ignored. A runtime on the program's loop has left it when this
 * returns. NULL is ignored. Not from within a callback. */
LACUNA_API void lacuna_free(lacuna_t *runtime);

/* The version of the library that is running, "MAJOR.MINOR.PATCH", and its LACUNA_ABI. */
LACUNA_API const char *lacuna_version(void);
LACUNA_API int lacuna_abi(void);

/* The runtime's Lua state, for what this interface does not offer; and its uv loop. A Lua C function must not keep the
 * state that it was called with: a task that waits is not to be disturbed, and nothing keeps alive what is put there.
 */
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

/* Has on_post(data) called on the runtime's thread, soon. From any thread. False if memory ran out. What is posted and
 * not called when the runtime is freed is called by lacuna_free. */
LACUNA_API bool lacuna_post(lacuna_t *runtime, void (*on_post)(void *data), void *data);

/* Has work(data) called on a thread of the runtime's own, never of libuv's pool, which is left to files and names; then
 * on_done(data), which may be NULL, on the runtime's. The loop stays alive meanwhile, lacuna_free waits. False if
 * memory or threads ran out, or the runtime is being freed. */
LACUNA_API bool lacuna_offload(lacuna_t *runtime, void (*work)(void *data), void (*on_done)(void *data), void *data);

/* ---- values ---- */

typedef enum lacuna_type {
  LACUNA_NIL,
  LACUNA_BOOLEAN,
  LACUNA_NUMBER,
  LACUNA_INTEGER, /* int64; in Lua a number if that holds it exactly, else an int64_t cdata */
  LACUNA_STRING,
  LACUNA_TABLE,
  LACUNA_FUNCTION,
  LACUNA_OBJECT, /* of a lacuna_class */
  LACUNA_OTHER,  /* a coroutine, a cdata, a userdata of somebody else's */
} lacuna_type;

/* A Lua value. Numbers and the like are copies. A string's bytes, and what the types from LACUNA_TABLE on stand for,
 * are borrowed: arguments until the function returns, what lacuna_get and the like hand out until the runtime next
 * runs, results until the task is released; lacuna_keep lengthens that. */
typedef struct lacuna_value {
  lacuna_type type;
  int handle; /* the runtime's */
  union {
    double number;
    bool boolean;
    int64_t integer;
    const char *bytes; /* of a string, `size` of them and a 0; any byte may be among them */
    void *pointer;     /* of an object */
  };
  size_t size;
} lacuna_value;

static inline lacuna_value lacuna_nil(void) {
  lacuna_value value = {LACUNA_NIL, 0, {0}, 0};
  return value;
}

static inline lacuna_value lacuna_boolean(bool boolean) {
  lacuna_value value = lacuna_nil();
  value.type = LACUNA_BOOLEAN;
  value.boolean = boolean;
  return value;
}

static inline lacuna_value lacuna_number(double number) {
  lacuna_value value = {LACUNA_NUMBER, 0, {number}, 0};
  return value;
}

static inline lacuna_value lacuna_integer(int64_t integer) {
  lacuna_value value = lacuna_nil();
  value.type = LACUNA_INTEGER;
  value.integer = integer;
  return value;
}

static inline lacuna_value lacuna_bytes(const char *bytes, size_t size) {
  lacuna_value value = lacuna_nil();
  value.type = LACUNA_STRING;
  value.bytes = bytes;
  value.size = size;
  return value;
}

static inline lacuna_value lacuna_string(const char *text) {
  return lacuna_bytes(text, strlen(text));
}

/* A new table; nil if memory ran out. */
LACUNA_API lacuna_value lacuna_table(lacuna_t *runtime);

/* The table of global variables. */
LACUNA_API lacuna_value lacuna_globals(lacuna_t *runtime);

/* What a table holds at a key, be that a name or a position, which count from 1; nil for what is no table. Metamethods
 * are not called. */
LACUNA_API lacuna_value lacuna_get(lacuna_t *runtime, lacuna_value table, lacuna_value key);

/* Sets it. False for what is no table, for nil as a key, or if memory ran out. */
LACUNA_API bool lacuna_set(lacuna_t *runtime, lacuna_value table, lacuna_value key, lacuna_value value);

/* How many positions a table has, 1 .. n. */
LACUNA_API size_t lacuna_length(lacuna_t *runtime, lacuna_value table);

/* Moves on to a table's next key, in no order; nil in *key begins. False at the end. */
LACUNA_API bool lacuna_next(lacuna_t *runtime, lacuna_value table, lacuna_value *key, lacuna_value *value);

/* A copy of a value that lives until lacuna_release; nil if memory ran out. */
LACUNA_API lacuna_value lacuna_keep(lacuna_t *runtime, lacuna_value value);
LACUNA_API void lacuna_release(lacuna_t *runtime, lacuna_value kept);

/* ---- tasks ---- */

/* Starts a Lua function as a task, at the loop's next turn; a string, or a file, as the script that it is. What is no
 * function, or cannot be read or compiled, is a task that fails. NULL if memory ran out: all that takes a task takes
 * that for one that has failed so. The handle is the program's, to release. */
LACUNA_API lacuna_task_t *lacuna_spawn(lacuna_t *runtime, lacuna_value function, const lacuna_value *arguments,
                                       int count);
LACUNA_API lacuna_task_t *lacuna_spawn_string(lacuna_t *runtime, const char *source, const char *name,
                                              const lacuna_value *arguments, int count);
LACUNA_API lacuna_task_t *lacuna_spawn_file(lacuna_t *runtime, const char *path, const lacuna_value *arguments,
                                            int count);

/* LACUNA_PENDING, _OK, _FAILED or _CANCELLED. */
LACUNA_API lacuna_status lacuna_task_status(const lacuna_task_t *task);

/* Runs the loop until the task has ended, for at most `timeout_ms` (< 0: for ever); its status. Not from within a
 * callback. */
LACUNA_API lacuna_status lacuna_task_wait(lacuna_task_t *task, int timeout_ms);

/* Has on_done(task, data) called once, from the loop, after the task has ended, also if it has been released by then:
 * the handle lives until the callback returns. One callback a task. */
LACUNA_API void lacuna_task_on_done(lacuna_task_t *task, void (*on_done)(lacuna_task_t *task, void *data), void *data);

/* Cancels the task: what it awaits raises CancelledError(reason), clean-up runs. False if it had ended. */
LACUNA_API bool lacuna_task_cancel(lacuna_task_t *task, const char *reason);

/* Cancels the task if it has not ended in `timeout_ms` from now; < 0 takes that back. One deadline a task. */
LACUNA_API void lacuna_task_set_deadline(lacuna_task_t *task, int timeout_ms);

/* What it returned: how many values, and each, from 0; nil beyond. They live until the task is released. */
LACUNA_API int lacuna_task_result_count(const lacuna_task_t *task);
LACUNA_API lacuna_value lacuna_task_result(const lacuna_task_t *task, int index);

/* What it failed with, or was cancelled with; else NULL. Lives until the task is released. */
LACUNA_API const lacuna_error *lacuna_task_error(lacuna_task_t *task);

/* Gives the handle back; the task goes on, and so does its callback. A failure for which lacuna_task_error was never
 * asked goes to on_error. NULL is ignored. */
LACUNA_API void lacuna_task_release(lacuna_task_t *task);

/* ---- functions for scripts ---- */

/* A C function that scripts call, with `count` arguments, as many at least as its parameters declare. It completes the
 * call before it returns, with lacuna_complete or lacuna_fail (returning LACUNA_OK without having done so is to
 * complete it with no values); or, if it is asynchronous, it returns LACUNA_PENDING, keeps `call`, and completes that
 * once, later, from any thread. It may call the runtime, except what is "not from within a callback". */
typedef lacuna_status (*lacuna_callback)(lacuna_call_t *call, const lacuna_value *arguments, int count);

typedef struct lacuna_function {
  const char *name;
  lacuna_callback callback;
  const char *parameters; /* checked before each call: "string number? Counter ..."; NULL: not checked. Types: any
                             boolean number integer string table function, and names of classes; `?`: may be left out
                             or nil; `...`: and whatever follows. As for Lua's own functions, numbers and their text
                             stand for each other: a number arrives as LACUNA_NUMBER, an integer as LACUNA_INTEGER */
  bool is_async;          /* a call starts it and returns a Future, for the script to await */
} lacuna_function;

/* Makes `require(name)` give a table of these functions; a NULL name ends the list, which must outlive the runtime.
 * `data` is what lacuna_data gives them. False if memory ran out. */
LACUNA_API bool lacuna_module(lacuna_t *runtime, const char *name, const lacuna_function *functions, void *data);

/* A kind of objects that scripts hold and the program makes. Its methods are called as object:name(…); their first
 * argument is the object, checked, and not named among their parameters. */
typedef struct lacuna_class {
  const char *name;
  const lacuna_function *methods;  /* a NULL name ends the list */
  void (*finalise)(void *pointer); /* no script can reach the object any more; must not call the runtime; may be NULL */
} lacuna_class;

/* A new object that stands for `pointer`, which is what lacuna_data gives its methods. The class must outlive the
 * runtime. nil, after finalising, if memory ran out. */
LACUNA_API lacuna_value lacuna_object(lacuna_t *runtime, const lacuna_class *object_class, void *pointer);

/* The runtime of a call, and its module's data or its object's pointer. */
LACUNA_API lacuna_t *lacuna_runtime(const lacuna_call_t *call);
LACUNA_API void *lacuna_data(const lacuna_call_t *call);

/* Completes a call with values. After the function has returned, from any thread; from another one with nil, booleans,
 * numbers and strings only, which become an error in the script otherwise. `call` is gone after this. LACUNA_OK. */
LACUNA_API lacuna_status lacuna_complete(lacuna_call_t *call, const lacuna_value *values, int count);

/* Completes it with an error, for the script to catch. `class_name` is a class of lacuna's ("ValueError",
 * "TimeoutError" …), or a name that makes one. LACUNA_FAILED. */
LACUNA_API lacuna_status lacuna_fail(lacuna_call_t *call, const char *class_name, const char *message);

/* Gives up a pending call without completing it: the script gets a RuntimeError that names the function, the log a
 * line. */
LACUNA_API void lacuna_drop(lacuna_call_t *call);

/* Has on_cancel(call, data) called on the runtime's thread, once, if the script cancels what it awaits, or the runtime
 * shuts down, before the call is completed: before that, it has not run; once lacuna_complete has returned, it is not
 * running and never will. The call must be completed all the same, at once or later; with what does not matter then.
 * on_cancel must not wait for a thread that is about to complete the call. Call this before returning LACUNA_PENDING.
 */
LACUNA_API void lacuna_on_cancel(lacuna_call_t *call, void (*on_cancel)(lacuna_call_t *call, void *data), void *data);

#ifdef __cplusplus
}
#endif
#endif
