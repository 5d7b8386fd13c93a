/* patience: looking for something for a moment before sleeping until it comes.
 *
 * To sleep and be woken takes 5 to 50 us, more than many answers do; but looking in vain keeps others from running. So
 * it is learned: each time in vain, looking is left out for twice as often, and for long where the core went to
 * somebody else meanwhile, as on a machine that is busy. One success, and it is done each time again. */
#ifndef LAC_CORE_PATIENCE_H
#define LAC_CORE_PATIENCE_H

#include <stdbool.h>
#include <stdint.h>

/* Zeroed before its first use; one for each place that waits. */
typedef struct lac_patience {
  uint32_t pause; /* how often looking is left out after it was in vain the next time */
  uint32_t left;  /* how often it still is */
} lac_patience;

/* Calls is_there(data) until it is true, for 50 us; or not at all. Whether it was. */
bool lac_look(lac_patience *patience, bool (*is_there)(void *data), void *data);

#endif
