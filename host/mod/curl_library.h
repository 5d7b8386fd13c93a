/* curl_library: libcurl, opened when it is first needed.
 *
 * Nothing links libcurl: linked at start-up it would triple the time lacuna takes to start. The functions that the
 * client uses are looked up once for the whole program; curl_global_init forces that one piece of shared state. */
#ifndef LAC_MOD_CURL_LIBRARY_H
#define LAC_MOD_CURL_LIBRARY_H

#define CURL_DISABLE_TYPECHECK
#include <curl/curl.h>

/* Every function of libcurl that the client calls, without its prefix. */
#define LAC_CURL_FUNCTIONS(X)                                                                                          \
  X(global_init)                                                                                                       \
  X(easy_init)                                                                                                         \
  X(easy_setopt)                                                                                                       \
  X(easy_getinfo)                                                                                                      \
  X(easy_strerror)                                                                                                     \
  X(easy_pause)                                                                                                        \
  X(easy_cleanup)                                                                                                      \
  X(multi_init)                                                                                                        \
  X(multi_setopt)                                                                                                      \
  X(multi_add_handle)                                                                                                  \
  X(multi_remove_handle)                                                                                               \
  X(multi_socket_action)                                                                                               \
  X(multi_info_read)                                                                                                   \
  X(multi_cleanup)                                                                                                     \
  X(slist_append)                                                                                                      \
  X(slist_free_all)                                                                                                    \
  X(url)                                                                                                               \
  X(url_set)                                                                                                           \
  X(url_cleanup)

#define LAC_CURL_MEMBER(name) __typeof__(curl_##name) *name;
typedef struct lac_curl_library {
  LAC_CURL_FUNCTIONS(LAC_CURL_MEMBER)
} lac_curl_library;
#undef LAC_CURL_MEMBER

/* The library, opened by the first call; any thread may call. NULL if it cannot be used: *message, which lives as long
 * as the program, then says why and which package to install. */
const lac_curl_library *lac_curl_library_open(const char **message);

/* What the user can act on: "connect", "tls" and so on; the Lua half makes an error class of each. */
const char *lac_curl_failure_kind(CURLcode code);

#endif
