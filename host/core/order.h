/* order: numbers in an order that a seed decides, the same in every run: what --shuffle runs a generation in. */
#ifndef LAC_CORE_ORDER_H
#define LAC_CORE_ORDER_H

#include <stdbool.h>
#include <stdint.h>

typedef struct lac_order {
  uint64_t random; /* the generator's state, at first the seed; 0: nothing is shuffled */
  int *items;
  int count, capacity;
} lac_order;

/* Adds a number. False if memory ran out. */
bool lac_order_add(lac_order *order, int item);

/* Shuffles the numbers. */
void lac_order_shuffle(lac_order *order);

void lac_order_free(lac_order *order);

#endif
