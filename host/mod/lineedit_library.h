/* lineedit_library: libedit, opened when it is first needed.
 *
 * Nothing links libedit: a script does not pay for it. Its functions are looked up once for the program, together with
 * the locale that it counts and classifies characters in, whatever the user's own is. */
#ifndef LAC_MOD_LINEEDIT_LIBRARY_H
#define LAC_MOD_LINEEDIT_LIBRARY_H

#include <histedit.h>
#include <locale.h>

/* Every function of libedit that the editor calls. */
#define LAC_LIBEDIT_FUNCTIONS(X)                                                                                       \
  X(el_init_fd)                                                                                                        \
  X(el_end)                                                                                                            \
  X(el_wset)                                                                                                           \
  X(el_wget)                                                                                                           \
  X(el_set)                                                                                                            \
  X(el_source)                                                                                                         \
  X(el_wgets)                                                                                                          \
  X(el_wgetc)                                                                                                          \
  X(el_wpush)                                                                                                          \
  X(el_wline)                                                                                                          \
  X(el_cursor)                                                                                                         \
  X(el_deletestr)                                                                                                      \
  X(el_wreplacestr)

#define LAC_LIBEDIT_MEMBER(name) __typeof__(name) *name;
typedef struct lac_libedit {
  LAC_LIBEDIT_FUNCTIONS(LAC_LIBEDIT_MEMBER)
  locale_t locale; /* of the thread, while libedit runs */
} lac_libedit;
#undef LAC_LIBEDIT_MEMBER

/* The library, opened by the first call; any thread may call. NULL if it cannot be used: *message, which lives as long
 * as the program, then says why and which package to install. */
const lac_libedit *lac_libedit_open(const char **message);

#endif
