/* worker_words: what worker threads write and report, on its way to the output of the runtime that started them.
 *
 * Each worker's words arrive in order, and before what it sends afterwards through a mailbox: whoever has popped a
 * message of a worker's lets the words arrive first. Where nobody pops, the loop has them arrive. A runtime whose
 * output is the process's streams needs none of this: its workers write there themselves.
 *
 * Threads: sent from any; delivered on the starter's.
 * Ownership: counted; the starter's runtime and each worker hold it. */
#ifndef LAC_MOD_WORKER_WORDS_H
#define LAC_MOD_WORKER_WORDS_H

#include "core/inbox.h"

typedef struct lac_words lac_words;

/* Has the loop of the inbox deliver, as long as that is open. NULL if memory ran out. */
lac_words *lac_words_new(lac_inbox *inbox);
lac_words *lac_words_retain(lac_words *words);
void lac_words_release(lac_words *words);

/* Has a runtime that is to be made with the options write there. */
void lac_words_receive_from(lac_words *words, lacuna_options *options);

/* Writes all that has been sent to the runtime's output. */
void lac_words_deliver(lac_words *words, lacuna_t *runtime);

#endif
