/* task: handles of tasks, which outlive them.
 *
 * The Lua half starts a task and tells when it has ended, with copies of all that the program may ask for. A handle is
 * counted: by the program until it releases it, by the task until it has ended, by a callback that is under way. */
#include <lauxlib.h>
#include <stdlib.h>

#include "embed/embedding.h"

struct lacuna_task {
  lac_delivery delivery; /* carries on_done to the loop */
  lacuna_task_t *next, *previous;
  lac_embedding *embedding; /* NULL once the runtime is gone */
  int count;
  lacuna_status status;
  bool is_error_seen;
  void (*on_done)(lacuna_task_t *task, void *data);
  void *on_done_data;
  int result_count;
  lacuna_value *results; /* kept values */
  bool has_error;
  lacuna_error error; /* its strings are in one block: */
  char *error_block;
};

static const lacuna_error memory_error = {"RuntimeError", "not enough memory", "", "RuntimeError: not enough memory"};

/* ---- handles ---- */

static void link_task(lac_embedding *embedding, lacuna_task_t *task) {
  task->next = task->previous = task;
  if (embedding->tasks) {
    task->next = embedding->tasks;
    task->previous = task->next->previous;
    task->next->previous = task->previous->next = task;
  }
  embedding->tasks = task;
}

static void unlink_task(lacuna_task_t *task) {
  lac_embedding *embedding = task->embedding;
  if (embedding->tasks == task) embedding->tasks = task->next == task ? NULL : task->next;
  task->next->previous = task->previous;
  task->previous->next = task->next;
  task->embedding = NULL;
}

/* Lets the results that Lua owns go; they are nil from here on. */
static void drop_results(lacuna_task_t *task) {
  for (int i = 0; i < task->result_count; i++) {
    if (!task->results[i].handle) continue;
    lacuna_release(task->embedding->runtime, task->results[i]);
    task->results[i] = lacuna_nil();
  }
}

/* A failure that the program has not asked for before it let go of the task. */
static void report_unseen(const lacuna_task_t *task) {
  if (task->status != LACUNA_FAILED || task->is_error_seen || !task->embedding) return;
  lac_output_error(lac_runtime_output(task->embedding->runtime), "Task exception was never retrieved", &task->error);
}

static void drop_task(lacuna_task_t *task) {
  if (--task->count > 0) return;
  report_unseen(task);
  if (task->embedding) {
    drop_results(task);
    unlink_task(task);
  }
  free(task->results);
  free(task->error_block);
  free(task);
}

void lac_orphan_tasks(lac_embedding *embedding) {
  lacuna_task_t *last = embedding->tasks ? embedding->tasks->previous : NULL;
  for (lacuna_task_t *task = embedding->tasks, *next; task; task = next) {
    next = task == last ? NULL : task->next;
    drop_results(task);
    task->embedding = NULL;
    if (task->status != LACUNA_PENDING) continue; /* the program has it */
    task->status = LACUNA_CANCELLED;
    drop_task(task);
  }
  embedding->tasks = NULL;
}

/* ---- ending ---- */

static void on_delivery(lac_delivery *delivery, lacuna_t *runtime) {
  (void)runtime;
  lacuna_task_t *task = (lacuna_task_t *)delivery; /* its first field */
  task->on_done(task, task->on_done_data);
  drop_task(task);
}

/* Has on_done called in the loop's next turn. */
static void deliver_done(lacuna_task_t *task) {
  if (!task->embedding) return;
  lac_driver *driver = lac_runtime_driver(task->embedding->runtime);
  if (lac_inbox_put(lac_driver_inbox(driver), &task->delivery)) task->count++;
  lac_driver_wake(driver);
}

static void fail(lacuna_task_t *task, const lacuna_error *error) {
  task->has_error = true;
  task->error = *error;
}

