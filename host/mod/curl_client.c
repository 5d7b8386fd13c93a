/* curl_client: transfers live in slots; an id is the number of a slot, from 1, so that Lua can keep them in an array.
 *
 * Every option that differs between requests is set for every request, so a reused easy handle remembers nothing. */
#include "mod/curl_client.h"

#include <stdlib.h>
#include <string.h>

#include "mod/curl_multi.h"

enum {
  EASY_KEEP = 256,                   /* idle easy handles kept: about 10 KiB each */
  BUFFER_KEEP_BYTES = 256 * 1024,    /* larger buffers are freed between transfers */
  RECEIVE_BUFFER_BYTES = 64 * 1024L, /* what libcurl reads at once */
  PACED_BYTES = 256 * 1024,          /* a paced transfer pauses when that much of its body waits to be taken */
};

typedef struct transfer {
  lac_curl_client *client;
  CURL *easy;     /* NULL: made when next needed */
  CURLU *url;     /* what the easy handle requests, parsed; NULL before the first request */
  char *url_text; /* the same as text; NULL: the easy handle has no URL */
  struct curl_slist *request_headers;
  lac_bytes headers, body;
  uint64_t started_ms, received_ms, read_timeout_ms;
  uint32_t id;        /* of the slot, for ever */
  uint32_t next_free; /* an id; 0: the last */
  bool is_running;
  bool has_header_end; /* the blank line has come */
  bool is_out_of_memory;
  bool is_streamed, is_paced, is_paused;
  bool has_told_head; /* of a streamed transfer */
  bool is_awaited;    /* on_done is to tell when there is a body to take */
  bool has_news;      /* is in the client's list of transfers that may have something to tell */
  uint32_t next_news; /* an id; 0: the last */
  bool is_overdue;    /* its read time-out had passed the last time it was looked at */
  bool is_silent;     /* it is ended because the server went silent */
  bool has_data;      /* the easy handle holds a copy of a request's body */
  bool has_proxy;     /* the easy handle has a proxy */
  char error[CURL_ERROR_SIZE];
} transfer;

struct lac_curl_client {
  const lac_curl_library *curl;
  const char *system_ca_path; /* libcurl's; NULL until the first easy handle, or if it has none */
  lac_curl_multi *multi;
  uv_loop_t *loop;
  uv_timer_t stall_timer; /* at the earliest moment at which a read time-out may have passed */
  transfer **transfers;   /* by id - 1; all there are, running or free */
  uint32_t transfer_count, transfer_capacity;
  uint32_t first_free; /* an id; 0: none */
  uint32_t first_news; /* an id; 0: none */
  size_t active_count, idle_easy_count;
  bool is_in_turn, is_closing;
  lac_curl_on_done on_done;
  lac_curl_on_closed on_closed;
  void *data;
};

/* ---- what libcurl delivers ---- */

static void note_arrival(transfer *t) {
  t->received_ms = uv_now(t->client->loop);
  t->is_overdue = false;
}

static void add_news(transfer *t) {
  if (!t->is_streamed || t->has_news) return;
  t->has_news = true;
  t->next_news = t->client->first_news;
  t->client->first_news = t->id;
}

static size_t on_body(char *data, size_t unit, size_t count, void *user) {
  transfer *t = user;
  note_arrival(t);
  if (t->is_paced && t->body.size >= PACED_BYTES) {
    t->is_paused = true;
    return CURL_WRITEFUNC_PAUSE; /* libcurl delivers this again later */
  }
  add_news(t);
  if (lac_bytes_append(&t->body, data, unit * count)) return unit * count;
  t->is_out_of_memory = true;
  return 0;
}

/* One line at a time. An interim response (100 Continue) is followed by the final one, a chunked body by trailers. */
static size_t on_header(char *data, size_t unit, size_t count, void *user) {
  transfer *t = user;
  size_t size = unit * count;
  note_arrival(t);
  if (t->has_header_end) {
    if (size < 5 || memcmp(data, "HTTP/", 5) != 0) return size;
    t->headers.size = 0;
    t->has_header_end = false;
  }
  t->has_header_end = size <= 2 && data[0] != '\0' && strchr("\r\n", data[0]);
  if (t->has_header_end) add_news(t);
  if (lac_bytes_append(&t->headers, data, size)) return size;
  t->is_out_of_memory = true;
  return 0;
}

