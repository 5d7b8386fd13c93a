/* bytes: one growable run of bytes.
 *
 * The owner is whoever holds the struct; an all-zero struct is an empty one. It knows neither Lua nor libuv, and it
 * never shrinks by itself: a reused buffer keeps its capacity until it is freed. */
#ifndef LAC_BASE_BYTES_H
#define LAC_BASE_BYTES_H

#include <stdbool.h>
#include <stddef.h>

typedef struct lac_bytes {
  char *data; /* NULL until the first append */
  size_t size;
  size_t capacity; /* size <= capacity */
} lac_bytes;

/* Appends size bytes. False if memory ran out; the bytes held before stay as they were. */
bool lac_bytes_append(lac_bytes *bytes, const void *data, size_t size);

/* Makes room for `extra` more bytes without changing the size. False if memory ran out. */
bool lac_bytes_reserve(lac_bytes *bytes, size_t extra);

/* Frees the memory; the struct is then an empty one again. */
void lac_bytes_free(lac_bytes *bytes);

#endif
