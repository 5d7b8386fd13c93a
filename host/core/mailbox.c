/* mailbox: a ring of messages under one lock. A message's place follows from its ticket, so that taking one back costs
 * no search; it leaves a hole, which pop skips. */
#include "core/mailbox.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <uv.h>

enum { FIRST_CAPACITY = 16 };

struct lac_mailbox {
  pthread_mutex_t lock; /* held for tens of nanoseconds: an adaptive one, which spins before it sleeps */
  atomic_uint holders;
  uint32_t limit;
  bool is_closed;
  /* The ring: the message with ticket t is at slots[t % capacity]; capacity is a power of two. */
  lac_message **slots;
  uint32_t capacity;
  lac_ticket first, next;           /* tickets of the oldest slot in use, hole or not, and of the next message */
  _Atomic uint32_t count;           /* messages, holes left out; written under the lock, read by spinners without */
  atomic_uint spinners;             /* 0 or 1, but for a moment */
  uint32_t trusted[LAC_SIDE_COUNT]; /* waiters that are expected to look */
  lac_waiter lines[LAC_SIDE_COUNT]; /* heads of rings */
};

/* ---- messages ---- */

lac_message *lac_message_new(int64_t id, const char *bytes, size_t size) {
  lac_message *message = malloc(sizeof *message + size);
  if (!message) return NULL;
  message->id = id;
  message->ticket = 0;
  message->size = size;
  memcpy(message->bytes, bytes, size);
  return message;
}

void lac_message_free(lac_message *message) {
  free(message);
}

/* ---- the line of waiters; all under the lock ---- */

static void leave_line(lac_waiter *waiter) {
  waiter->previous->next = waiter->next;
  waiter->next->previous = waiter->previous;
  waiter->next = waiter->previous = NULL;
}

/* Tells the first in the line; returns its bell, for ring_and_release once the lock is released: whoever hears it wants
 * the lock at once. */
static lac_bell *tell_first(lac_mailbox *mailbox, lac_side side) {
  lac_waiter *line = &mailbox->lines[side], *waiter = line->next;
  if (waiter == line) return NULL;
  leave_line(waiter);
  waiter->is_trusted = true;
  mailbox->trusted[side]++;
  atomic_store(&waiter->is_told, true);
  return lac_bell_retain(waiter->bell);
}

static void ring_and_release(lac_bell *bell) {
  if (!bell) return;
  lac_bell_ring(bell);
  lac_bell_release(bell);
}

static bool has_space(const lac_mailbox *mailbox) {
  return mailbox->limit == 0 || mailbox->count < mailbox->limit;
}

/* Tells the next in the line if there is something for it and nobody searches already. */
static lac_bell *tell_next(lac_mailbox *mailbox, lac_side side) {
  if (mailbox->trusted[side] > 0) return NULL;
  if (side == LAC_FOR_SPACE) return has_space(mailbox) ? tell_first(mailbox, side) : NULL;
  return mailbox->count > 0 && mailbox->spinners == 0 ? tell_first(mailbox, side) : NULL;
}

/* The waiter has looked, or will not. */
static void end_trust(lac_mailbox *mailbox, lac_side side, lac_waiter *waiter) {
  if (!waiter || !waiter->is_trusted) return;
  waiter->is_trusted = false;
  mailbox->trusted[side]--;
}

/* ---- making and letting go ---- */

static bool init_lock(pthread_mutex_t *lock) {
  pthread_mutexattr_t attributes;
  if (pthread_mutexattr_init(&attributes) != 0) return false;
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
  pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
  bool is_made = pthread_mutex_init(lock, &attributes) == 0;
  pthread_mutexattr_destroy(&attributes);
  return is_made;
}

