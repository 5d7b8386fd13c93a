/* curl_client: HTTP transfers on one connection pool.
 *
 * A client owns a multi handle, with its connections, and its transfers. A transfer is one request and one response:
 * no redirects, no queue, no policy. Its easy handle and its buffers are reused by later transfers. It knows no Lua. */
#ifndef LAC_MOD_CURL_CLIENT_H
#define LAC_MOD_CURL_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <uv.h>

#include "base/bytes.h"
#include "mod/curl_library.h"

typedef struct lac_curl_client lac_curl_client;

/* What to transfer. Everything is copied but the list. */
typedef struct lac_curl_request {
  const char *url, *method;
  struct curl_slist *headers; /* "Name: value"; the transfer owns it, even if it does not start. NULL: none */
  const char *data;           /* NULL: no body */
  size_t data_size;
  bool is_verified;                                     /* the server's certificate and name */
  const char *ca_path;                                  /* PEM file to verify against; NULL: the system's */
  const char *proxy;                                    /* URL; NULL: none */
  long timeout_ms, connect_timeout_ms, read_timeout_ms; /* 0: none; read: between two portions of the response */
  bool is_streamed;                                     /* tell of the head, and of the body portion by portion */
  bool is_paced; /* a streamed one: wait for the reader from the start, not only once some of the body was taken */
} lac_curl_request;

/* How a transfer ended; or, of a streamed one, that there is a head, or more of the body to take. */
typedef struct lac_curl_outcome {
  bool is_partial; /* the transfer goes on; there is no body here */
  const char
      *failure; /* NULL: a response is there; else a kind, such as "connect" or "tls" (curl_library.c has them) */
  const char *message; /* of a failure: libcurl's own words */
  int os_errno;        /* of a failure: errno of the system call that failed; 0 if none did */
  long status;
  lac_bytes headers; /* as they came, with the status line; those of the final response */
  lac_bytes body;    /* decoded */
} lac_curl_outcome;

/* Called once for each transfer that was started and not aborted (a streamed one: any number of times before), from the
 * loop, never from within a call of this interface. The outcome lives until it returns; it may start and abort
 * transfers and close the client. */
typedef void (*lac_curl_on_done)(void *data, uint32_t id, const lac_curl_outcome *outcome);

/* Called once, when nothing of the client is left. */
typedef void (*lac_curl_on_closed)(void *data);

/* Never more than connection_limit connections; 0: any number. NULL if memory or file descriptors ran out. */
lac_curl_client *lac_curl_client_open(const lac_curl_library *curl, uv_loop_t *loop, long connection_limit,
                                      lac_curl_on_done on_done, lac_curl_on_closed on_closed, void *data);

/* Starts a transfer: its id, a small number that other transfers get once this one is over; or 0 and *message. */
uint32_t lac_curl_start(lac_curl_client *client, const lac_curl_request *request, const char **message);

/* Ends a transfer and closes its connection; on_done is not called. False if the id names no running transfer. */
bool lac_curl_abort(lac_curl_client *client, uint32_t id);

/* What has come of a streamed transfer's body since the last call; valid until the next call of this interface. If that
 * is nothing, on_done says when there is something. */
lac_bytes lac_curl_body(lac_curl_client *client, uint32_t id);

/* Lets go of what lac_curl_body gave: the transfer goes on, should it have waited for that. */
void lac_curl_body_taken(lac_curl_client *client, uint32_t id);

/* Running transfers. */
size_t lac_curl_active_count(const lac_curl_client *client);

/* Aborts every transfer, closes every connection, and frees the client once the close callbacks ran. Call it once. */
void lac_curl_client_close(lac_curl_client *client);

#endif
