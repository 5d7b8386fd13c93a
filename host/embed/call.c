/* call: completing what a script has called, at once or later, from any thread.
 *
 * While the function runs its results go onto the Lua stack. A pending call is a message to the runtime's thread, put
 * into the inbox by whoever completes it; its Future is completed when that is delivered. The inbox's lock decides
 * between a completion and a cancellation that meet. */
#include <lauxlib.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "embed/embedding.h"

/* ---- while the function runs ---- */

typedef struct results {
  lac_embedding *embedding;
  const lacuna_value *values;
  int count;
} results;

static int run_push(lua_State *L, void *data) {
  const results *results = data;
  luaL_checkstack(L, results->count, "results of a C function");
  for (int i = 0; i < results->count; i++) lac_push_value(results->embedding, L, results->values[i]);
  return results->count;
}

/* Pushes values onto the running state, protected. */
static bool push_values(lac_embedding *embedding, const lacuna_value *values, int count) {
  results results = {embedding, values, count};
  return lac_protect(embedding, run_push, &results);
}

/* Completes the call on the stack; what was there first stays. */
static lacuna_status return_values(lacuna_call_t *call, lacuna_status status, const lacuna_value *values, int count) {
  if (call->is_pushed) return call->status;
  call->is_pushed = count == 0 || push_values(call->embedding, values, count);
  call->status = status;
  call->pushed_count = count;
  return call->is_pushed ? status : LACUNA_FAILED; /* not enough memory: the function "failed" */
}

/* ---- later ---- */

static size_t string_sizes(const lacuna_value *values, int count) {
  size_t size = 0;
  for (int i = 0; i < count; i++)
    if (values[i].type == LACUNA_STRING) size += values[i].size + 1;
  return size;
}

/* Keeps a copy of the values: strings beside them, in one block; what Lua owns is pinned, by the runtime's thread only.
 */
static bool store_values(lacuna_call_t *call, const lacuna_value *values, int count, bool is_mine) {
  call->value_count = 0;
  call->values = &call->value;
  if (count > 1 || (count == 1 && values[0].type == LACUNA_STRING)) {
    call->values = malloc((size_t)count * sizeof *values + string_sizes(values, count));
    if (!call->values) return false;
  }
  char *bytes = (char *)(call->values + count);
  for (int i = 0; i < count; i++) {
    lacuna_value *value = &call->values[i];
    *value = values[i];
    if (value->type == LACUNA_STRING) {
      memcpy(bytes, value->bytes, value->size);
      bytes[value->size] = 0;
      value->bytes = bytes;
      value->handle = 0;
      bytes += value->size + 1;
    } else if (value->type > LACUNA_STRING && !is_mine) {
      return false;
    } else if (value->type > LACUNA_STRING) {
      *value = call->embedding ? lacuna_keep(call->runtime, *value) : lacuna_nil();
    }
    call->value_count = i + 1;
  }
  return true;
}

static void drop_values(lacuna_call_t *call) {
  for (int i = 0; i < call->value_count; i++) /* the type first: another thread may not look at the embedding */
    if (call->values[i].type > LACUNA_STRING && call->embedding) lacuna_release(call->runtime, call->values[i]);
  if (call->values != &call->value) free(call->values);
  call->values = &call->value;
  call->value_count = 0;
}

/* Instead of values that could not be stored. */
static void store_failure(lacuna_call_t *call, const char *class_name, const char *message) {
  drop_values(call);
  lacuna_value error[] = {lacuna_string(class_name), lacuna_string(message)};
  call->status = LACUNA_FAILED;
  store_values(call, error, 2, true); /* if there is no memory for that, the Lua half has words of its own */
}

/* Gives the memory of a call back that its runtime knows no more. */
static void free_orphan(lacuna_call_t *call) {
  lac_inbox *inbox = call->inbox;
  if (call->values != &call->value) free(call->values);
  free(call);
  lac_inbox_drop(inbox);
}

static void mark_completed(lacuna_call_t *call) {
  lac_call_state state = atomic_load_explicit(&call->state, memory_order_relaxed);
  if (state != LAC_CALL_PENDING) call->is_dropped = false; /* it was cancelled: nobody waits for it */
  atomic_store_explicit(&call->state, LAC_CALL_COMPLETED, memory_order_relaxed);
}