lac_mailbox *lac_mailbox_new(uint32_t limit) {
  lac_mailbox *mailbox = calloc(1, sizeof *mailbox);
  if (!mailbox) return NULL;
  mailbox->slots = calloc(FIRST_CAPACITY, sizeof(lac_message *));
  if (!mailbox->slots || !init_lock(&mailbox->lock)) {
    free(mailbox->slots);
    free(mailbox);
    return NULL;
  }
  mailbox->capacity = FIRST_CAPACITY;
  mailbox->first = mailbox->next = 1;
  mailbox->limit = limit;
  atomic_init(&mailbox->holders, 1);
  for (int side = 0; side < LAC_SIDE_COUNT; side++) {
    lac_waiter *line = &mailbox->lines[side];
    line->next = line->previous = line;
  }
  return mailbox;
}

lac_mailbox *lac_mailbox_retain(lac_mailbox *mailbox) {
  atomic_fetch_add(&mailbox->holders, 1);
  return mailbox;
}

static void free_messages(lac_mailbox *mailbox) {
  for (uint32_t i = 0; i < mailbox->capacity; i++) {
    lac_message_free(mailbox->slots[i]);
    mailbox->slots[i] = NULL;
  }
  mailbox->first = mailbox->next;
  mailbox->count = 0;
}

void lac_mailbox_release(lac_mailbox *mailbox) {
  if (!mailbox || atomic_fetch_sub(&mailbox->holders, 1) > 1) return;
  free_messages(mailbox);
  pthread_mutex_destroy(&mailbox->lock);
  free(mailbox->slots);
  free(mailbox);
}

/* ---- messages in and out ---- */

static lac_message **slot_of(lac_mailbox *mailbox, lac_ticket ticket) {
  return &mailbox->slots[ticket & (mailbox->capacity - 1)];
}

/* Doubles the ring. False if memory ran out. */
static bool grow(lac_mailbox *mailbox) {
  uint32_t capacity = mailbox->capacity * 2;
  lac_message **slots = capacity > mailbox->capacity ? calloc(capacity, sizeof(lac_message *)) : NULL;
  if (!slots) return false;
  for (lac_ticket ticket = mailbox->first; ticket < mailbox->next; ticket++)
    slots[ticket & (capacity - 1)] = *slot_of(mailbox, ticket);
  free(mailbox->slots);
  mailbox->slots = slots;
  mailbox->capacity = capacity;
  return true;
}

/* Appends under the lock. */
static lac_push_result append(lac_mailbox *mailbox, lac_message *message, lac_bell **bell) {
  if (mailbox->next - mailbox->first == mailbox->capacity && !grow(mailbox)) return LAC_NO_MEMORY;
  message->ticket = mailbox->next++;
  *slot_of(mailbox, message->ticket) = message;
  mailbox->count++;
  *bell = tell_next(mailbox, LAC_FOR_MESSAGE);
  return LAC_PUSHED;
}

lac_push_result lac_mailbox_push(lac_mailbox *mailbox, lac_waiter *waiter, lac_message *message, lac_ticket *ticket) {
  lac_push_result result = LAC_PUSHED;
  lac_bell *bell = NULL;
  pthread_mutex_lock(&mailbox->lock);
  end_trust(mailbox, LAC_FOR_SPACE, waiter);
  if (mailbox->is_closed)
    result = LAC_CLOSED;
  else if (!has_space(mailbox))
    result = LAC_FULL;
  else
    result = append(mailbox, message, &bell);
  if (result == LAC_PUSHED && ticket) *ticket = message->ticket;
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
  return result;
}

lac_push_result lac_mailbox_push_last(lac_mailbox *mailbox, lac_message *message) {
  lac_bell *bell = NULL;
  pthread_mutex_lock(&mailbox->lock);
  lac_push_result result = append(mailbox, message, &bell);
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
  return result;
}

static void skip_holes(lac_mailbox *mailbox) {
  while (mailbox->first < mailbox->next && !*slot_of(mailbox, mailbox->first)) mailbox->first++;
}

