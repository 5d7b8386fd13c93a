/* timers: a heap of deadlines, earliest first, equal ones in the order they were added.
 *
 * An entry names a slot, a small number that its user maps to whatever is to happen. Taking a timer back is lazy: the
 * user marks the slot, the entry stays until it reaches the top or until lac_timers_compact throws out all that the
 * user calls stale. It knows neither Lua, nor libuv, nor any clock: times are seconds as the user counts them. */
#ifndef LAC_CORE_TIMERS_H
#define LAC_CORE_TIMERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct lac_timer {
  double when; /* seconds */
  uint32_t sequence;
  uint32_t slot;
} lac_timer;

typedef struct lac_timers {
  lac_timer *heap; /* heap[0] is the earliest */
  uint32_t count, capacity;
  uint32_t next_sequence; /* may wrap: sequences are compared by difference */
  uint32_t stale_count;   /* entries taken back and still in the heap; kept by the user */
} lac_timers;

/* Adds an entry. False if memory ran out. */
bool lac_timers_add(lac_timers *timers, double when, uint32_t slot);

/* Removes and returns the earliest entry; there must be one. */
lac_timer lac_timers_take(lac_timers *timers);

/* Drops every entry whose slot is_stale calls stale, in one pass. */
void lac_timers_compact(lac_timers *timers, bool (*is_stale)(void *data, uint32_t slot), void *data);

void lac_timers_free(lac_timers *timers);

#endif
