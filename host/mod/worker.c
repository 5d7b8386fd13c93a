/* worker: `lacuna.native.worker`, mailboxes and threads for lua/lacuna/exec.
 *
 * mailbox(limit) → mailbox; limit 0: none
 * mailbox:push(bytes, id) → true; or nil, "full" or "closed"
 * mailbox:push_from(pointer, size, id): the same for what a cdata points to
 * mailbox:push_last(bytes, id): the same, full or closed
 * mailbox:submit(pointer, size) → id, is_held: pushes as soon as there is room; until then it is held here
 * mailbox:feed() → whether messages are still held
 * mailbox:take_back(id) → whether nobody had popped it
 * mailbox:pop() → bytes, id; or where a large one stands until the next pop, id, size; or nil, is_closed
 * mailbox:look() → whether there is a message within a moment
 * mailbox:close(is_emptied): once nothing is held
 * mailbox:listen("message"|"space", fn, "foreground"|"background"|"once"), mailbox:unlisten("message"|"space")
 * start(number, inbox, outbox, setup, is_clock_virtual, is_debug, stream?) → worker; or nil, message
 * worker:running() → id, 0 for none; worker:interrupt(id); worker:stop(); worker:join()
 * ends() → inbox, outbox, control, setup, stream? of the worker that this runtime is; nil in any other
 * cores() → how many threads can run at once
 * expect(), unexpect(): between them an answer of a worker, thread or process, is due within microseconds
 * spare(seconds?): what the worker runs is not interrupted any more, or for so long
 * leave(reason?): the worker ends, and nothing interrupts it any more; the reason is what its last message says
 *
 * This layer raises for wrong arguments and for memory that ran out. */
#include <lauxlib.h>
#include <lua.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/driver.h"
#include "core/luax.h"
#include "core/modules.h"
#include "core/runtime.h"
#include "mod/worker_listener.h"
#include "mod/worker_surplus.h"
#include "mod/worker_thread.h"

#define MAILBOX_METATABLE "lacuna.native.worker.mailbox"
#define WORKER_METATABLE  "lacuna.native.worker.worker"

enum {
  END_LIMIT_MS = 1000, /* what workers are given to end when their starter's runtime does */
  IN_PLACE_BYTES = 16384,
  ONLY_CALL = 1,   /* the id of the function that a worker with a stream runs */
  TYPE_CDATA = 10, /* LuaJIT's own, beyond those of lua.h */
};

/* What a runtime has of this module: the functions' upvalue. Freed in lacuna_free. */
typedef struct staff {
  lac_listeners *listeners;
  lac_output *output; /* of the runtime */
  lac_words *words;   /* of its workers; NULL before there are any, or if they write for themselves */
  lac_worker workers; /* head of the ring of those that this runtime started */
} staff;

/* What a mailbox's userdata points to; it listens with one function a side, and holds what it submits. */
typedef struct port {
  lac_mailbox *mailbox;
  lac_surplus surplus;
  bool is_closing;      /* once the surplus is gone */
  lac_message *popped;  /* while its bytes become a Lua string, which may raise */
  lac_worker *calls_of; /* the worker whose calls arrive here, on its own side; else NULL */
  lac_patience patience;
  lac_listener listeners[LAC_SIDE_COUNT];
} port;

static const char *const side_names[] = {"message", "space", NULL};
static const char *const mode_names[] = {"foreground", "background", "once", NULL};

static staff *get_staff(lua_State *L) {
  luaL_argcheck(L, !lac_is_closing(lac_runtime(L)), 1, "the runtime is closing");
  return lua_touserdata(L, lua_upvalueindex(1));
}

/* ---- mailboxes ---- */

static port *check_port(lua_State *L, int index) {
  return *(port **)luaL_checkudata(L, index, MAILBOX_METATABLE);
}

/* Pushes a userdata for the mailbox, which it takes over; NULL raises. */
static port *push_port(lua_State *L, lac_mailbox *mailbox) {
  port **box = lua_newuserdata(L, sizeof *box);
  *box = calloc(1, sizeof **box);
  if (!mailbox || !*box) {
    free(*box);
    lac_mailbox_release(mailbox);
    lac_raise_memory(L);
  }
  (*box)->mailbox = mailbox;
  luaL_getmetatable(L, MAILBOX_METATABLE);
  lua_setmetatable(L, -2);
  return *box;
}

