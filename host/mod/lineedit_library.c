/* One dlopen for the program, under pthread_once; the library is never closed again. */
#include <dlfcn.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "mod/lineedit_library.h"

#define SONAME "libedit.so.2"

static pthread_once_t once = PTHREAD_ONCE_INIT;
static lac_libedit library;
static bool is_open;
static char failure[256];

static bool look_up(void *handle, const char *symbol, void **function) {
  *function = dlsym(handle, symbol);
  if (*function) return true;
  snprintf(failure, sizeof failure, SONAME " lacks %s: install a newer libedit2", symbol);
  return false;
}

static void open_library(void) {
  void *handle = dlopen(SONAME, RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char *reason = dlerror();
    snprintf(failure, sizeof failure, "cannot load " SONAME ": install the package libedit2 (%s)",
             reason ? reason : "");
    return;
  }
#define LOOK_UP(name)                                                                                                  \
  if (!look_up(handle, #name, (void **)&library.name)) return;
  LAC_LIBEDIT_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  library.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  if (library.locale)
    is_open = true;
  else
    snprintf(failure, sizeof failure, "the C library lacks the locale C.UTF-8: install the package libc-bin");
}

const lac_libedit *lac_libedit_open(const char **message) {
  pthread_once(&once, open_library);
  if (is_open) return &library;
  *message = failure;
  return NULL;
}
