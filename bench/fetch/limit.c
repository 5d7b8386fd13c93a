/* limit URL COUNT CONCURRENCY: what libcurl's multi interface on libuv costs: handles reused, a poll handle kept for
 * each socket, bodies collected in a buffer, and nothing of what a client has to offer. */
#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

enum { SOCKETS_MAX = 20480 };

typedef struct transfer {
  CURL *easy;
  char *body;
  size_t size, capacity;
} transfer;

typedef struct watch {
  uv_poll_t poll;
  curl_socket_t socket;
  int events;
} watch;

static uv_loop_t loop;
static uv_timer_t timer;
static CURLM *multi;
static watch *watches[SOCKETS_MAX];
static long left, running_count, received, failed_count;

static size_t on_body(char *data, size_t one, size_t size, void *user) {
  (void)one;
  transfer *t = user;
  if (t->size + size > t->capacity) {
    t->capacity = 2 * (t->size + size);
    t->body = realloc(t->body, t->capacity);
    if (!t->body) abort();
  }
  memcpy(t->body + t->size, data, size);
  t->size += size;
  return size;
}

static void finish_transfers(void) {
  int queued;
  for (CURLMsg *message; (message = curl_multi_info_read(multi, &queued));) {
    CURL *easy = message->easy_handle;
    transfer *t;
    if (message->data.result != CURLE_OK) failed_count++;
    curl_easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    received += (long)t->size;
    t->size = 0;
    curl_multi_remove_handle(multi, easy);
    running_count--;
    if (left-- > 0) {
      running_count++;
      curl_multi_add_handle(multi, easy);
    }
  }
}

static void on_poll(uv_poll_t *poll, int status, int events) {
  watch *w = poll->data;
  int flags = status < 0 ? CURL_CSELECT_ERR : 0, running;
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  curl_multi_socket_action(multi, w->socket, flags, &running);
  finish_transfers();
}

static void on_timer(uv_timer_t *handle) {
  (void)handle;
  int running;
  curl_multi_socket_action(multi, CURL_SOCKET_TIMEOUT, 0, &running);
  finish_transfers();
}

static int on_timer_wanted(CURLM *m, long timeout_ms, void *user) {
  (void)m, (void)user;
  if (timeout_ms < 0) return uv_timer_stop(&timer);
  return uv_timer_start(&timer, on_timer, (uint64_t)timeout_ms, 0);
}

static int on_socket_wanted(CURL *easy, curl_socket_t socket, int what, void *user, void *socket_user) {
  (void)easy, (void)user, (void)socket_user;
  watch *w = watches[socket];
  if (what == CURL_POLL_REMOVE) return 0; /* kept until the socket is closed */
  if (!w) {
    w = watches[socket] = calloc(1, sizeof *w);
    if (!w) abort();
    w->socket = socket;
    w->poll.data = w;
    uv_poll_init_socket(&loop, &w->poll, socket);
  }
  int events = (what != CURL_POLL_OUT ? UV_READABLE : 0) | (what != CURL_POLL_IN ? UV_WRITABLE : 0);
  if (events != w->events) uv_poll_start(&w->poll, w->events = events, on_poll);
  return 0;
}

static void on_watch_closed(uv_handle_t *handle) {
  free(handle->data);
}

static int on_socket_closed(void *user, curl_socket_t socket) {
  (void)user;
  watch *w = watches[socket];
  watches[socket] = NULL;
  if (w) uv_close((uv_handle_t *)&w->poll, on_watch_closed);
  return close(socket);
}

int main(int argc, char **argv) {
  if (argc < 4) return 2;
  long count = atol(argv[2]), concurrency = atol(argv[3]);
  double started = (double)uv_hrtime() / 1e9;
  clock_t started_cpu = clock();
  curl_global_init(CURL_GLOBAL_ALL);
  multi = curl_multi_init();
  uv_loop_init(&loop);
  uv_timer_init(&loop, &timer);
  curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, on_socket_wanted);
  curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, on_timer_wanted);
  curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, concurrency);
  left = count - concurrency;
  for (long i = 0; i < concurrency; i++) {
    transfer *t = calloc(1, sizeof *t);
    if (!t) return 1;
    t->easy = curl_easy_init();
    curl_easy_setopt(t->easy, CURLOPT_URL, argv[1]);
    curl_easy_setopt(t->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(t->easy, CURLOPT_WRITEDATA, t);
    curl_easy_setopt(t->easy, CURLOPT_PRIVATE, t);
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(t->easy, CURLOPT_CLOSESOCKETFUNCTION, on_socket_closed);
    running_count++;
    curl_multi_add_handle(multi, t->easy);
  }
  while (running_count > 0) uv_run(&loop, UV_RUN_ONCE);
  printf("wall_s %f\ncpu_s %f\nbytes %ld\n", (double)uv_hrtime() / 1e9 - started,
         (double)(clock() - started_cpu) / CLOCKS_PER_SEC, received);
  return failed_count > 0;
}