static int l_mailbox(lua_State *L) {
  push_port(L, lac_mailbox_new((uint32_t)luaL_optinteger(L, 1, 0)));
  return 1;
}

static lac_message *new_message(lua_State *L, const char *bytes, size_t size, int index) {
  lac_message *message = lac_message_new((int64_t)luaL_optnumber(L, index, 0), bytes, size);
  if (!message) lac_raise_memory(L);
  return message;
}

/* Returns what the Lua function does. */
static int finish_push(lua_State *L, lac_message *message, lac_push_result result) {
  if (result == LAC_PUSHED) {
    lua_pushboolean(L, true);
    return 1;
  }
  lac_message_free(message);
  if (result == LAC_NO_MEMORY) lac_raise_memory(L);
  lua_pushnil(L);
  lua_pushstring(L, result == LAC_FULL ? "full" : "closed");
  return 2;
}

/* Pushes a copy of the bytes, with the id at `index`. */
static int push_bytes(lua_State *L, const char *bytes, size_t size, int index) {
  port *p = check_port(L, 1);
  lac_message *message = new_message(L, bytes, size, index);
  return finish_push(L, message, lac_mailbox_push(p->mailbox, &p->listeners[LAC_FOR_SPACE].waiter, message));
}

static int l_push(lua_State *L) {
  size_t size = 0;
  const char *bytes = luaL_checklstring(L, 2, &size);
  return push_bytes(L, bytes, size, 3);
}

/* What a cdata that is a pointer points to. */
static const char *check_pointer(lua_State *L, int index) {
  luaL_checktype(L, index, TYPE_CDATA);
  return *(const char *const *)lua_topointer(L, index); /* of a cdata: where its value stands */
}

/* What a worker has written arrives before its outcome. */
static void send_written(lua_State *L) {
  const staff *own = lua_touserdata(L, lua_upvalueindex(1));
  if (lac_output_is_taken(own->output)) lac_output_flush(own->output);
}

static int l_push_from(lua_State *L) {
  send_written(L);
  return push_bytes(L, check_pointer(L, 2), (size_t)luaL_checknumber(L, 3), 4);
}

static int l_push_last(lua_State *L) {
  size_t size = 0;
  const char *bytes = luaL_checklstring(L, 2, &size);
  port *p = check_port(L, 1);
  lac_message *message = new_message(L, bytes, size, 3);
  return finish_push(L, message, lac_mailbox_push_last(p->mailbox, message));
}

/* Messages have come, or gone. */
static void feed(port *p) {
  lac_surplus_feed(&p->surplus, p->mailbox);
  if (p->is_closing && p->surplus.count == 0) lac_mailbox_close(p->mailbox, false);
}

static int l_submit(lua_State *L) {
  port *p = check_port(L, 1);
  lac_message *message = new_message(L, check_pointer(L, 2), (size_t)luaL_checknumber(L, 3), 4);
  int64_t id = lac_surplus_add(&p->surplus, message);
  if (!id) {
    lac_message_free(message);
    lac_raise_memory(L);
  }
  feed(p);
  lua_pushnumber(L, (lua_Number)id);
  lua_pushboolean(L, p->surplus.count > 0);
  return 2;
}

static int l_feed(lua_State *L) {
  port *p = check_port(L, 1);
  feed(p);
  lua_pushboolean(L, p->surplus.count > 0);
  return 1;
}

static int l_take_back(lua_State *L) {
  port *p = check_port(L, 1);
  int64_t id = (int64_t)luaL_checknumber(L, 2);
  bool is_removed = lac_surplus_take_back(&p->surplus, id) || lac_mailbox_take_back(p->mailbox, id);
  feed(p);
  lua_pushboolean(L, is_removed);
  return 1;
}

/* What a large message is popped as: where it stands, until the next pop. Another copy of it would cost more. */
static int push_in_place(lua_State *L, const lac_message *message) {
  lua_pushlightuserdata(L, (void *)message->bytes);
  lua_pushnumber(L, (lua_Number)message->id);
  lua_pushnumber(L, (lua_Number)message->size);
  return 3;
}

