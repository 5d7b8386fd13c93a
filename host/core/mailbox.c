/* mailbox: a ring of messages under one lock. */
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
  lac_message **slots;              /* the ring */
  uint32_t capacity;                /* a power of two */
  uint32_t first;                   /* the oldest is at slots[first % capacity], the others follow */
  _Atomic uint32_t count;           /* written under the lock, read by spinners without */
  atomic_uint spinners;             /* 0 or 1, but for a moment */
  uint32_t trusted[LAC_SIDE_COUNT]; /* waiters that are expected to look */
  lac_waiter lines[LAC_SIDE_COUNT]; /* heads of rings */
};

/* ---- messages ---- */

lac_message *lac_message_new(int64_t id, const char *bytes, size_t size) {
  lac_message *message = malloc(sizeof *message + size);
  if (!message) return NULL;
  message->id = id;
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

/* The slot of the oldest message but `age`. */
static lac_message **slot_of(lac_mailbox *mailbox, uint32_t age) {
  return &mailbox->slots[(mailbox->first + age) & (mailbox->capacity - 1)];
}

static void free_messages(lac_mailbox *mailbox) {
  for (uint32_t age = 0; age < mailbox->count; age++) lac_message_free(*slot_of(mailbox, age));
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

/* Doubles the ring. False if memory ran out. */
static bool grow(lac_mailbox *mailbox) {
  uint32_t capacity = mailbox->capacity * 2;
  lac_message **slots = capacity > mailbox->capacity ? calloc(capacity, sizeof(lac_message *)) : NULL;
  if (!slots) return false;
  for (uint32_t age = 0; age < mailbox->count; age++) slots[age] = *slot_of(mailbox, age);
  free(mailbox->slots);
  mailbox->slots = slots;
  mailbox->capacity = capacity;
  mailbox->first = 0;
  return true;
}

/* Appends under the lock. False if memory ran out. */
static bool append(lac_mailbox *mailbox, lac_message *message) {
  if (mailbox->count == mailbox->capacity && !grow(mailbox)) return false;
  *slot_of(mailbox, mailbox->count) = message;
  mailbox->count++;
  return true;
}

lac_push_result lac_mailbox_push(lac_mailbox *mailbox, lac_waiter *waiter, lac_message *message) {
  lac_push_result result = LAC_PUSHED;
  pthread_mutex_lock(&mailbox->lock);
  end_trust(mailbox, LAC_FOR_SPACE, waiter);
  if (mailbox->is_closed)
    result = LAC_CLOSED;
  else if (!has_space(mailbox))
    result = LAC_FULL;
  else if (!append(mailbox, message))
    result = LAC_NO_MEMORY;
  lac_bell *bell = tell_next(mailbox, LAC_FOR_MESSAGE);
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
  return result;
}

size_t lac_mailbox_push_many(lac_mailbox *mailbox, lac_message **messages, size_t count) {
  size_t done = 0;
  pthread_mutex_lock(&mailbox->lock);
  for (; done < count && !mailbox->is_closed && has_space(mailbox); done++) {
    if (messages[done] && !append(mailbox, messages[done])) break;
  }
  lac_bell *bell = tell_next(mailbox, LAC_FOR_MESSAGE);
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
  return done;
}

lac_push_result lac_mailbox_push_last(lac_mailbox *mailbox, lac_message *message) {
  pthread_mutex_lock(&mailbox->lock);
  bool is_pushed = append(mailbox, message);
  lac_bell *bell = tell_next(mailbox, LAC_FOR_MESSAGE);
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(bell);
  return is_pushed ? LAC_PUSHED : LAC_NO_MEMORY;
}

bool lac_mailbox_is_half_empty(const lac_mailbox *mailbox) {
  return mailbox->count <= mailbox->limit / 2;
}

lac_message *lac_mailbox_pop(lac_mailbox *mailbox, lac_waiter *waiter, _Atomic int64_t *id, bool *is_closed) {
  lac_message *message = NULL;
  lac_bell *next_popper = NULL, *next_pusher = NULL;
  pthread_mutex_lock(&mailbox->lock);
  end_trust(mailbox, LAC_FOR_MESSAGE, waiter);
  *is_closed = mailbox->count == 0 && mailbox->is_closed;
  if (mailbox->count > 0) {
    message = *slot_of(mailbox, 0);
    mailbox->first++;
    mailbox->count--;
    if (id) *id = message->id;
    next_popper = tell_next(mailbox, LAC_FOR_MESSAGE);
    next_pusher = tell_next(mailbox, LAC_FOR_SPACE);
  }
  pthread_mutex_unlock(&mailbox->lock);
  ring_and_release(next_popper);
  ring_and_release(next_pusher);
  return message;
}

/* Removes the message with this id, under the lock; the latest are looked at first: who cancels many cancels those
 * first, so that none of them is begun meanwhile. */
static lac_message *remove_message(lac_mailbox *mailbox, int64_t id) {
  uint32_t age = mailbox->count;
  while (age > 0 && (*slot_of(mailbox, age - 1))->id != id) age--;
  if (age == 0) return NULL;
  lac_message *message = *slot_of(mailbox, age - 1);
  for (; age < mailbox->count; age++) *slot_of(mailbox, age - 1) = *slot_of(mailbox, age);
  mailbox->count--;
  return message;
}

bool lac_mailbox_take_back(lac_mailbox *mailbox, int64_t id) {
  pthread_mutex_lock(&mailbox->lock);
  lac_message *message = remove_message(mailbox, id);
  lac_bell *next_pusher = message ? tell_next(mailbox, LAC_FOR_SPACE) : NULL;
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