static void complete_later(lacuna_call_t *call, lacuna_status status, const lacuna_value *values, int count) {
  lac_inbox *inbox = call->inbox;
  bool is_mine = lac_inbox_is_mine(inbox);
  call->status = status;
  if (!store_values(call, values, count, is_mine)) {
    bool is_foreign = call->values != NULL; /* else memory ran out */
    store_failure(call, is_foreign ? "TypeError" : "RuntimeError",
                  is_foreign ? "a call was completed from another thread with a value that only Lua's own may touch"
                             : "not enough memory");
  }
  if (lac_inbox_is_inside(inbox)) { /* then nobody else changes the state */
    mark_completed(call);
    lac_inbox_put_inside(inbox, &call->delivery);
    return;
  }
  lac_inbox_lock(inbox);
  while (call->state == LAC_CALL_CANCELLING && !is_mine) lac_inbox_wait(inbox);
  bool is_cancelling = call->state == LAC_CALL_CANCELLING;
  mark_completed(call);
  bool is_orphan = !lac_inbox_put_locked(inbox, &call->delivery) && !call->embedding && !is_cancelling;
  lac_inbox_unlock(inbox);
  if (is_orphan) free_orphan(call);
}

/* Whether this is the thread of the function, which has not returned. */
static inline bool is_running(const lacuna_call_t *call) {
  return !call->inbox || (lac_inbox_is_mine(call->inbox) && call->is_running);
}

static __attribute__((noinline)) lacuna_status complete(lacuna_call_t *call, const lacuna_value *values, int count) {
  if (is_running(call)) return return_values(call, LACUNA_OK, values, count);
  complete_later(call, LACUNA_OK, values, count);
  return LACUNA_OK;
}

lacuna_status lacuna_complete(lacuna_call_t *call, const lacuna_value *values, int count) {
  bool is_simple = !call->inbox && !call->is_pushed && count == 1 && values->type == LACUNA_NUMBER;
  if (!is_simple) return complete(call, values, count);
  call->is_pushed = true;
  call->status = LACUNA_OK;
  call->pushed_count = 1;
  lua_pushnumber(call->embedding->L, values->number); /* cannot raise */
  return LACUNA_OK;
}

lacuna_status lacuna_fail(lacuna_call_t *call, const char *class_name, const char *message) {
  lacuna_value error[] = {lacuna_string(class_name ? class_name : "RuntimeError"),
                          lacuna_string(message ? message : "")};
  if (is_running(call)) return return_values(call, LACUNA_FAILED, error, 2);
  complete_later(call, LACUNA_FAILED, error, 2);
  return LACUNA_FAILED;
}

void lacuna_drop(lacuna_call_t *call) {
  call->is_dropped = true;
  lacuna_fail(call, "RuntimeError", "the program gave the call up");
}

void lacuna_on_cancel(lacuna_call_t *call, void (*on_cancel)(lacuna_call_t *call, void *data), void *data) {
  call->on_cancel_data = data;
  call->on_cancel = on_cancel;
}

lacuna_t *lacuna_runtime(const lacuna_call_t *call) {
  return call->runtime;
}

void *lacuna_data(const lacuna_call_t *call) {
  return call->data;
}

/* ---- the life of a pending call ---- */

/* deliver(call): pushes the values and calls the Lua half's function with the slot, and how many they are if that is
 * not for it to see. */
static int l_deliver(lua_State *L) {
  lacuna_call_t *call = lua_touserdata(L, 1);
  int count = call->value_count;
  bool is_ok = call->status == LACUNA_OK, is_one = is_ok && count <= 1;
  luaL_checkstack(L, count + 3, "results of a C function");
  lac_push_half(call->embedding, L, is_one ? LAC_HALF_COMPLETE : is_ok ? LAC_HALF_COMPLETE_MANY : LAC_HALF_FAIL);
  lua_pushinteger(L, call->slot);
  if (is_one) lua_pushinteger(L, count);
  for (int i = 0; i < count; i++) lac_push_value(call->embedding, L, call->values[i]);
  lua_call(L, count + 1 + is_one, 0);
  return 0;
}

void lac_push_deliver(lua_State *L) {
  lua_pushcfunction(L, l_deliver);
}

/* Completes the Future. False, with the error on the stack, if that raised. */
static bool run_delivery(lacuna_call_t *call) {
  lua_State *L = call->embedding->L;
  if (call->status == LACUNA_OK && call->value_count == 1 && call->value.type == LACUNA_NUMBER) { /* cannot raise */
    lac_push_half(call->embedding, L, LAC_HALF_COMPLETE);
    lua_pushinteger(L, call->slot);
    lua_pushinteger(L, 1);
    lua_pushnumber(L, call->value.number);
    return lua_pcall(L, 3, 0, 0) == 0;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, call->embedding->deliver);
  lua_pushlightuserdata(L, call);
  return lua_pcall(L, 1, 0, 0) == 0;
}

