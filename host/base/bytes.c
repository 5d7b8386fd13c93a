/* bytes: growth by doubling, so that n appends cost n. */
#include "base/bytes.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY_BYTES = 256 };

bool lac_bytes_reserve(lac_bytes *bytes, size_t extra) {
  if (extra > SIZE_MAX / 2 - bytes->size) return false;
  size_t needed = bytes->size + extra;
  if (needed <= bytes->capacity) return true;
  size_t capacity = bytes->capacity ? bytes->capacity : FIRST_CAPACITY_BYTES;
  while (capacity < needed) capacity *= 2;
  char *data = realloc(bytes->data, capacity);
  if (!data) return false;
  bytes->data = data;
  bytes->capacity = capacity;
  return true;
}

bool lac_bytes_append(lac_bytes *bytes, const void *data, size_t size) {
  if (!lac_bytes_reserve(bytes, size)) return false;
  if (size > 0) memcpy(bytes->data + bytes->size, data, size);
  bytes->size += size;
  return true;
}

void lac_bytes_free(lac_bytes *bytes) {
  free(bytes->data);
  *bytes = (lac_bytes){0};
}