/* ---- how a transfer ended ---- */

/* Whether it got as far as sending the request. */
static bool is_connected(const transfer *t) {
  curl_off_t until_sending_us = 0;
  t->client->curl->easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &until_sending_us);
  return until_sending_us > 0;
}

/* The kind of a failure, where what has come of the response tells more than libcurl's code. */
static const char *failure_kind(const transfer *t, CURLcode code) {
  if (t->is_out_of_memory) return "memory";
  if (code == CURLE_OPERATION_TIMEDOUT)
    return t->is_silent ? "silent" : is_connected(t) ? "timeout" : "connect timeout";
  const char *kind = lac_curl_failure_kind(code);
  return t->has_header_end && strcmp(kind, "disconnected") == 0 ? "payload" : kind;
}

static void describe(const transfer *t, CURLcode code, lac_curl_outcome *outcome) {
  const lac_curl_library *curl = t->client->curl;
  if (code == CURLE_OK) {
    curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &outcome->status);
    outcome->headers = t->headers;
    outcome->body = t->body;
    return;
  }
  long os_errno = 0;
  curl->easy_getinfo(t->easy, CURLINFO_OS_ERRNO, &os_errno);
  outcome->os_errno = (int)os_errno;
  outcome->failure = failure_kind(t, code);
  outcome->message = t->error[0] ? t->error : curl->easy_strerror(code);
}

/* ---- slots ---- */

static transfer *find_transfer(const lac_curl_client *client, uint32_t id) {
  if (id == 0 || id > client->transfer_count || !client->transfers[id - 1]->is_running) return NULL;
  return client->transfers[id - 1];
}

static transfer *add_transfer(lac_curl_client *client) {
  if (client->transfer_count == client->transfer_capacity) {
    uint32_t capacity = client->transfer_capacity ? client->transfer_capacity * 2 : 16;
    transfer **transfers = realloc(client->transfers, capacity * sizeof *transfers);
    if (!transfers) return NULL;
    client->transfers = transfers;
    client->transfer_capacity = capacity;
  }
  transfer *t = calloc(1, sizeof *t);
  if (!t) return NULL;
  t->client = client;
  client->transfers[client->transfer_count] = t;
  t->id = ++client->transfer_count;
  return t;
}

/* A handle with all the options that no request changes. */
static CURL *open_easy(transfer *t) {
  const lac_curl_library *curl = t->client->curl;
  CURL *easy = curl->easy_init();
  if (!easy) return NULL;
  /* Fail closed: a libcurl that cannot be told which protocols are allowed is not used (file:// and others). */
  if (curl->easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https") != CURLE_OK) {
    curl->easy_cleanup(easy);
    return NULL;
  }
  lac_curl_multi_adopt(t->client->multi, easy);
  /* One PEM file and no directory beside it: what the caller names is all that is trusted, and only then does libcurl
   * keep the parsed certificates between connections. */
  curl->easy_getinfo(easy, CURLINFO_CAINFO, &t->client->system_ca_path);
  if (t->client->system_ca_path) curl->easy_setopt(easy, CURLOPT_CAPATH, NULL);
  curl->easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
  curl->easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L); /* an aborted name look-up is left to its thread, not waited for */
  curl->easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
  curl->easy_setopt(easy, CURLOPT_ACCEPT_ENCODING, ""); /* all that it can decode */
  curl->easy_setopt(easy, CURLOPT_NOPROXY, "*");        /* not what the environment says */
  curl->easy_setopt(easy, CURLOPT_USERAGENT, "lacuna");
  curl->easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)RECEIVE_BUFFER_BYTES);
  curl->easy_setopt(easy, CURLOPT_ERRORBUFFER, t->error);
  curl->easy_setopt(easy, CURLOPT_PRIVATE, t);
  curl->easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl->easy_setopt(easy, CURLOPT_WRITEDATA, t);
  curl->easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
  curl->easy_setopt(easy, CURLOPT_HEADERDATA, t);
  return easy;
}

static void close_easy(transfer *t) {
  if (t->easy) t->client->curl->easy_cleanup(t->easy);
  t->easy = NULL;
  free(t->url_text);
  t->url_text = NULL;
  t->has_proxy = false;
}

