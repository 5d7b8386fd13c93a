/* curl_blocking: one transfer at a time; connections are kept between them. */
#include "mod/curl_blocking.h"

#include <lauxlib.h>
#include <poll.h>
#include <stdlib.h>

#include "core/runtime.h"
#include "mod/curl_client.h"
#include "mod/curl_values.h"

#define METATABLE "lacuna.native.curl.blocking"

typedef struct blocking {
  lac_closer closer; /* first: on_runtime_close casts */
  lacuna_t *runtime;
  const lac_curl_library *curl;
  uv_loop_t loop;
  lac_curl_client *client; /* NULL once closed */
  bool is_over;            /* the transfer that runs */
  lac_curl_outcome outcome;
  lac_bytes headers, body; /* what the outcome refers to once it has left on_done, with the message below */
  char message[CURL_ERROR_SIZE];
} blocking;

static void on_done(void *data, uint32_t id, const lac_curl_outcome *outcome) {
  (void)id;
  blocking *b = data;
  b->is_over = true;
  b->outcome = *outcome;
  b->headers.size = b->body.size = 0;
  if (outcome->failure) {
    snprintf(b->message, sizeof b->message, "%s", outcome->message);
    b->outcome.message = b->message;
    return;
  }
  if (!lac_bytes_append(&b->headers, outcome->headers.data, outcome->headers.size) ||
      !lac_bytes_append(&b->body, outcome->body.data, outcome->body.size))
    b->outcome = (lac_curl_outcome){.failure = "memory", .message = "no room for the response"};
  b->outcome.headers = b->headers;
  b->outcome.body = b->body;
}

static void on_closed(void *data) {
  (void)data;
}

/* Runs the private loop until is_over is set. False if the code that waits here is to be interrupted before: libuv
 * itself would go on waiting after a signal. */
static bool run_until_over(blocking *b, const lac_interrupt *interrupt) {
  struct pollfd backend = {.fd = uv_backend_fd(&b->loop), .events = POLLIN};
  for (;;) {
    uv_run(&b->loop, UV_RUN_NOWAIT);
    if (b->is_over) return true;
    if (poll(&backend, 1, uv_backend_timeout(&b->loop)) < 0 && lac_interrupt_is_due(interrupt)) return false;
  }
}

static void close_client(blocking *b) {
  if (!b->client) return;
  lac_curl_client_close(b->client);
  b->client = NULL;
  uv_run(&b->loop, UV_RUN_DEFAULT);
  uv_loop_close(&b->loop);
  lac_bytes_free(&b->headers);
  lac_bytes_free(&b->body);
}

static void on_runtime_close(lac_closer *closer) {
  close_client((blocking *)closer);
}

static blocking *check_blocking(lua_State *L) {
  return *(blocking **)luaL_checkudata(L, 1, METATABLE);
}

static int fail(lua_State *L, const char *message) {
  lua_pushnil(L);
  lua_pushstring(L, message);
  return 2;
}

int lac_curl_l_open_blocking(lua_State *L) {
  const char *message = NULL;
  const lac_curl_library *curl = lac_curl_library_open(&message);
  if (!curl) return fail(L, message);
  blocking **box = lua_newuserdata(L, sizeof *box);
  *box = NULL;
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  blocking *b = calloc(1, sizeof *b);
  if (!b) return fail(L, "out of memory");
  int status = uv_loop_init(&b->loop);
  if (status != 0) {
    free(b);
    return fail(L, uv_strerror(status));
  }
  b->client = lac_curl_client_open(curl, &b->loop, 0, on_done, on_closed, b);
  if (!b->client) {
    uv_loop_close(&b->loop);
    free(b);
    return fail(L, "cannot open a libcurl multi handle: out of memory or file descriptors");
  }
  b->curl = curl;
  b->runtime = lac_runtime(L);
  b->closer.close = on_runtime_close;
  lac_add_closer(b->runtime, &b->closer);
  *box = b;
  return 1;
}

static int l_perform(lua_State *L) {
  blocking *b = check_blocking(L);
  lac_curl_request request;
  lac_curl_check_request(L, 2, &request);
  luaL_argcheck(L, b->client, 1, "the client is closed");
  const char *message = "a header is not a string, or out of memory";
  b->is_over = false;
  uv_update_time(&b->loop); /* it has stood still since the last one */
  b->outcome = (lac_curl_outcome){.failure = "other", .message = "interrupted"};
  uint32_t id = 0;
  if (lac_curl_collect_headers(L, 2, b->curl, &request)) id = lac_curl_start(b->client, &request, &message);
  if (id == 0) {
    lua_pushnil(L);
    lua_pushliteral(L, "other");
    lua_pushstring(L, message);
    return 3;
  }
  lac_interrupt *interrupt = lac_runtime_interrupt(b->runtime);
  if (!run_until_over(b, interrupt)) {
    lac_curl_abort(b->client, id);
    lac_interrupt_raise(interrupt, L);
  }
  return lac_curl_push_outcome(L, &b->outcome);
}

static int l_close(lua_State *L) {
  blocking *b = check_blocking(L);
  if (b->client) lac_remove_closer(b->runtime, &b->closer);
  close_client(b);
  return 0;
}

static int l_collect(lua_State *L) {
  blocking *b = check_blocking(L);
  if (!b) return 0;
  l_close(L);
  free(b);
  return 0;
}

void lac_curl_register_blocking(lua_State *L) {
  static const luaL_Reg methods[] = {{"perform", l_perform}, {"close", l_close}, {"__gc", l_collect}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_register(L, NULL, methods);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_pop(L, 1);
}
