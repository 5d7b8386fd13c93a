/* bell: rung on any thread, heard by one loop. It is an eventfd, written to once however often it is rung before it is
 * heard.
 *
 * Not a uv_async: who hears one spins while the sender is still within uv_async_send, and on one core the sender is put
 * aside for the receiver exactly there, which cost 50 us a message.
 *
 * Ownership: counted, so that a bell can be rung by who no longer knows whether its loop still lives. */
#ifndef LAC_CORE_BELL_H
#define LAC_CORE_BELL_H

typedef struct lac_bell lac_bell;

/* A bell with one holder; NULL if memory or file descriptors ran out. */
lac_bell *lac_bell_new(void);
lac_bell *lac_bell_retain(lac_bell *bell);
void lac_bell_release(lac_bell *bell);

/* Makes the descriptor readable. From any thread; does not block. */
void lac_bell_ring(lac_bell *bell);

/* What to poll for reading. */
int lac_bell_fd(const lac_bell *bell);

/* Hears it: call this first, then look for what it was rung for. */
void lac_bell_hear(lac_bell *bell);

#endif
