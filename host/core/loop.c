/* loop: the tables are reached through registry references, the slots through two growing arrays. */
#include "core/loop.h"

#include <lauxlib.h>
#include <math.h>
#include <stdlib.h>

#include "core/luax.h"

enum {
  STALE_MIN = 64,    /* fewer stale timers than this are not worth a pass */
  LIST_LENGTH = 64,  /* a ready list that has become this long is exchanged for the other */
  FIRST_READY = 127, /* entries that it has room for: 128 places with that of the count */
};

/* ---- the ready list ---- */

void lac_loop_push_lists(lua_State *L, const lac_loop *loop) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->list_refs[0]);
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->list_refs[1]);
}

/* A generation is a piece of the list that Lua goes on filling: exchanging the lists each time would cost a loop in
 * which one task runs at a time a tenth of all that it does. */
bool lac_loop_begin_generation(lua_State *L, lac_loop *loop, int object, int lists) {
  if (loop->draining != loop->filling) { /* the last one was the end of its list */
    lua_pushinteger(L, 0);
    lua_rawseti(L, lists + loop->draining, READY_COUNT);
    loop->draining = loop->filling;
    loop->count = 0;
  }
  lua_rawgeti(L, lists + loop->filling, READY_COUNT);
  int count = (int)lua_tointeger(L, -1);
  lua_pop(L, 1);
  loop->position = loop->count + 1;
  if (count == loop->count) return false;
  loop->count = count;
  if (count >= LIST_LENGTH) {
    loop->filling = !loop->filling;
    lua_pushvalue(L, lists + loop->filling);
    lua_rawseti(L, object, LOOP_READY);
  }
  return true;
}

bool lac_loop_is_ready(lua_State *L, const lac_loop *loop) {
  if (loop->position <= loop->count) return true;
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->list_refs[loop->filling]);
  lua_rawgeti(L, -1, READY_COUNT);
  int count = (int)lua_tointeger(L, -1);
  lua_pop(L, 2);
  return count > (loop->draining == loop->filling ? loop->count : 0);
}

void lac_loop_push_ready(lua_State *L, lac_loop *loop) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->list_refs[loop->filling]);
  lua_rawgeti(L, -1, READY_COUNT);
  int count = (int)lua_tointeger(L, -1) + 1;
  lua_pop(L, 1);
  lua_insert(L, -2);
  lua_rawseti(L, -2, count);
  lua_pushinteger(L, count);
  lua_rawseti(L, -2, READY_COUNT);
  lua_pop(L, 1);
}

/* ---- timers ---- */

static void set_entry(lua_State *L, const lac_loop *loop, uint32_t slot) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->entries_ref);
  lua_insert(L, -2);
  lua_rawseti(L, -2, (int)slot + 1);
  lua_pop(L, 1);
}

/* Pushes what the timer makes ready, and keeps it no longer. */
static void take_entry(lua_State *L, const lac_loop *loop, uint32_t slot) {
  lua_rawgeti(L, LUA_REGISTRYINDEX, loop->entries_ref);
  lua_rawgeti(L, -1, (int)slot + 1);
  lua_pushboolean(L, 0);
  lua_rawseti(L, -3, (int)slot + 1);
  lua_remove(L, -2);
}

static bool take_slot(lac_loop *loop, uint32_t *slot) {
  if (loop->free_count > 0) {
    *slot = loop->free_slots[--loop->free_count];
    return true;
  }
  if (loop->slot_count == loop->slot_capacity) {
    uint32_t capacity = loop->slot_capacity ? loop->slot_capacity * 2 : 64;
    unsigned char *slots = realloc(loop->slots, capacity * sizeof *slots);
    if (!slots) return false;
    loop->slots = slots;
    uint32_t *free_slots = realloc(loop->free_slots, capacity * sizeof *free_slots);
    if (!free_slots) return false;
    loop->free_slots = free_slots;
    loop->slot_capacity = capacity;
  }
  *slot = loop->slot_count++;
  return true;
}

static void free_slot(lac_loop *loop, uint32_t slot) {
  loop->slots[slot] = LAC_SLOT_FREE;
  loop->free_slots[loop->free_count++] = slot;
}

/* For lac_timers_compact: a slot marked free is still named by the heap, and becomes reusable as it leaves. */
static bool drop_stale(void *data, uint32_t slot) {
  lac_loop *loop = data;
  if (loop->slots[slot] != LAC_SLOT_FREE) return false;
  loop->free_slots[loop->free_count++] = slot;
  return true;
}

