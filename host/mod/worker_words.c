#include "mod/worker_words.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "core/runtime.h"

typedef struct part part;

struct part {
  part *next;
  bool is_log; /* else a piece of the stream */
  lacuna_stream stream;
  size_t size;
  char bytes[];
};

struct lac_words {
  lac_delivery delivery; /* first: on_delivery casts; in the inbox while is_announced */
  atomic_uint holders;
  lac_inbox *inbox;
  atomic_bool is_empty; /* for a look without the lock */
  pthread_mutex_t lock; /* of the rest */
  part *first, **link;
  bool is_announced;
};

static void on_delivery(lac_delivery *delivery, lacuna_t *runtime) {
  lac_words *words = (lac_words *)delivery;
  pthread_mutex_lock(&words->lock);
  words->is_announced = false;
  pthread_mutex_unlock(&words->lock);
  lac_words_deliver(words, runtime);
  lac_words_release(words);
}

lac_words *lac_words_new(lac_inbox *inbox) {
  lac_words *words = calloc(1, sizeof *words);
  if (!words) return NULL;
  words->delivery.deliver = on_delivery;
  atomic_init(&words->holders, 1);
  lac_inbox_retain(inbox);
  words->inbox = inbox;
  atomic_init(&words->is_empty, true);
  pthread_mutex_init(&words->lock, NULL);
  words->link = &words->first;
  return words;
}

lac_words *lac_words_retain(lac_words *words) {
  atomic_fetch_add(&words->holders, 1);
  return words;
}

/* All parts; from here on there are none. */
static part *take_all(lac_words *words) {
  pthread_mutex_lock(&words->lock);
  part *first = words->first;
  words->first = NULL;
  words->link = &words->first;
  words->is_empty = true;
  pthread_mutex_unlock(&words->lock);
  return first;
}

void lac_words_release(lac_words *words) {
  if (!words || atomic_fetch_sub(&words->holders, 1) > 1) return;
  for (part *p = take_all(words), *next; p; p = next) {
    next = p->next;
    free(p);
  }
  pthread_mutex_destroy(&words->lock);
  lac_inbox_drop(words->inbox);
  free(words);
}

void lac_words_deliver(lac_words *words, lacuna_t *runtime) {
  if (words->is_empty) return;
  lac_output *output = lac_runtime_output(runtime);
  for (part *p = take_all(words), *next; p; p = next) {
    next = p->next;
    if (p->is_log)
      lac_output_log(output, p->bytes);
    else
      lac_output_write(output, p->stream, p->bytes, p->size);
    free(p);
  }
}

static void send_part(lac_words *words, bool is_log, lacuna_stream stream, const char *bytes, size_t size) {
  part *p = malloc(sizeof *p + size);
  if (!p) return; /* nobody is left to tell */
  *p = (part){.is_log = is_log, .stream = stream, .size = size};
  memcpy(p->bytes, bytes, size);
  pthread_mutex_lock(&words->lock);
  *words->link = p;
  words->link = &p->next;
  words->is_empty = false;
  bool is_first = !words->is_announced;
  words->is_announced = true;
  pthread_mutex_unlock(&words->lock);
  if (!is_first) return;
  lac_words_retain(words);
  if (!lac_inbox_put(words->inbox, &words->delivery)) lac_words_release(words); /* the runtime is closing */
}

static void on_output(void *data, lacuna_stream stream, const char *bytes, size_t size) {
  send_part(data, false, stream, bytes, size);
}

static void on_log(void *data, const char *text) {
  send_part(data, true, LACUNA_STDERR, text, strlen(text) + 1);
}

void lac_words_receive_from(lac_words *words, lacuna_options *options) {
  options->on_output = on_output;
  options->on_log = on_log;
  options->data = words;
}
