/* embedding: what the public values, tasks and calls of one runtime share.
 *
 * The program never sees a Lua stack, and no Lua error passes through its frames: what may raise runs in lac_protect,
 * on the state that is running: the runtime's, or the thread of the task that is calling the program. The Lua half is
 * lua/lacuna/embed.
 *
 * Files: embedding.c (this), value.c, task.c, function.c (registering, calling), call.c (completing), background.c
 * (posting, offloading, shutting down). */
#ifndef LAC_EMBED_EMBEDDING_H
#define LAC_EMBED_EMBEDDING_H

#include <lua.h>

#include "core/offload.h"
#include "core/runtime.h"
#include "core/wake.h"

/* Functions of the Lua half that C calls, by the names in embedding.c. */
typedef enum lac_half {
  LAC_HALF_SPAWN,
  LAC_HALF_SPAWN_SOURCE,
  LAC_HALF_CANCEL_TASK,
  LAC_HALF_SET_DEADLINE,
  LAC_HALF_SHUT_DOWN,
  LAC_HALF_PENDING,
  LAC_HALF_LEFT,
  LAC_HALF_ASYNC_FUNCTION,
  LAC_HALF_COMPLETE,
  LAC_HALF_COMPLETE_MANY,
  LAC_HALF_FAIL,
  LAC_HALF_RAISE,
  LAC_HALF_WRITE_INTEGER,
  LAC_HALF_READ_INTEGER,
  LAC_HALF_COUNT,
} lac_half;

typedef struct lac_embedding {
  lac_closer closer;
  lacuna_t *runtime;
  lua_State *L;    /* the state that is running */
  bool is_closed;  /* the runtime is being freed */
  int call_depth;  /* functions of the program that scripts are calling */
  lac_pin operate; /* the C function of lac_protect */
  lac_pin deliver; /* and that of a call's completion */
  lac_pin halves[LAC_HALF_COUNT];
  lac_pin borrowed; /* table: handle -> value that is borrowed by the program */
  int borrowed_count;
  uint64_t borrowed_turn; /* of the driver, in which they were borrowed outside calls */
  lacuna_call_t **calls;  /* by slot - 1: pending, or in the pool */
  int slot_count, slot_capacity;
  lacuna_call_t *pending; /* head of the ring of calls to be completed; NULL: none */
  lacuna_call_t *pool;    /* calls to be used again */
  int pending_count;
  lacuna_task_t *tasks; /* head of the ring of handles that the program holds; NULL: none */
  int offload_count;
  lac_offload *offload_pool; /* NULL before its first use */
} lac_embedding;

/* The embedding of a runtime, made at its first use; NULL if memory ran out. */
lac_embedding *lac_embedding_of(lacuna_t *runtime);

/* Calls run(L, data) protected on the state that is running; its results stay on that stack. False, with nothing on the
 * stack, if it raised: memory ran out, or the Lua half has a bug, which is logged. */
bool lac_protect(lac_embedding *embedding, int (*run)(lua_State *L, void *data), void *data);

/* Pushes a function of the Lua half. */
void lac_push_half(lac_embedding *embedding, lua_State *L, lac_half half);

/* ---- value.c ---- */

/* The embedding, for a function that hands out borrowed values; outside calls they live until the runtime runs. NULL if
 * memory ran out. */
lac_embedding *lac_borrower_of(lacuna_t *runtime);

/* Pushes a value; may raise, for memory. */
void lac_push_value(lac_embedding *embedding, lua_State *L, lacuna_value value);

/* Reads the value at `index`, a positive one; what it borrows is anchored among the borrowed, a string's bytes only if
 * `is_anchored` is false: that is what already keeps them. May raise, for memory. */
lacuna_value lac_read_value(lac_embedding *embedding, lua_State *L, int index, bool is_anchored);

/* Lets what was borrowed since the count was `mark` go. */
void lac_return_borrowed(lac_embedding *embedding, lua_State *L, int mark);

/* ---- function.c ---- */

/* A userdata of a class of the program. */
typedef struct lac_box {
  const void *mark; /* lac_box_mark; tells it from userdata of others */
  const lacuna_class *object_class;
  void *pointer;
} lac_box;

extern const char lac_box_mark;

/* The box at an index, or NULL. */
lac_box *lac_to_box(lua_State *L, int index);

/* ---- call.c ---- */

typedef enum lac_call_state {
  LAC_CALL_PENDING,    /* to be completed */
  LAC_CALL_CANCELLING, /* the same; on_cancel is running */
  LAC_CALL_CANCELLED,  /* the same; it has run */
  LAC_CALL_COMPLETED,
} lac_call_state;

struct lacuna_call {
  lac_delivery delivery;
  lacuna_call_t *next, *previous; /* pending calls of the embedding; next: those in its pool */
  lacuna_t *runtime;
  lac_embedding *embedding; /* NULL once the runtime is gone */
  lac_inbox *inbox;         /* of an asynchronous call, which holds it; else NULL */
  const char *name;
  void *data;
  int slot;                      /* names it in the Lua half, from 1; kept in the pool */
  bool is_running;               /* the function has not returned; the runtime's thread alone looks */
  bool is_pushed;                /* completed while it ran: */
  int pushed_count;              /* results, or class and message, on the embedding's L */
  lacuna_status status;          /* it was completed with: LACUNA_OK or LACUNA_FAILED */
  _Atomic(lac_call_state) state; /* changed by whoever completes it, and by a cancellation: under the inbox's lock,
                                    where they may be of two threads */
  bool is_dropped;
  int value_count;
  lacuna_value *values; /* what it was completed with: &value or a block that holds the strings too */
  lacuna_value value;
  void (*on_cancel)(lacuna_call_t *call, void *data);
  void *on_cancel_data;
};

/* A call for an asynchronous function, which is about to run; NULL if memory ran out. */
lacuna_call_t *lac_take_call(lac_embedding *embedding);

/* Its function has returned without completing it: another thread has done so, or it is to be completed later. */
void lac_make_pending(lacuna_call_t *call);

/* It was completed while its function ran, or raised. */
void lac_return_call(lac_embedding *embedding, lacuna_call_t *call);

/* Runs on_cancel, unless the call has been completed. */
void lac_cancel_call(lacuna_call_t *call);

/* The runtime ends: cancels what is pending; it belongs to the program alone from here on. */
void lac_orphan_calls(lac_embedding *embedding);

/* Pushes the C function `deliver`. */
void lac_push_deliver(lua_State *L);

/* ---- task.c ---- */

/* The runtime ends: handles stay, without results that it owns. */
void lac_orphan_tasks(lac_embedding *embedding);

/* `ended(handle, status, ...)` of the Lua half. */
int lac_l_task_ended(lua_State *L);

#endif