/* Copies the strings on the stack from `first` on. */
static void copy_error(lua_State *L, int first, lacuna_task_t *task) {
  const char *texts[4];
  size_t sizes[4], total = 0;
  for (int i = 0; i < 4; i++) {
    texts[i] = luaL_checklstring(L, first + i, &sizes[i]);
    total += sizes[i] + 1;
  }
  char *block = task->error_block = malloc(total);
  if (!block) {
    fail(task, &memory_error);
    return;
  }
  for (int i = 0; i < 4; i++) {
    memcpy(block, texts[i], sizes[i] + 1);
    texts[i] = block;
    block += sizes[i] + 1;
  }
  fail(task, &(lacuna_error){texts[0], texts[1], texts[2], texts[3]});
}

/* Keeps the values on the stack from `first` on. False if memory ran out. */
static bool keep_results(lua_State *L, int first, lacuna_task_t *task) {
  lac_embedding *embedding = task->embedding;
  int count = lua_gettop(L) - first + 1;
  if (count <= 0) return true;
  task->results = calloc((size_t)count, sizeof *task->results);
  if (!task->results) return false;
  int mark = embedding->borrowed_count;
  for (int i = 0; i < count; i++) {
    lacuna_value result = lac_read_value(embedding, L, first + i, true);
    task->results[i] = lacuna_keep(embedding->runtime, result);
    task->result_count = i + 1;
    if (result.type != task->results[i].type) return false;
  }
  lac_return_borrowed(embedding, L, mark);
  return true;
}

int lac_l_task_ended(lua_State *L) {
  lacuna_task_t *task = lua_touserdata(L, 1);
  lac_embedding *embedding = task->embedding;
  if (!embedding) return 0;
  lua_State *was_running = embedding->L;
  embedding->L = L;
  embedding->call_depth++; /* what is borrowed here is not given back by lacuna_keep */
  task->status = (lacuna_status)lua_tointeger(L, 2);
  if (task->status != LACUNA_OK) {
    copy_error(L, 3, task);
  } else if (!keep_results(L, 3, task)) {
    task->status = LACUNA_FAILED;
    fail(task, &memory_error);
  }
  embedding->call_depth--;
  embedding->L = was_running;
  if (task->on_done) deliver_done(task);
  drop_task(task);
  return 0;
}

/* ---- the public side ---- */

/* What the Lua half is told to start. */
typedef struct start {
  lac_embedding *embedding;
  lacuna_task_t *task;
  bool is_function;
  lacuna_value function;            /* else: */
  const char *kind, *source, *name; /* "file" or "string" */
  const lacuna_value *arguments;
  int count;
} start;

static int run_start(lua_State *L, void *data) {
  const start *start = data;
  luaL_checkstack(L, start->count + 8, "arguments of a task");
  lac_push_half(start->embedding, L, start->is_function ? LAC_HALF_SPAWN : LAC_HALF_SPAWN_SOURCE);
  lua_pushlightuserdata(L, start->task);
  if (start->is_function) {
    lac_push_value(start->embedding, L, start->function);
  } else {
    lua_pushstring(L, start->kind);
    lua_pushstring(L, start->source);
    lua_pushstring(L, start->name);
  }
  for (int i = 0; i < start->count; i++) lac_push_value(start->embedding, L, start->arguments[i]);
  lua_call(L, lua_gettop(L) - 1, 0);
  return 0;
}

static lacuna_task_t *start_task(lacuna_t *runtime, start *start) {
  lac_embedding *embedding = start->embedding = lac_embedding_of(runtime);
  lacuna_task_t *task = start->task = embedding ? calloc(1, sizeof *task) : NULL;
  if (!task) return NULL;
  task->delivery.deliver = on_delivery;
  task->embedding = embedding;
  task->status = LACUNA_PENDING;
  task->count = 2; /* the program's and the task's */
  link_task(embedding, task);
  if (lac_protect(embedding, run_start, start)) {
    lac_driver_wake(lac_runtime_driver(runtime));
    return task;
  }
  task->count = 1;
  drop_task(task);
  return NULL;
}

lacuna_task_t *lacuna_spawn(lacuna_t *runtime, lacuna_value function, const lacuna_value *arguments, int count) {
  return start_task(runtime,
                    &(start){.is_function = true, .function = function, .arguments = arguments, .count = count});
}

