/* curl_multi: a table by file descriptor maps libcurl's sockets to their polls.
 *
 * libcurl forgets a socket (CURL_POLL_REMOVE) after each request, also when the connection is kept; the table does not,
 * once the connection is established. Earlier libcurl may close a socket without a word, and libuv must never hold the
 * number of a closed one; so do sockets that are no connection's (its resolver's). */
#include "mod/curl_multi.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

typedef struct socket_poll {
  uv_poll_t poll;
  lac_curl_multi *multi;
  curl_socket_t fd;
  int wanted;     /* what libcurl waits for: UV_READABLE, UV_WRITABLE; 0 while the connection is idle */
  int armed;      /* what the poll watches; differs from wanted only while the connection is idle */
  bool is_kept;   /* until on_close_socket, which libcurl calls for every established connection */
  bool is_polled; /* poll is an open handle */
} socket_poll;

struct lac_curl_multi {
  const lac_curl_library *curl;
  CURLM *handle;
  uv_loop_t *loop;
  uv_timer_t timer;
  socket_poll **polls; /* by file descriptor; NULL where there is none */
  size_t poll_capacity;
  size_t open_count; /* handles whose close callback has not run; the last one frees the multi */
  lac_curl_on_turn on_turn;
  void *data;
};

static void release(lac_curl_multi *multi) {
  if (--multi->open_count > 0) return;
  free(multi->polls);
  free(multi);
}

/* ---- sockets ---- */

static void on_poll_closed(uv_handle_t *handle) {
  socket_poll *poll = handle->data;
  lac_curl_multi *multi = poll->multi;
  free(poll);
  release(multi);
}

static socket_poll *find_poll(const lac_curl_multi *multi, curl_socket_t fd) {
  return (size_t)fd < multi->poll_capacity ? multi->polls[fd] : NULL;
}

static void drop_poll(lac_curl_multi *multi, curl_socket_t fd) {
  socket_poll *poll = find_poll(multi, fd);
  if (!poll) return;
  multi->polls[fd] = NULL;
  if (poll->is_polled)
    uv_close((uv_handle_t *)&poll->poll, on_poll_closed);
  else
    free(poll);
}

static socket_poll *add_poll(lac_curl_multi *multi, curl_socket_t fd) {
  if ((size_t)fd >= multi->poll_capacity) {
    size_t capacity = multi->poll_capacity ? multi->poll_capacity : 64;
    while (capacity <= (size_t)fd) capacity *= 2;
    socket_poll **polls = realloc(multi->polls, capacity * sizeof *polls);
    if (!polls) return NULL;
    for (size_t i = multi->poll_capacity; i < capacity; i++) polls[i] = NULL;
    multi->polls = polls;
    multi->poll_capacity = capacity;
  }
  socket_poll *poll = calloc(1, sizeof *poll);
  if (!poll) return NULL;
  poll->multi = multi;
  poll->fd = fd;
  multi->polls[fd] = poll;
  return poll;
}

static bool arm(socket_poll *poll, int wanted);

static void on_poll(uv_poll_t *handle, int status, int events) {
  socket_poll *poll = handle->data;
  lac_curl_multi *multi = poll->multi;
  if (poll->wanted == 0) { /* the server closed an idle connection; libcurl sees it when it next looks for one */
    uv_poll_stop(handle);
    poll->armed = 0;
    return;
  }
  int flags = 0, running; /* no flags after an error: libcurl looks for itself, there may be data before the error */
  if (status < 0) poll->armed = 0; /* libuv has stopped the poll */
  if (events & UV_READABLE) flags |= CURL_CSELECT_IN;
  if (events & UV_WRITABLE) flags |= CURL_CSELECT_OUT;
  curl_socket_t fd = poll->fd;
  multi->curl->multi_socket_action(multi->handle, fd, flags, &running); /* may free the poll */
  if (status < 0 && find_poll(multi, fd) == poll && poll->wanted && !poll->armed) arm(poll, poll->wanted);
  multi->on_turn(multi->data);
}

static bool arm(socket_poll *poll, int wanted) {
  if (!poll->is_polled) {
    if (uv_poll_init_socket(poll->multi->loop, &poll->poll, poll->fd) != 0) return false;
    poll->poll.data = poll;
    poll->is_polled = true;
    poll->multi->open_count++;
  }
  if (wanted != poll->armed && uv_poll_start(&poll->poll, wanted, on_poll) != 0) return false;
  if (poll->wanted == 0) uv_ref((uv_handle_t *)&poll->poll);
  poll->wanted = poll->armed = wanted;
  return true;
}

/* Whether the transfer has got as far as sending its request, and so has its connection. */
static bool is_established(const lac_curl_multi *multi, CURL *easy) {
  curl_off_t until_sending_us = 0;
  multi->curl->easy_getinfo(easy, CURLINFO_PRETRANSFER_TIME_T, &until_sending_us);
  return until_sending_us > 0;
}

