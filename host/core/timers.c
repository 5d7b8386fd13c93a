/* timers: a binary heap in one array of 16-byte entries. */
#include "core/timers.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 64 };

static bool is_before(const lac_timer *a, const lac_timer *b) {
  if (a->when != b->when) return a->when < b->when;
  return (int32_t)(a->sequence - b->sequence) < 0;
}

static void sift_up(lac_timer *heap, uint32_t hole, lac_timer timer) {
  while (hole > 0) {
    uint32_t parent = (hole - 1) / 2;
    if (!is_before(&timer, &heap[parent])) break;
    heap[hole] = heap[parent];
    hole = parent;
  }
  heap[hole] = timer;
}

static void sift_down(lac_timer *heap, uint32_t count, uint32_t hole, lac_timer timer) {
  for (;;) {
    uint32_t child = hole * 2 + 1;
    if (child >= count) break;
    if (child + 1 < count && is_before(&heap[child + 1], &heap[child])) child++;
    if (!is_before(&heap[child], &timer)) break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = timer;
}

bool lac_timers_add(lac_timers *timers, double when, uint32_t slot) {
  if (timers->count == timers->capacity) {
    uint32_t capacity = timers->capacity ? timers->capacity * 2 : FIRST_CAPACITY;
    lac_timer *heap = realloc(timers->heap, capacity * sizeof *heap);
    if (!heap) return false;
    timers->heap = heap;
    timers->capacity = capacity;
  }
  lac_timer timer = {.when = when, .sequence = timers->next_sequence++, .slot = slot};
  sift_up(timers->heap, timers->count++, timer);
  return true;
}

lac_timer lac_timers_take(lac_timers *timers) {
  lac_timer first = timers->heap[0];
  timers->count--;
  if (timers->count > 0) sift_down(timers->heap, timers->count, 0, timers->heap[timers->count]);
  return first;
}

void lac_timers_compact(lac_timers *timers, bool (*is_stale)(void *data, uint32_t slot), void *data) {
  uint32_t kept = 0;
  for (uint32_t i = 0; i < timers->count; i++)
    if (!is_stale(data, timers->heap[i].slot)) timers->heap[kept++] = timers->heap[i];
  timers->count = kept;
  timers->stale_count = 0;
  for (uint32_t i = kept / 2; i-- > 0;) sift_down(timers->heap, kept, i, timers->heap[i]);
}

void lac_timers_free(lac_timers *timers) {
  free(timers->heap);
  *timers = (lac_timers){0};
}
