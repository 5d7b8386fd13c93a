/* curl_library: one dlopen for the program, under pthread_once; the library is never closed again, because libcurl's
 * resolver threads may outlive any runtime. Lazy binding saves a twelfth of opening it: it needs thirty libraries. */
#include "mod/curl_library.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#define SONAME "libcurl.so.4"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static lac_curl_library library;
static bool is_open;
static char failure[256];

static bool look_up(void *handle, const char *symbol, void **function) {
  *function = dlsym(handle, symbol);
  if (*function) return true;
  snprintf(failure, sizeof failure, SONAME " lacks %s: install a newer libcurl4", symbol);
  return false;
}

static void open_library(void) {
  void *handle = dlopen(SONAME, RTLD_LAZY | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(failure, sizeof failure, "cannot load " SONAME ": install the package libcurl4 (%s)",
             reason ? reason : "");
    return;
  }
#define LOOK_UP(name)                                                                                                  \
  if (!look_up(handle, "curl_" #name, (void **)&library.name)) return;
  LAC_CURL_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  CURLcode code = library.global_init(CURL_GLOBAL_DEFAULT);
  if (code == CURLE_OK)
    is_open = true;
  else
    snprintf(failure, sizeof failure, SONAME " does not start: %s", library.easy_strerror(code));
}

const lac_curl_library *lac_curl_library_open(const char **message) {
  pthread_once(&once, open_library);
  if (is_open) return &library;
  *message = failure;
  return NULL;
}

const char *lac_curl_failure_kind(CURLcode code) {
  switch (code) {
  case CURLE_OUT_OF_MEMORY: return "memory";
  case CURLE_URL_MALFORMAT: return "url";
  case CURLE_OPERATION_TIMEDOUT: return "timeout";
  case CURLE_COULDNT_RESOLVE_PROXY:
  case CURLE_COULDNT_RESOLVE_HOST: return "resolve";
  case CURLE_COULDNT_CONNECT:
  case CURLE_INTERFACE_FAILED: return "connect";
  case CURLE_SSL_CONNECT_ERROR:
  case CURLE_SSL_ENGINE_NOTFOUND:
  case CURLE_SSL_ENGINE_SETFAILED:
  case CURLE_SSL_ENGINE_INITFAILED:
  case CURLE_SSL_CERTPROBLEM:
  case CURLE_SSL_CIPHER:
  case CURLE_PEER_FAILED_VERIFICATION:
  case CURLE_SSL_CACERT_BADFILE:
  case CURLE_SSL_SHUTDOWN_FAILED:
  case CURLE_SSL_CRL_BADFILE:
  case CURLE_SSL_ISSUER_ERROR:
  case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
  case CURLE_SSL_INVALIDCERTSTATUS: return "tls";
  case CURLE_UNSUPPORTED_PROTOCOL: /* "HTTP/0.9": an answer that does not start with a status line */
  case CURLE_WEIRD_SERVER_REPLY: return "response";
  case CURLE_PARTIAL_FILE:
  case CURLE_BAD_CONTENT_ENCODING:
  case CURLE_WRITE_ERROR: return "payload";
  case CURLE_GOT_NOTHING:
  case CURLE_SEND_ERROR:
  case CURLE_RECV_ERROR: return "disconnected";
  default: return "other";
  }
}