/* Takes the message out of its slot, under the lock. */
static lac_message *take(lac_mailbox *mailbox, lac_ticket ticket) {
  lac_message *message = *slot_of(mailbox, ticket);
  *slot_of(mailbox, ticket) = NULL;
  mailbox->count--;
  skip_holes(mailbox);
  return message;
}

lac_message *lac_mailbox_pop(lac_mailbox *mailbox, lac_waiter *waiter, _Atomic lac_ticket *ticket, bool *is_closed) {
  lac_message *message = NULL;
  lac_bell *next_popper = NULL, *next_pusher = NULL;
  pthread_mutex_lock(&mailbox->lock);
  end_trust(mailbox, LAC_FOR_MESSAGE, waiter);
  *is_closed = mailbox->count == 0 && mailbox->is_closed;
  if (mailbox->count > 0) {
    message = take(mailbox, mailbox->first);
    if (ticket) *ticket = message->ticket;
    next_popper = tell_next(mailbox, LAC_FOR_MESSAGE);
    next_pusher = tell_next(mailbox, LAC_FOR_SPACE);
  }
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(next_popper);
  ring_and_release(next_pusher);
  return message;
}

bool lac_mailbox_take_back(lac_mailbox *mailbox, lac_ticket ticket) {
  lac_message *message = NULL;
  lac_bell *next_pusher = NULL;
  pthread_mutex_lock(&mailbox->lock);
  if (ticket >= mailbox->first && ticket < mailbox->next && *slot_of(mailbox, ticket)) {
    message = take(mailbox, ticket);
    next_pusher = tell_next(mailbox, LAC_FOR_SPACE);
  }
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(next_pusher);
  lac_message_free(message);
  return message != NULL;
}

static void relax_processor(void) {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

static bool has_message(void *data) {
  enum { LOOKS = 32 };
  const lac_mailbox *mailbox = data;
  for (int look = 0; look < LOOKS && mailbox->count == 0; look++) relax_processor();
  return mailbox->count > 0;
}

bool lac_mailbox_look(lac_mailbox *mailbox, lac_patience *patience) {
  bool is_first = atomic_fetch_add(&mailbox->spinners, 1) == 0;
  if (is_first) lac_look(patience, has_message, mailbox);
  atomic_fetch_sub(&mailbox->spinners, 1);
  return mailbox->count > 0;
}

/* Tells everybody in the line; nobody hurries, so the bells are rung under the lock. */
static void tell_all(lac_mailbox *mailbox, lac_side side) {
  for (lac_bell *bell; (bell = tell_first(mailbox, side));) ring_and_release(bell);
}

void lac_mailbox_close(lac_mailbox *mailbox, bool is_emptied) {
  pthread_mutex_lock(&mailbox->lock);
  mailbox->is_closed = true;
  if (is_emptied) free_messages(mailbox);
  tell_all(mailbox, LAC_FOR_MESSAGE);
  tell_all(mailbox, LAC_FOR_SPACE);
  pthread_mutex_unlock(&mailbox->lock);
}

/* ---- waiters ---- */

void lac_mailbox_enlist(lac_mailbox *mailbox, lac_side side, lac_waiter *waiter) {
  pthread_mutex_lock(&mailbox->lock);
  end_trust(mailbox, side, waiter);
  if (!waiter->next) { /* first in the line: who waited last is still warm */
    lac_waiter *line = &mailbox->lines[side];
    waiter->previous = line;
    waiter->next = line->next;
    waiter->next->previous = line->next = waiter;
  }
  lac_bell *bell = mailbox->is_closed ? tell_first(mailbox, side) : tell_next(mailbox, side);
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
}

void lac_mailbox_withdraw(lac_mailbox *mailbox, lac_side side, lac_waiter *waiter) {
  pthread_mutex_lock(&mailbox->lock);
  if (waiter->next) leave_line(waiter);
  end_trust(mailbox, side, waiter);
  lac_bell *bell = tell_next(mailbox, side);
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
}
