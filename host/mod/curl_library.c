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
