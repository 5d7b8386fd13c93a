/* curl_multi: one libcurl multi handle on a uv loop.
 *
 * libcurl says which sockets and which moment it waits for; libuv waits. A connection's uv_poll stays registered from
 * the connection's first wait until libcurl closes its socket, and is re-armed only when what is waited for changes:
 * a request on a kept connection costs no epoll_ctl. It knows no requests and no Lua. */
#ifndef LAC_MOD_CURL_MULTI_H
#define LAC_MOD_CURL_MULTI_H

#include <uv.h>

#include "mod/curl_library.h"

typedef struct lac_curl_multi lac_curl_multi;

/* Called after every turn in which libcurl may have ended transfers, outside of any callback of libcurl: the place
 * for lac_curl_multi_next_done, and for adding and removing easy handles. */
typedef void (*lac_curl_on_turn)(void *data);

/* NULL if memory or file descriptors ran out. */
lac_curl_multi *lac_curl_multi_open(const lac_curl_library *curl, uv_loop_t *loop, lac_curl_on_turn on_turn,
                                    void *data);

/* Never more than `limit` connections, idle ones included; the oldest idle one makes room. 0: any number. */
void lac_curl_multi_limit(lac_curl_multi *multi, long limit);

/* Gives a new easy handle the callbacks that make its sockets known here. The easy handle must die before the multi. */
void lac_curl_multi_adopt(lac_curl_multi *multi, CURL *easy);

CURLMcode lac_curl_multi_add(lac_curl_multi *multi, CURL *easy);

/* Ends the transfer if it still runs, which closes its connection. */
void lac_curl_multi_remove(lac_curl_multi *multi, CURL *easy);

/* The next easy handle whose transfer has ended, and how; NULL if there is none. It still has to be removed. */
CURL *lac_curl_multi_next_done(lac_curl_multi *multi, CURLcode *code);

/* Closes every connection and handle, and frees the multi once the close callbacks ran. All easy handles must have been
 * removed; not to be called from within on_turn. */
void lac_curl_multi_close(lac_curl_multi *multi);

#endif
