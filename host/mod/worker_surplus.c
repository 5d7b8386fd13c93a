#include "mod/worker_surplus.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 16, MOST_KEPT = 1024 };

static lac_message **slot_of(lac_surplus *surplus, int64_t place) {
  return &surplus->slots[(uint64_t)place & (surplus->capacity - 1)];
}

static bool grow(lac_surplus *surplus) {
  lac_surplus larger = *surplus;
  larger.capacity = surplus->capacity ? 2 * surplus->capacity : FIRST_CAPACITY;
  larger.slots = calloc(larger.capacity, sizeof(lac_message *));
  if (!larger.slots) return false;
  for (int64_t place = surplus->first; place < surplus->next; place++)
    *slot_of(&larger, place) = *slot_of(surplus, place);
  free(surplus->slots);
  *surplus = larger;
  return true;
}

int64_t lac_surplus_add(lac_surplus *surplus, lac_message *message) {
  bool is_full = (uint64_t)(surplus->next - surplus->first) == surplus->capacity;
  if (is_full && !grow(surplus)) return 0;
  *slot_of(surplus, surplus->next) = message;
  surplus->count++;
  message->id = ++surplus->next;
  return message->id;
}

/* Moves on to the oldest that is here. */
static void skip_holes(lac_surplus *surplus) {
  while (surplus->first < surplus->next && !*slot_of(surplus, surplus->first)) surplus->first++;
  if (surplus->count > 0 || surplus->capacity <= MOST_KEPT) return;
  free(surplus->slots);
  surplus->slots = NULL;
  surplus->capacity = 0;
}

bool lac_surplus_take_back(lac_surplus *surplus, int64_t id) {
  if (id <= surplus->first || id > surplus->next || !*slot_of(surplus, id - 1)) return false;
  lac_message_free(*slot_of(surplus, id - 1));
  *slot_of(surplus, id - 1) = NULL;
  surplus->count--;
  skip_holes(surplus);
  return true;
}

void lac_surplus_feed(lac_surplus *surplus, lac_mailbox *mailbox) {
  if (surplus->count == 0 || !lac_mailbox_is_half_empty(mailbox)) return;
  size_t taken = 0, offered = 0;
  while (surplus->first < surplus->next && taken == offered) {
    lac_message **oldest = slot_of(surplus, surplus->first);
    size_t left = (size_t)(surplus->next - surplus->first),
           in_a_row = (size_t)(surplus->slots + surplus->capacity - oldest);
    offered = left < in_a_row ? left : in_a_row;
    taken = lac_mailbox_push_many(mailbox, oldest, offered);
    for (size_t i = 0; i < taken; i++) {
      if (oldest[i]) surplus->count--;
      oldest[i] = NULL;
    }
    surplus->first += (int64_t)taken;
  }
  skip_holes(surplus);
}

void lac_surplus_clear(lac_surplus *surplus) {
  for (int64_t place = surplus->first; place < surplus->next; place++) lac_message_free(*slot_of(surplus, place));
  free(surplus->slots);
  *surplus = (lac_surplus){0};
}