static void on_delivery(lac_delivery *delivery, lacuna_t *runtime) {
  lacuna_call_t *call = (lacuna_call_t *)delivery; /* its first field */
  lac_embedding *embedding = call->embedding;
  if (call->is_dropped) {
    char text[256];
    snprintf(text, sizeof text, "%s: the program gave up a call without completing it", call->name);
    lac_output_log(lac_runtime_output(runtime), text);
  }
  while (!run_delivery(call)) { /* an error is what memory that ran out leaves of values */
    bool is_last_try = call->status == LACUNA_FAILED;
    lua_pop(embedding->L, 1);
    if (is_last_try) {
      lac_output_log(lac_runtime_output(runtime), "not enough memory to complete a call");
      break;
    }
    store_failure(call, "RuntimeError", "not enough memory");
  }
  if (embedding->pending == call) embedding->pending = call->next == call ? NULL : call->next;
  call->next->previous = call->previous;
  call->previous->next = call->next;
  embedding->pending_count--;
  lac_driver_release(lac_runtime_driver(runtime));
  lac_return_call(embedding, call);
}

/* A new call, with a slot of its own. */
static lacuna_call_t *new_call(lac_embedding *embedding) {
  if (embedding->slot_count == embedding->slot_capacity) {
    int capacity = embedding->slot_capacity ? embedding->slot_capacity * 2 : 16;
    lacuna_call_t **calls = realloc(embedding->calls, (size_t)capacity * sizeof(lacuna_call_t *));
    if (!calls) return NULL;
    embedding->calls = calls;
    embedding->slot_capacity = capacity;
  }
  lacuna_call_t *call = calloc(1, sizeof *call);
  if (!call) return NULL;
  embedding->calls[embedding->slot_count] = call;
  call->slot = ++embedding->slot_count;
  call->delivery.deliver = on_delivery;
  call->runtime = embedding->runtime;
  call->embedding = embedding;
  call->inbox = lac_driver_inbox(lac_runtime_driver(embedding->runtime));
  call->values = &call->value;
  call->is_running = true;
  lac_inbox_retain(call->inbox);
  return call;
}

lacuna_call_t *lac_take_call(lac_embedding *embedding) {
  lacuna_call_t *call = embedding->pool;
  if (!call) return new_call(embedding);
  embedding->pool = call->next;
  call->is_running = true;
  call->is_pushed = call->is_dropped = false;
  atomic_store_explicit(&call->state, LAC_CALL_PENDING, memory_order_relaxed); /* nobody else knows it yet */
  call->pushed_count = 0;
  call->on_cancel = NULL;
  return call;
}

void lac_make_pending(lacuna_call_t *call) {
  lac_embedding *embedding = call->embedding;
  call->is_running = false;
  lac_driver_hold(lac_runtime_driver(embedding->runtime));
  embedding->pending_count++;
  if (embedding->pending) {
    call->next = embedding->pending;
    call->previous = call->next->previous;
    call->next->previous = call->previous->next = call;
  } else {
    embedding->pending = call->next = call->previous = call;
  }
}

void lac_return_call(lac_embedding *embedding, lacuna_call_t *call) {
  drop_values(call);
  atomic_store_explicit(&call->state, LAC_CALL_COMPLETED, memory_order_relaxed); /* whoever may still know its slot */
  call->next = embedding->pool;
  embedding->pool = call;
}

void lac_cancel_call(lacuna_call_t *call) {
  lac_inbox *inbox = call->inbox;
  lac_inbox_lock(inbox);
  bool is_first = call->state == LAC_CALL_PENDING;
  if (is_first) call->state = LAC_CALL_CANCELLING;
  lac_inbox_unlock(inbox);
  if (!is_first) return;
  if (call->on_cancel) call->on_cancel(call, call->on_cancel_data);
  lac_inbox_lock(inbox);
  if (call->state == LAC_CALL_CANCELLING) call->state = LAC_CALL_CANCELLED;
  lac_inbox_signal(inbox);
  lac_inbox_unlock(inbox);
}

void lac_orphan_calls(lac_embedding *embedding) {
  lacuna_call_t *last = embedding->pending ? embedding->pending->previous : NULL;
  for (lacuna_call_t *call = embedding->pending, *next; call; call = next) {
    next = call == last ? NULL : call->next;
    char text[256];
    snprintf(text, sizeof text, "%s: a call was still pending when the runtime was freed", call->name);
    lac_output_log(lac_runtime_output(embedding->runtime), text);
    lac_cancel_call(call);
    lac_inbox_lock(call->inbox);
    bool is_completed = call->state == LAC_CALL_COMPLETED;
    if (is_completed) drop_values(call); /* else they are the thread's that may be storing them just now */
    call->embedding = NULL;
    lac_inbox_unlock(call->inbox);
    if (is_completed) free_orphan(call);
  }
  for (lacuna_call_t *call; (call = embedding->pool) != NULL;) {
    embedding->pool = call->next;
    lac_inbox_drop(call->inbox);
    free(call);
  }
  free(embedding->calls);
}