static void recycle_buffer(lac_bytes *bytes) {
  bytes->size = 0;
  if (bytes->capacity > BUFFER_KEEP_BYTES) lac_bytes_free(bytes);
}

static void give_slot(transfer *t) {
  lac_curl_client *client = t->client;
  if (t->request_headers) {
    client->curl->easy_setopt(t->easy, CURLOPT_HTTPHEADER, NULL);
    client->curl->slist_free_all(t->request_headers);
    t->request_headers = NULL;
  }
  if (t->has_data) client->curl->easy_setopt(t->easy, CURLOPT_COPYPOSTFIELDS, NULL);
  t->has_data = false;
  recycle_buffer(&t->headers);
  recycle_buffer(&t->body);
  if (t->easy && client->idle_easy_count >= EASY_KEEP) close_easy(t);
  if (t->easy) client->idle_easy_count++;
  t->next_free = client->first_free;
  client->first_free = t->id;
}

/* A slot with an easy handle; NULL if memory ran out. */
static transfer *take_slot(lac_curl_client *client) {
  transfer *t;
  if (client->first_free != 0) {
    t = client->transfers[client->first_free - 1];
    client->first_free = t->next_free;
  } else if (!(t = add_transfer(client))) {
    return NULL;
  }
  if (t->easy)
    client->idle_easy_count--;
  else
    t->easy = open_easy(t);
  if (t->easy) return t;
  give_slot(t);
  return NULL;
}

/* ---- ending transfers ---- */

static void stop_transfer(transfer *t) {
  lac_curl_multi_remove(t->client->multi, t->easy);
  t->client->active_count--;
  t->is_running = false;
}

static void tell(transfer *t);

static void end_transfer(transfer *t, CURLcode code) {
  lac_curl_client *client = t->client;
  lac_curl_outcome outcome = {0};
  if (code != CURLE_OK) tell(t); /* a response whose body fails is a response still */
  stop_transfer(t);
  describe(t, code, &outcome);
  client->on_done(client->data, t->id, &outcome); /* may start transfers: this slot is still taken */
  give_slot(t);
}

/* What a streamed transfer has to tell: once that there is a head, then that the body which is awaited has come. */
static void tell(transfer *t) {
  lac_curl_client *client = t->client;
  if (!t->is_running || !t->is_streamed || !t->has_header_end) return;
  lac_curl_outcome outcome = {.is_partial = true, .headers = t->headers};
  client->curl->easy_getinfo(t->easy, CURLINFO_RESPONSE_CODE, &outcome.status);
  if (outcome.status < 200) return; /* interim: the final one follows */
  if (t->has_told_head && !(t->is_awaited && t->body.size > 0)) return;
  t->has_told_head = true;
  t->is_awaited = false;
  client->on_done(client->data, t->id, &outcome);
}

static void tell_news(lac_curl_client *client) {
  while (client->first_news != 0 && !client->is_closing) {
    transfer *t = client->transfers[client->first_news - 1];
    client->first_news = t->next_news;
    t->has_news = false;
    tell(t);
  }
}

static void free_client(lac_curl_client *client);

/* Runs what may end transfers; a close in between is carried out when it is over. */
static void on_turn(void *data) {
  lac_curl_client *client = data;
  if (client->is_in_turn) return;
  client->is_in_turn = true;
  CURL *easy;
  CURLcode code;
  while (!client->is_closing && (easy = lac_curl_multi_next_done(client->multi, &code))) {
    transfer *t;
    client->curl->easy_getinfo(easy, CURLINFO_PRIVATE, &t);
    end_transfer(t, code);
  }
  tell_news(client); /* after that: most responses are whole by now, and need no telling in portions */
  client->is_in_turn = false;
  if (client->is_closing) free_client(client);
}

/* ---- read time-outs ---- */

static void on_stall_timer(uv_timer_t *timer);

static void watch_stalls(lac_curl_client *client, uint64_t due_ms) {
  uint64_t now_ms = uv_now(client->loop);
  uint64_t delay_ms = due_ms > now_ms ? due_ms - now_ms : 0;
  if (uv_is_active((uv_handle_t *)&client->stall_timer) && uv_timer_get_due_in(&client->stall_timer) <= delay_ms)
    return;
  uv_timer_start(&client->stall_timer, on_stall_timer, delay_ms, 0);
}

