#include "core/bell.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct lac_bell {
  int fd;
  atomic_bool is_rung; /* and not heard yet */
  atomic_uint holders;
};

lac_bell *lac_bell_new(void) {
  lac_bell *bell = calloc(1, sizeof *bell);
  if (!bell) return NULL;
  atomic_init(&bell->holders, 1);
  bell->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (bell->fd >= 0) return bell;
  free(bell);
  return NULL;
}

lac_bell *lac_bell_retain(lac_bell *bell) {
  atomic_fetch_add(&bell->holders, 1);
  return bell;
}

void lac_bell_release(lac_bell *bell) {
  if (!bell || atomic_fetch_sub(&bell->holders, 1) > 1) return;
  close(bell->fd);
  free(bell);
}

void lac_bell_ring(lac_bell *bell) {
  if (!atomic_exchange(&bell->is_rung, true)) eventfd_write(bell->fd, 1);
}

int lac_bell_fd(const lac_bell *bell) {
  return bell->fd;
}

void lac_bell_hear(lac_bell *bell) {
  eventfd_t count;
  eventfd_read(bell->fd, &count);
  atomic_store(&bell->is_rung, false);
}