/* CURLMOPT_SOCKETFUNCTION. A failure ends every transfer of the multi: libcurl offers no smaller one. */
static int on_socket(CURL *easy, curl_socket_t fd, int what, void *data, void *unused) {
  (void)unused;
  lac_curl_multi *multi = data;
  socket_poll *poll = find_poll(multi, fd);
  if (what != CURL_POLL_REMOVE) {
    if (!poll) poll = add_poll(multi, fd);
    /* Waiting to read as well: the loser of two attempts to connect only ever waits to write. */
    if (poll && !poll->is_kept && (what & CURL_POLL_IN)) poll->is_kept = is_established(multi, easy);
    int wanted = (what & CURL_POLL_IN ? UV_READABLE : 0) | (what & CURL_POLL_OUT ? UV_WRITABLE : 0);
    return poll && arm(poll, wanted) ? 0 : -1;
  }
  if (!poll) return 0;
  if (!poll->is_kept) {
    drop_poll(multi, fd);
  } else if (poll->wanted) { /* an idle connection keeps no loop alive */
    poll->wanted = 0;
    uv_unref((uv_handle_t *)&poll->poll);
  }
  return 0;
}

/* CURLOPT_OPENSOCKETFUNCTION. Close-on-exec, so that child processes inherit no connection. If libcurl has silently
 * closed a socket of this number, it now takes the new one for it and will not ask again: the poll moves over. */
static curl_socket_t on_open_socket(void *data, curlsocktype purpose, struct curl_sockaddr *address) {
  (void)purpose;
  lac_curl_multi *multi = data;
  int fd = socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
  if (fd < 0) return CURL_SOCKET_BAD;
  socket_poll *stale = find_poll(multi, fd);
  if (!stale) return fd;
  int wanted = stale->wanted;
  drop_poll(multi, fd);
  socket_poll *poll = add_poll(multi, fd);
  if (poll && (!wanted || arm(poll, wanted))) return fd;
  drop_poll(multi, fd);
  close(fd);
  return CURL_SOCKET_BAD;
}

/* CURLOPT_CLOSESOCKETFUNCTION */
static int on_close_socket(void *data, curl_socket_t fd) {
  drop_poll(data, fd); /* before the close: libuv must forget the number first */
  return close(fd);
}

/* ---- the timer ---- */

static void on_timeout(uv_timer_t *timer) {
  lac_curl_multi *multi = timer->data;
  int running;
  multi->curl->multi_socket_action(multi->handle, CURL_SOCKET_TIMEOUT, 0, &running);
  multi->on_turn(multi->data);
}

/* CURLMOPT_TIMERFUNCTION */
static int on_timer(CURLM *handle, long timeout_ms, void *data) {
  (void)handle;
  lac_curl_multi *multi = data;
  if (timeout_ms < 0) return uv_timer_stop(&multi->timer);
  return uv_timer_start(&multi->timer, on_timeout, (uint64_t)timeout_ms, 0) == 0 ? 0 : -1;
}

static void on_timer_closed(uv_handle_t *handle) {
  release(handle->data);
}

/* ---- the multi ---- */

lac_curl_multi *lac_curl_multi_open(const lac_curl_library *curl, uv_loop_t *loop, lac_curl_on_turn on_turn,
                                    void *data) {
  lac_curl_multi *multi = calloc(1, sizeof *multi);
  if (!multi) return NULL;
  multi->handle = curl->multi_init();
  if (!multi->handle) {
    free(multi);
    return NULL;
  }
  multi->curl = curl;
  multi->loop = loop;
  multi->on_turn = on_turn;
  multi->data = data;
  uv_timer_init(loop, &multi->timer);
  multi->timer.data = multi;
  multi->open_count = 1;
  curl->multi_setopt(multi->handle, CURLMOPT_SOCKETFUNCTION, on_socket);
  curl->multi_setopt(multi->handle, CURLMOPT_SOCKETDATA, multi);
  curl->multi_setopt(multi->handle, CURLMOPT_TIMERFUNCTION, on_timer);
  curl->multi_setopt(multi->handle, CURLMOPT_TIMERDATA, multi);
  return multi;
}

void lac_curl_multi_limit(lac_curl_multi *multi, long limit) {
  multi->curl->multi_setopt(multi->handle, CURLMOPT_MAX_TOTAL_CONNECTIONS, limit);
  multi->curl->multi_setopt(multi->handle, CURLMOPT_MAXCONNECTS, limit);
}

void lac_curl_multi_adopt(lac_curl_multi *multi, CURL *easy) {
  multi->curl->easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
  multi->curl->easy_setopt(easy, CURLOPT_OPENSOCKETDATA, multi);
  multi->curl->easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, on_close_socket);
  multi->curl->easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, multi);
}

CURLMcode lac_curl_multi_add(lac_curl_multi *multi, CURL *easy) {
  return multi->curl->multi_add_handle(multi->handle, easy);
}

void lac_curl_multi_remove(lac_curl_multi *multi, CURL *easy) {
  multi->curl->multi_remove_handle(multi->handle, easy);
}

CURL *lac_curl_multi_next_done(lac_curl_multi *multi, CURLcode *code) {
  int left;
  CURLMsg *message;
  while ((message = multi->curl->multi_info_read(multi->handle, &left))) {
    if (message->msg != CURLMSG_DONE) continue;
    *code = message->data.result;
    return message->easy_handle;
  }
  return NULL;
}

void lac_curl_multi_close(lac_curl_multi *multi) {
  multi->curl->multi_cleanup(multi->handle); /* closes the cached connections, through on_close_socket */
  for (size_t fd = 0; fd < multi->poll_capacity; fd++) drop_poll(multi, (curl_socket_t)fd);
  uv_close((uv_handle_t *)&multi->timer, on_timer_closed);
}