/* When the transfer has been silent for too long; the clock starts once the connection stands. */
static uint64_t stall_due(const transfer *t) {
  curl_off_t sent_us = 0;
  t->client->curl->easy_getinfo(t->easy, CURLINFO_PRETRANSFER_TIME_T, &sent_us);
  uint64_t now_ms = uv_now(t->client->loop);
  uint64_t since_ms = sent_us > 0 ? t->started_ms + (uint64_t)sent_us / 1000 : now_ms;
  if (t->received_ms > since_ms) since_ms = t->received_ms;
  if (t->is_paused) since_ms = now_ms; /* it is not the server who is slow */
  return since_ms + t->read_timeout_ms;
}

static void on_stall_timer(uv_timer_t *timer) {
  lac_curl_client *client = timer->data;
  uint64_t earliest_ms = UINT64_MAX;
  client->is_in_turn = true;
  for (uint32_t i = 0; i < client->transfer_count && !client->is_closing; i++) {
    transfer *t = client->transfers[i];
    if (!t->is_running || t->read_timeout_ms == 0) continue;
    uint64_t due_ms = stall_due(t);
    if (due_ms > uv_now(client->loop)) {
      if (due_ms < earliest_ms) earliest_ms = due_ms;
      continue;
    }
    if (!t->is_overdue) { /* the loop itself may have been busy: what waits in the sockets is polled first */
      t->is_overdue = true;
      earliest_ms = 0;
      continue;
    }
    t->is_silent = true;
    end_transfer(t, CURLE_OPERATION_TIMEDOUT);
  }
  client->is_in_turn = false;
  if (!client->is_closing && earliest_ms != UINT64_MAX) watch_stalls(client, earliest_ms);
  on_turn(client);
}

/* ---- starting transfers ---- */

/* Hands over the URL parsed: given the text, libcurl would parse it and write it out again for each request (10 % of
 * all instructions of one). The text is given, too, for that is what the easy handle says where none is parsed. */
static CURLcode set_url(transfer *t, const char *text) {
  const lac_curl_library *curl = t->client->curl;
  if (t->url_text && strcmp(t->url_text, text) == 0) return CURLE_OK;
  free(t->url_text);
  t->url_text = strdup(text);
  if (!t->url) t->url = curl->url();
  if (!t->url_text || !t->url) return CURLE_OUT_OF_MEMORY;
  CURLUcode code = curl->url_set(t->url, CURLUPART_URL, text, 0);
  if (code == CURLUE_OUT_OF_MEMORY) return CURLE_OUT_OF_MEMORY;
  curl->easy_setopt(t->easy, CURLOPT_CURLU, code ? NULL : t->url); /* NULL: the transfer fails, with libcurl's words */
  return curl->easy_setopt(t->easy, CURLOPT_URL, text);
}

static CURLcode set_options(transfer *t, const lac_curl_request *request) {
  CURL *easy = t->easy;
  __typeof__(curl_easy_setopt) *set = t->client->curl->easy_setopt;
  bool is_get = strcmp(request->method, "GET") == 0, is_head = strcmp(request->method, "HEAD") == 0;
  CURLcode code = set_url(t, request->url);
  set(easy, CURLOPT_HTTPGET, 1L);
  set(easy, CURLOPT_NOBODY, is_head ? 1L : 0L);
  t->has_data = request->data != NULL;
  if (request->data && !code) { /* makes it a POST; the method's name is another option */
    set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->data_size);
    code = set(easy, CURLOPT_COPYPOSTFIELDS, request->data);
  }
  if (!code) code = set(easy, CURLOPT_CUSTOMREQUEST, is_head || (is_get && !request->data) ? NULL : request->method);
  set(easy, CURLOPT_HTTPHEADER, request->headers);
  set(easy, CURLOPT_TIMEOUT_MS, request->timeout_ms);
  set(easy, CURLOPT_CONNECTTIMEOUT_MS, request->connect_timeout_ms);
  set(easy, CURLOPT_SSL_VERIFYPEER, request->is_verified ? 1L : 0L);
  set(easy, CURLOPT_SSL_VERIFYHOST, request->is_verified ? 2L : 0L);
  if (!code && (request->proxy || t->has_proxy)) {
    code = set(easy, CURLOPT_PROXY, request->proxy);
    set(easy, CURLOPT_NOPROXY, request->proxy ? "" : "*");
    t->has_proxy = request->proxy != NULL;
  }
  if (!code) code = set(easy, CURLOPT_CAINFO, request->ca_path ? request->ca_path : t->client->system_ca_path);
  return code;
}

