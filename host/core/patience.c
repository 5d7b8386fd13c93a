#include "core/patience.h"

#include <sched.h>
#include <uv.h>

enum {
  LIMIT_NS = 50 * 1000,
  ELSEWHERE_NS = 500 * 1000, /* whoever was given the core keeps it: it has work of its own */
  LONGEST_PAUSE = 1023,
};

bool lac_look(lac_patience *patience, bool (*is_there)(void *data), void *data) {
  if (patience->left > 0) {
    patience->left--;
    return false;
  }
  uint64_t started_ns = uv_hrtime(), elapsed_ns = 0;
  while (elapsed_ns < LIMIT_NS) {
    if (is_there(data)) {
      patience->pause = 0;
      return true;
    }
    sched_yield(); /* who is looked for may be waiting for this very core */
    elapsed_ns = uv_hrtime() - started_ns;
  }
  patience->pause = 2 * patience->pause + 1;
  if (patience->pause > LONGEST_PAUSE || elapsed_ns > ELSEWHERE_NS) patience->pause = LONGEST_PAUSE;
  patience->left = patience->pause;
  return false;
}
