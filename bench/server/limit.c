/* limit PORT: what http_parser on libuv costs: answers GET /users/N with a small JSON document. One read buffer for all
 * connections, one contiguous answer written at once, the date made once a second, and nothing of what a server has to
 * offer: no tasks, no headers looked at, no time limits. */
#include <http_parser.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uv.h>

enum { PATH_MAX_BYTES = 128, ANSWER_MAX_BYTES = 256, READ_BYTES = 64 * 1024 };

typedef struct connection {
  uv_tcp_t tcp;
  http_parser parser;
  char path[PATH_MAX_BYTES];
  size_t path_size;
  char *answers; /* of the requests of one read */
  size_t answers_size, answers_capacity;
  int is_last; /* the client wants the connection closed after this answer */
} connection;

typedef struct rest {
  uv_write_t request;
  char data[];
} rest;

static uv_loop_t loop;
static char read_buffer[READ_BYTES];
static char date[40];
static uint64_t dated_ms;

static const char *current_date(void) {
  uint64_t now_ms = uv_now(&loop);
  if (!date[0] || now_ms - dated_ms >= 1000) {
    time_t now = time(NULL);
    struct tm utc;
    strftime(date, sizeof date, "%a, %d %b %Y %H:%M:%S GMT", gmtime_r(&now, &utc));
    dated_ms = now_ms;
  }
  return date;
}

static void on_closed(uv_handle_t *handle) {
  connection *c = handle->data;
  free(c->answers);
  free(c);
}

static void close_connection(connection *c) {
  if (!uv_is_closing((uv_handle_t *)&c->tcp)) uv_close((uv_handle_t *)&c->tcp, on_closed);
}

static int on_message_begin(http_parser *parser) {
  connection *c = parser->data;
  c->path_size = 0;
  return 0;
}

static int on_url(http_parser *parser, const char *data, size_t size) {
  connection *c = parser->data;
  if (c->path_size + size >= sizeof c->path) return 1;
  memcpy(c->path + c->path_size, data, size);
  c->path_size += size;
  return 0;
}

static int on_message_complete(http_parser *parser) {
  connection *c = parser->data;
  if (c->answers_size + ANSWER_MAX_BYTES > c->answers_capacity) {
    c->answers_capacity = 2 * c->answers_capacity + ANSWER_MAX_BYTES;
    c->answers = realloc(c->answers, c->answers_capacity);
    if (!c->answers) abort();
  }
  c->path[c->path_size] = 0;
  static const char prefix[] = "/users/";
  char *end = c->path;
  long id = 0;
  if (strncmp(c->path, prefix, sizeof prefix - 1) == 0) id = strtol(c->path + sizeof prefix - 1, &end, 10);
  const char *status = "404 Not Found", *type = "text/plain";
  char body[96] = "Not Found";
  int body_size = 9;
  if (end > c->path + sizeof prefix - 1 && !*end) {
    status = "200 OK", type = "application/json";
    body_size = snprintf(body, sizeof body, "{\"user_id\":%ld,\"name\":\"user %ld\"}", id, id);
  }
  c->answers_size += (size_t)snprintf(c->answers + c->answers_size, ANSWER_MAX_BYTES,
                                      "HTTP/1.1 %s\r\nDate: %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
                                      status, current_date(), type, body_size, body);
  if (!http_should_keep_alive(parser)) c->is_last = 1;
  return 0;
}

static void on_written(uv_write_t *request, int status) {
  connection *c = request->handle->data;
  free(request->data);
  if (status < 0 || c->is_last) close_connection(c);
}

/* What the socket does not take at once is copied and left to the loop. */
static void write_answers(connection *c) {
  uv_buf_t buffer = uv_buf_init(c->answers, (unsigned)c->answers_size);
  int written = uv_try_write((uv_stream_t *)&c->tcp, &buffer, 1);
  size_t done = written > 0 ? (size_t)written : 0, left = c->answers_size - done;
  c->answers_size = 0;
  if (written < 0 && written != UV_EAGAIN) {
    close_connection(c);
  } else if (left > 0) {
    rest *r = malloc(sizeof *r + left);
    if (!r) abort();
    memcpy(r->data, c->answers + done, left);
    r->request.data = r;
    buffer = uv_buf_init(r->data, (unsigned)left);
    if (uv_write(&r->request, (uv_stream_t *)&c->tcp, &buffer, 1, on_written) < 0) {
      free(r);
      close_connection(c);
    }
  } else if (c->is_last) {
    close_connection(c);
  }
}

static const http_parser_settings settings = {
    .on_message_begin = on_message_begin,
    .on_url = on_url,
    .on_message_complete = on_message_complete,
};

static void on_buffer_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer) {
  (void)handle, (void)suggested;
  *buffer = uv_buf_init(read_buffer, sizeof read_buffer);
}

static void on_read(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer) {
  connection *c = stream->data;
  if (size == 0) return;
  if (size < 0 || http_parser_execute(&c->parser, &settings, buffer->base, (size_t)size) != (size_t)size) {
    close_connection(c);
    return;
  }
  if (c->answers_size > 0) write_answers(c);
}

static void on_connection(uv_stream_t *listener, int status) {
  if (status < 0) return;
  connection *c = calloc(1, sizeof *c);
  if (!c) abort();
  uv_tcp_init(&loop, &c->tcp);
  c->tcp.data = c;
  if (uv_accept(listener, (uv_stream_t *)&c->tcp) < 0) {
    close_connection(c);
    return;
  }
  uv_tcp_nodelay(&c->tcp, 1);
  http_parser_init(&c->parser, HTTP_REQUEST);
  c->parser.data = c;
  uv_read_start((uv_stream_t *)&c->tcp, on_buffer_wanted, on_read);
}

int main(int argc, char **argv) {
  if (argc < 2) return 2;
  uv_tcp_t listener;
  struct sockaddr_in address;
  uv_loop_init(&loop);
  uv_tcp_init(&loop, &listener);
  uv_ip4_addr("127.0.0.1", atoi(argv[1]), &address);
  int status = uv_tcp_bind(&listener, (const struct sockaddr *)&address, 0);
  if (status == 0) status = uv_listen((uv_stream_t *)&listener, 1024, on_connection);
  if (status < 0) {
    fprintf(stderr, "port %s: %s\n", argv[1], uv_strerror(status));
    return 1;
  }
  return uv_run(&loop, UV_RUN_DEFAULT);
}