uint32_t lac_curl_start(lac_curl_client *client, const lac_curl_request *request, const char **message) {
  transfer *t = client->is_closing ? NULL : take_slot(client);
  if (!t) {
    client->curl->slist_free_all(request->headers);
    *message = client->is_closing ? "the client is closed" : "out of memory, or libcurl is older than 7.85";
    return 0;
  }
  t->request_headers = request->headers;
  t->has_header_end = t->is_out_of_memory = t->is_silent = false;
  t->is_streamed = request->is_streamed;
  t->is_paced = request->is_paced;
  t->is_paused = t->has_told_head = t->is_awaited = t->is_overdue = false;
  t->error[0] = '\0';
  t->started_ms = t->received_ms = uv_now(client->loop);
  t->read_timeout_ms = (uint64_t)request->read_timeout_ms;
  CURLcode code = set_options(t, request);
  CURLMcode multi_code = code ? CURLM_OK : lac_curl_multi_add(client->multi, t->easy);
  if (code || multi_code) {
    *message = code ? client->curl->easy_strerror(code) : "libcurl refused the transfer";
    give_slot(t);
    return 0;
  }
  client->active_count++;
  t->is_running = true;
  if (t->read_timeout_ms) watch_stalls(client, t->started_ms + t->read_timeout_ms);
  return t->id;
}

bool lac_curl_abort(lac_curl_client *client, uint32_t id) {
  transfer *t = find_transfer(client, id);
  if (!t) return false;
  stop_transfer(t);
  give_slot(t);
  return true;
}

lac_bytes lac_curl_body(lac_curl_client *client, uint32_t id) {
  transfer *t = find_transfer(client, id);
  if (!t) return (lac_bytes){0};
  t->is_paced = true;
  if (t->body.size == 0) t->is_awaited = true;
  return t->body;
}

void lac_curl_body_taken(lac_curl_client *client, uint32_t id) {
  transfer *t = find_transfer(client, id);
  if (!t) return;
  t->body.size = 0;
  if (!t->is_paused) return;
  t->is_paused = false;
  note_arrival(t);
  client->curl->easy_pause(t->easy, CURLPAUSE_CONT); /* delivers to on_body what was refused */
}

size_t lac_curl_active_count(const lac_curl_client *client) {
  return client->active_count;
}

/* ---- the client ---- */

lac_curl_client *lac_curl_client_open(const lac_curl_library *curl, uv_loop_t *loop, long connection_limit,
                                      lac_curl_on_done on_done, lac_curl_on_closed on_closed, void *data) {
  lac_curl_client *client = calloc(1, sizeof *client);
  if (!client) return NULL;
  client->multi = lac_curl_multi_open(curl, loop, on_turn, client);
  if (!client->multi) {
    free(client);
    return NULL;
  }
  if (connection_limit > 0) lac_curl_multi_limit(client->multi, connection_limit);
  client->curl = curl;
  client->loop = loop;
  client->on_done = on_done;
  client->on_closed = on_closed;
  client->data = data;
  uv_timer_init(loop, &client->stall_timer);
  uv_unref((uv_handle_t *)&client->stall_timer); /* what it watches keeps the loop alive */
  client->stall_timer.data = client;
  return client;
}

static void on_stall_timer_closed(uv_handle_t *handle) {
  lac_curl_client *client = handle->data;
  client->on_closed(client->data);
  free(client);
}

static void free_client(lac_curl_client *client) {
  for (uint32_t i = 0; i < client->transfer_count; i++) {
    transfer *t = client->transfers[i];
    if (t->is_running) stop_transfer(t);
    close_easy(t);
    client->curl->url_cleanup(t->url);
    client->curl->slist_free_all(t->request_headers);
    lac_bytes_free(&t->headers);
    lac_bytes_free(&t->body);
    free(t);
  }
  free(client->transfers);
  lac_curl_multi_close(client->multi);
  uv_close((uv_handle_t *)&client->stall_timer, on_stall_timer_closed);
}

void lac_curl_client_close(lac_curl_client *client) {
  client->is_closing = true;
  if (!client->is_in_turn) free_client(client);
}