static int l_pop(lua_State *L) {
  port *p = check_port(L, 1);
  lac_message_free(p->popped); /* of the pop before, if that was large or raised */
  lac_waiter *waiter = &p->listeners[LAC_FOR_MESSAGE].waiter;
  bool is_closed = false;
  lac_worker *worker = p->calls_of;
  p->popped = lac_mailbox_pop(p->mailbox, waiter, worker ? &worker->running : NULL, &is_closed);
  const staff *own = lua_touserdata(L, lua_upvalueindex(1));
  if (own->words) lac_words_deliver(own->words, lac_runtime(L)); /* what was written before the message was sent */
  if (worker) lac_worker_begin(worker, p->popped ? p->popped->id : 0);
  if (!p->popped) {
    lua_pushnil(L);
    lua_pushboolean(L, is_closed);
    return 2;
  }
  if (p->popped->size >= IN_PLACE_BYTES) return push_in_place(L, p->popped);
  lua_pushlstring(L, p->popped->bytes, p->popped->size);
  lua_pushnumber(L, (lua_Number)p->popped->id);
  lac_message_free(p->popped);
  p->popped = NULL;
  return 2;
}

static int l_look(lua_State *L) {
  port *p = check_port(L, 1);
  lua_pushboolean(L, lac_mailbox_look(p->mailbox, &p->patience));
  return 1;
}

static int l_close(lua_State *L) {
  port *p = check_port(L, 1);
  if (lua_toboolean(L, 2)) {
    lac_surplus_clear(&p->surplus);
    lac_mailbox_close(p->mailbox, true);
    return 0;
  }
  p->is_closing = true;
  feed(p);
  return 0;
}

static int l_listen(lua_State *L) {
  port *p = check_port(L, 1);
  lac_side side = (lac_side)luaL_checkoption(L, 2, NULL, side_names);
  luaL_checktype(L, 3, LUA_TFUNCTION);
  lac_listening mode = (lac_listening)luaL_checkoption(L, 4, "foreground", mode_names);
  lac_listen(get_staff(L)->listeners, &p->listeners[side], p->mailbox, side, mode, L, 3);
  return 0;
}

static int l_unlisten(lua_State *L) {
  lac_unlisten(&check_port(L, 1)->listeners[luaL_checkoption(L, 2, NULL, side_names)]);
  return 0;
}

static int l_collect_mailbox(lua_State *L) {
  port *p = check_port(L, 1);
  for (int side = 0; side < LAC_SIDE_COUNT; side++) lac_unlisten(&p->listeners[side]);
  lac_message_free(p->popped);
  lac_surplus_clear(&p->surplus);
  lac_mailbox_release(p->mailbox);
  free(p);
  return 0;
}

/* ---- workers ---- */

static lac_worker *check_worker(lua_State *L) {
  lac_worker *worker = *(lac_worker **)luaL_checkudata(L, 1, WORKER_METATABLE);
  luaL_argcheck(L, worker && !lac_is_closing(lac_runtime(L)), 1, "the worker has ended");
  return worker;
}

static int l_start(lua_State *L) {
  staff *own = get_staff(L);
  lac_worker like = {.number = (int64_t)luaL_checknumber(L, 1),
                     .inbox = check_port(L, 2)->mailbox,
                     .outbox = check_port(L, 3)->mailbox,
                     .is_clock_virtual = lua_toboolean(L, 5),
                     .is_debug = lua_toboolean(L, 6),
                     .stream = lua_isnoneornil(L, 7) ? NULL : check_port(L, 7)->mailbox};
  if (!own->words && lac_output_is_taken(own->output)) {
    own->words = lac_words_new(lac_driver_inbox(lac_runtime_driver(lac_runtime(L))));
    if (!own->words) lac_raise_memory(L);
  }
  like.words = own->words;
  size_t size = 0;
  const char *setup = luaL_checklstring(L, 4, &size), *message = NULL;
  lac_worker **box = lua_newuserdata(L, sizeof *box);
  *box = lac_worker_start(&own->workers, &like, setup, size, &message);
  if (!*box) {
    lua_pushnil(L);
    lua_pushstring(L, message);
    return 2;
  }
  luaL_getmetatable(L, WORKER_METATABLE);
  lua_setmetatable(L, -2);
  return 1;
}

static int l_running(lua_State *L) {
  lua_pushnumber(L, (lua_Number)check_worker(L)->running);
  return 1;
}

static int l_interrupt(lua_State *L) {
  lac_worker_interrupt(check_worker(L), (int64_t)luaL_checknumber(L, 2));
  return 0;
}

static int l_stop(lua_State *L) {
  lac_worker_stop(check_worker(L));
  return 0;
}

static int l_join(lua_State *L) {
  lac_worker_join(check_worker(L));
  *(lac_worker **)lua_touserdata(L, 1) = NULL;
  return 0;
}