void lac_loop_expire(lua_State *L, lac_loop *loop, double now) {
  while (loop->timers.count > 0 && loop->timers.heap[0].when <= now) {
    uint32_t slot = lac_timers_take(&loop->timers).slot;
    if (loop->slots[slot] == LAC_SLOT_FREE) {
      loop->timers.stale_count--;
      free_slot(loop, slot);
    } else if (loop->slots[slot] == LAC_SLOT_SLEEP) {
      loop->slots[slot] = LAC_SLOT_FIRED;
      lua_pushinteger(L, (lua_Integer)slot);
      lac_loop_push_ready(L, loop);
    } else {
      take_entry(L, loop, slot);
      lua_pushboolean(L, 0);
      lua_rawseti(L, -2, HANDLE_SLOT);
      lac_loop_push_ready(L, loop);
      free_slot(loop, slot);
    }
  }
}

double lac_loop_deadline(lac_loop *loop) {
  while (loop->timers.count > 0 && loop->slots[loop->timers.heap[0].slot] == LAC_SLOT_FREE) {
    loop->timers.stale_count--;
    free_slot(loop, lac_timers_take(&loop->timers).slot);
  }
  return loop->timers.count > 0 ? loop->timers.heap[0].when : INFINITY;
}

uint32_t lac_loop_arm(lua_State *L, lac_loop *loop, double when, lac_slot_state state) {
  uint32_t slot = 0;
  if (!take_slot(loop, &slot)) lac_raise_memory(L);
  if (!lac_timers_add(&loop->timers, when, slot)) {
    free_slot(loop, slot);
    lac_raise_memory(L);
  }
  loop->slots[slot] = (unsigned char)state;
  set_entry(L, loop, slot);
  return slot;
}

bool lac_loop_disarm(lua_State *L, lac_loop *loop, uint32_t slot) {
  if (loop->slots[slot] == LAC_SLOT_OVER) return false;
  lua_pushboolean(L, 0);
  set_entry(L, loop, slot);
  bool is_fired = loop->slots[slot] == LAC_SLOT_FIRED;
  loop->slots[slot] = LAC_SLOT_FREE;
  if (is_fired) return true; /* its number in the ready list lets go of the slot */
  if (++loop->timers.stale_count > STALE_MIN && loop->timers.stale_count > loop->timers.count / 2)
    lac_timers_compact(&loop->timers, drop_stale, loop);
  return true;
}

double lac_loop_deadline_of(const lac_loop *loop, uint32_t slot) {
  for (uint32_t i = 0; i < loop->timers.count; i++)
    if (loop->timers.heap[i].slot == slot) return loop->timers.heap[i].when;
  return -INFINITY; /* it has fired */
}

bool lac_loop_end_sleep(lua_State *L, lac_loop *loop, uint32_t slot) {
  if (loop->slots[slot] == LAC_SLOT_FIRED) {
    lua_pushinteger(L, (lua_Integer)slot);
    lac_loop_push_ready(L, loop);
    loop->slots[slot] = LAC_SLOT_OVER; /* not before it stands in the list: memory may run out */
    return false;
  }
  bool is_over = loop->slots[slot] == LAC_SLOT_OVER;
  if (is_over) take_entry(L, loop, slot);
  free_slot(loop, slot);
  return is_over;
}

/* ---- making and collecting ---- */

static int l_collect(lua_State *L) {
  lac_loop *loop = lua_touserdata(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->list_refs[0]);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->list_refs[1]);
  luaL_unref(L, LUA_REGISTRYINDEX, loop->entries_ref);
  lac_timers_free(&loop->timers);
  free(loop->slots);
  free(loop->free_slots);
  return 0;
}

/* Pushes an empty ready list. */
static void push_list(lua_State *L) {
  lua_createtable(L, FIRST_READY, 0);
  lua_pushinteger(L, 0);
  lua_rawseti(L, -2, READY_COUNT);
}

void lac_loop_clear(lua_State *L, lac_loop *loop) {
  push_list(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, loop->list_refs[loop->filling]);
  loop->draining = loop->filling;
  loop->count = 0;
  loop->position = 1;
  lua_newtable(L);
  lua_rawseti(L, LUA_REGISTRYINDEX, loop->entries_ref);
  loop->timers.count = loop->timers.stale_count = 0;
}

static int new_list(lua_State *L) {
  push_list(L);
  return luaL_ref(L, LUA_REGISTRYINDEX);
}

lac_loop *lac_loop_new(lua_State *L, lac_scheduler *scheduler, bool is_clock_virtual) {
  lac_loop *loop = lua_newuserdata(L, sizeof *loop);
  *loop = (lac_loop){
      .scheduler = scheduler,
      .object_ref = LUA_NOREF,
      .list_refs = {LUA_NOREF, LUA_NOREF},
      .entries_ref = LUA_NOREF,
      .position = 1,
      .is_clock_virtual = is_clock_virtual,
  };
  if (luaL_newmetatable(L, "lacuna.loop")) {
    lua_pushcfunction(L, l_collect);
    lua_setfield(L, -2, "__gc");
  }
  lua_setmetatable(L, -2);
  loop->list_refs[0] = new_list(L);
  loop->list_refs[1] = new_list(L);
  loop->entries_ref = new_list(L);
  return loop;
}