lacuna_task_t *lacuna_spawn_string(lacuna_t *runtime, const char *source, const char *name,
                                   const lacuna_value *arguments, int count) {
  return start_task(runtime,
                    &(start){.kind = "string", .source = source, .name = name, .arguments = arguments, .count = count});
}

lacuna_task_t *lacuna_spawn_file(lacuna_t *runtime, const char *path, const lacuna_value *arguments, int count) {
  return start_task(runtime,
                    &(start){.kind = "file", .source = path, .name = path, .arguments = arguments, .count = count});
}

/* NULL is a task that there was no memory for. */
lacuna_status lacuna_task_status(const lacuna_task_t *task) {
  return task ? task->status : LACUNA_FAILED;
}

static bool has_ended(void *data) {
  return lacuna_task_status(data) != LACUNA_PENDING;
}

lacuna_status lacuna_task_wait(lacuna_task_t *task, int timeout_ms) {
  if (has_ended(task)) return lacuna_task_status(task);
  lacuna_t *runtime = task->embedding->runtime;
  if (task->embedding->call_depth > 0 || lac_driver_is_inside(lac_runtime_driver(runtime)))
    lac_output_log(lac_runtime_output(runtime), "lacuna_task_wait: called from within a callback");
  else
    lac_driver_run(lac_runtime_driver(runtime), has_ended, task, timeout_ms, false);
  return task->status;
}

void lacuna_task_on_done(lacuna_task_t *task, void (*on_done)(lacuna_task_t *task, void *data), void *data) {
  if (!task || !on_done || task->on_done) return;
  task->on_done = on_done;
  task->on_done_data = data;
  if (has_ended(task)) deliver_done(task);
}

typedef struct cancellation {
  lacuna_task_t *task;
  const char *reason;
  bool is_asked;
} cancellation;

static int run_cancel(lua_State *L, void *data) {
  cancellation *cancellation = data;
  lac_push_half(cancellation->task->embedding, L, LAC_HALF_CANCEL_TASK);
  lua_pushlightuserdata(L, cancellation->task);
  lua_pushstring(L, cancellation->reason); /* nil for NULL */
  lua_call(L, 2, 1);
  cancellation->is_asked = lua_toboolean(L, -1);
  return 0;
}

bool lacuna_task_cancel(lacuna_task_t *task, const char *reason) {
  if (has_ended(task)) return false;
  cancellation cancellation = {task, reason, false};
  lac_driver *driver = lac_runtime_driver(task->embedding->runtime);
  bool is_asked = lac_protect(task->embedding, run_cancel, &cancellation) && cancellation.is_asked;
  lac_driver_wake(driver);
  return is_asked;
}

typedef struct deadline {
  lacuna_task_t *task;
  int timeout_ms;
} deadline;

static int run_set_deadline(lua_State *L, void *data) {
  const deadline *deadline = data;
  lac_push_half(deadline->task->embedding, L, LAC_HALF_SET_DEADLINE);
  lua_pushlightuserdata(L, deadline->task);
  lua_pushnumber(L, deadline->timeout_ms / 1e3);
  lua_call(L, 2, 0);
  return 0;
}

void lacuna_task_set_deadline(lacuna_task_t *task, int timeout_ms) {
  if (has_ended(task)) return;
  lac_protect(task->embedding, run_set_deadline, &(deadline){task, timeout_ms});
  lac_driver_wake(lac_runtime_driver(task->embedding->runtime));
}

int lacuna_task_result_count(const lacuna_task_t *task) {
  return task ? task->result_count : 0;
}

lacuna_value lacuna_task_result(const lacuna_task_t *task, int index) {
  return index >= 0 && index < lacuna_task_result_count(task) ? task->results[index] : lacuna_nil();
}

const lacuna_error *lacuna_task_error(lacuna_task_t *task) {
  if (!task) return &memory_error;
  task->is_error_seen = true;
  return task->has_error ? &task->error : NULL;
}

void lacuna_task_release(lacuna_task_t *task) {
  if (task) drop_task(task);
}