/* ---- on the worker's side ---- */

static int l_ends(lua_State *L) {
  lac_worker *worker = lac_worker_of(L);
  if (!worker) return 0;
  port *inbox = push_port(L, lac_mailbox_retain(worker->inbox));
  push_port(L, lac_mailbox_retain(worker->outbox));
  push_port(L, lac_mailbox_retain(worker->control));
  lua_pushlstring(L, worker->setup->bytes, worker->setup->size);
  if (!worker->stream) {
    inbox->calls_of = worker;
    return 4;
  }
  worker->running = ONLY_CALL; /* what arrives in the inbox are values for it */
  lac_worker_begin(worker, ONLY_CALL);
  push_port(L, lac_mailbox_retain(worker->stream));
  return 5;
}

/* cores() → how many threads can run at once. */
static int l_cores(lua_State *L) {
  lua_pushinteger(L, (lua_Integer)uv_available_parallelism());
  return 1;
}

static int l_expect(lua_State *L) {
  lac_driver_expect(lac_runtime_driver(lac_runtime(L)));
  return 0;
}

static int l_unexpect(lua_State *L) {
  lac_driver_unexpect(lac_runtime_driver(lac_runtime(L)));
  return 0;
}

static int l_spare(lua_State *L) {
  lac_worker *worker = lac_worker_of(L);
  if (worker) lac_worker_spare(worker, (unsigned)(luaL_optnumber(L, 1, 0) * 1000));
  return 0;
}

static int l_leave(lua_State *L) {
  lac_worker *worker = lac_worker_of(L);
  if (!worker) return 0;
  lac_worker_begin(worker, 0);
  if (!lua_isnoneornil(L, 1)) lac_worker_set_reason(worker, luaL_checkstring(L, 1));
  return 0;
}

/* ---- the module ---- */

static void on_runtime_close(void *data) {
  staff *own = data;
  int abandoned = lac_worker_end_all(&own->workers, END_LIMIT_MS);
  if (abandoned > 0) {
    char text[80];
    snprintf(text, sizeof text, "%d worker thread%s did not end when told to: abandoned", abandoned,
             abandoned == 1 ? "" : "s");
    lac_output_log(own->output, text);
  }
  lac_words_release(own->words);
  free(own);
}

static void add_class(lua_State *L, const char *name, const luaL_Reg *methods, staff *own) {
  luaL_newmetatable(L, name);
  for (; methods->name; methods++) {
    lua_pushlightuserdata(L, own);
    lua_pushcclosure(L, methods->func, 1);
    lua_setfield(L, -2, methods->name);
  }
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}

int luaopen_lacuna_native_worker(lua_State *L) {
  static const luaL_Reg mailbox_methods[] = {
      {"push", l_push},     {"push_from", l_push_from}, {"push_last", l_push_last},
      {"submit", l_submit}, {"feed", l_feed},           {"pop", l_pop},
      {"look", l_look},     {"take_back", l_take_back}, {"close", l_close},
      {"listen", l_listen}, {"unlisten", l_unlisten},   {"__gc", l_collect_mailbox},
      {NULL, NULL}};
  static const luaL_Reg worker_methods[] = {
      {"running", l_running}, {"interrupt", l_interrupt}, {"stop", l_stop}, {"join", l_join}, {NULL, NULL}};
  static const luaL_Reg functions[] = {{"mailbox", l_mailbox}, {"start", l_start},       {"ends", l_ends},
                                       {"spare", l_spare},     {"leave", l_leave},       {"cores", l_cores},
                                       {"expect", l_expect},   {"unexpect", l_unexpect}, {NULL, NULL}};
  staff *own = calloc(1, sizeof *own);
  if (own) {
    own->workers.next = own->workers.previous = &own->workers;
    own->output = lac_runtime_output(lac_runtime(L));
    own->listeners = lac_listeners_open(lac_runtime(L), on_runtime_close, own);
  }
  if (!own || !own->listeners) {
    free(own);
    return luaL_error(L, "out of memory or file descriptors");
  }
  add_class(L, MAILBOX_METATABLE, mailbox_methods, own);
  add_class(L, WORKER_METATABLE, worker_methods, own);
  lua_newtable(L);
  for (const luaL_Reg *function = functions; function->name; function++) {
    lua_pushlightuserdata(L, own);
    lua_pushcclosure(L, function->func, 1);
    lua_setfield(L, -2, function->name);
  }
  return 1;
}
