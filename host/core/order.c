#include "core/order.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

bool lac_order_add(lac_order *order, int item) {
  if (order->count == order->capacity) {
    int capacity = order->capacity ? order->capacity * 2 : FIRST_CAPACITY;
    int *items = realloc(order->items, (size_t)capacity * sizeof *items);
    if (!items) return false;
    order->items = items;
    order->capacity = capacity;
  }
  order->items[order->count++] = item;
  return true;
}

static uint64_t next_random(uint64_t *state) { /* xorshift64* */
  *state ^= *state >> 12;
  *state ^= *state << 25;
  *state ^= *state >> 27;
  return *state * 0x2545F4914F6CDD1DULL;
}

static void swap(int *a, int *b) {
  int was_a = *a;
  *a = *b;
  *b = was_a;
}

void lac_order_shuffle(lac_order *order) {
  for (int left = order->count; left > 1; left--)
    swap(&order->items[left - 1], &order->items[next_random(&order->random) % (uint64_t)left]);
}

void lac_order_free(lac_order *order) {
  free(order->items);
  *order = (lac_order){.items = NULL};
}
