/* libedit behind lineedit_editor.h.
 *
 * Nothing links it: a script does not pay for it. Its functions are looked up once for the program, under pthread_once,
 * together with the locale that it counts and classifies characters in, whatever the user's own is; it is never closed
 * again. What it draws goes to /dev/null, because it loses combining characters, and nothing could appear above it. */
#define _GNU_SOURCE /* wcwidth */
#include <dlfcn.h>
#include <histedit.h>
#include <locale.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "mod/lineedit_editor.h"

/* ---- the library ---- */

#define SONAME "libedit.so.2"

#define LIBEDIT_FUNCTIONS(X)                                                                                           \
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

static pthread_once_t once = PTHREAD_ONCE_INIT;
static struct {
#define LIBEDIT_MEMBER(name) __typeof__(name) *name;
  LIBEDIT_FUNCTIONS(LIBEDIT_MEMBER)
#undef LIBEDIT_MEMBER
  locale_t locale; /* of the thread, while libedit runs */
  bool is_open;
} libedit;
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
  if (!look_up(handle, #name, (void **)&libedit.name)) return;
  LIBEDIT_FUNCTIONS(LOOK_UP)
#undef LOOK_UP
  libedit.locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
  if (libedit.locale)
    libedit.is_open = true;
  else
    snprintf(failure, sizeof failure, "the C library lacks the locale C.UTF-8: install the package libc-bin");
}

/* ---- the editor ---- */

struct lac_editor {
  lac_editor_host host;
  EditLine *edit;
  FILE *sink;            /* what libedit draws into */
  locale_t outer_locale; /* the thread's own, while libedit runs */
  lac_verdict verdict;   /* of the last command */
};

static void enter_library(lac_editor *editor) {
  editor->outer_locale = uselocale(libedit.locale);
}

static void leave_library(const lac_editor *editor) {
  uselocale(editor->outer_locale);
}

static lac_editor *editor_of(EditLine *edit) {
  lac_editor *editor = NULL;
  libedit.el_wget(edit, EL_CLIENTDATA, &editor);
  return editor;
}

/* What libedit reads characters with. */
static int read_character(EditLine *edit, wchar_t *character) {
  lac_editor *editor = editor_of(edit);
  leave_library(editor);
  int result = editor->host.read_character(editor->host.data, character);
  enter_library(editor);
  return result;
}

static unsigned char run_command(EditLine *edit, lac_editor_command command, wint_t first_key) {
  lac_editor *editor = editor_of(edit);
  wchar_t key = (wchar_t)first_key;
  do {
    leave_library(editor);
    editor->verdict = editor->host.run_command(editor->host.data, command, key);
    enter_library(editor);
    switch (editor->verdict) {
    case LAC_VERDICT_EDITED: return CC_REFRESH;
    case LAC_VERDICT_ACCEPT: return CC_NEWLINE;
    case LAC_VERDICT_FINISH: return CC_EOF;
    case LAC_VERDICT_AGAIN: libedit.el_wpush(edit, (wchar_t[]){key, 0}); return CC_REFRESH;
    case LAC_VERDICT_MORE: break;
    }
  } while (libedit.el_wgetc(edit, &key) == 1);
  return CC_NORM; /* libedit's own next read fails too */
}

#define COMMAND_FUNCTION(name)                                                                                         \
  static unsigned char on_##name(EditLine *edit, wint_t key) {                                                         \
    return run_command(edit, LAC_EDITOR_##name, key);                                                                  \
  }
LAC_EDITOR_COMMANDS(COMMAND_FUNCTION)
#undef COMMAND_FUNCTION

static const struct {
  const wchar_t *name;
  unsigned char (*function)(EditLine *edit, wint_t key);
} command_table[] = {
#define COMMAND_ROW(name) {L"lacuna-" #name, on_##name},
    LAC_EDITOR_COMMANDS(COMMAND_ROW)
#undef COMMAND_ROW
};

static const struct {
  const wchar_t *key, *command;
} key_table[] = {
    {L"^M", L"lacuna-enter"},        {L"^J", L"lacuna-enter"},
    {L"^I", L"lacuna-complete"},     {L"^R", L"lacuna-search"},
    {L"\\e[200~", L"lacuna-paste"},  {L"^P", L"lacuna-previous"},
    {L"\\e[A", L"lacuna-previous"},  {L"\\eOA", L"lacuna-previous"},
    {L"^N", L"lacuna-next"},         {L"\\e[B", L"lacuna-next"},
    {L"\\eOB", L"lacuna-next"},      {L"^B", L"lacuna-left"},
    {L"\\e[D", L"lacuna-left"},      {L"\\eOD", L"lacuna-left"},
    {L"^F", L"lacuna-right"},        {L"\\e[C", L"lacuna-right"},
    {L"\\eOC", L"lacuna-right"},     {L"^A", L"lacuna-home"},
    {L"\\e[H", L"lacuna-home"},      {L"\\eOH", L"lacuna-home"},
    {L"\\e[1~", L"lacuna-home"},     {L"^E", L"lacuna-last"},
    {L"\\e[F", L"lacuna-last"},      {L"\\eOF", L"lacuna-last"},
    {L"\\e[4~", L"lacuna-last"},     {L"^H", L"lacuna-backspace"},
    {L"^?", L"lacuna-backspace"},    {L"^D", L"lacuna-delete"},
    {L"\\e[3~", L"lacuna-delete"},   {L"^L", L"lacuna-clear"},
    {L"^W", L"ed-delete-prev-word"}, {L"^_", L"vi-undo"},
    {L"\\e[1;5D", L"ed-prev-word"}, /* with Ctrl, and with Alt */
    {L"\\e[1;3D", L"ed-prev-word"},  {L"\\e[1;5C", L"em-next-word"},
    {L"\\e[1;3C", L"em-next-word"},
};

static void bind(const lac_editor *editor, const wchar_t *key, const wchar_t *command) {
  libedit.el_wset(editor->edit, EL_BIND, key, command, NULL);
}

/* In vi's command mode. */
static void bind_alternative(const lac_editor *editor, const wchar_t *key, const wchar_t *command) {
  libedit.el_wset(editor->edit, EL_BIND, L"-a", key, command, NULL);
}

static bool is_vi(const lac_editor *editor) {
  const wchar_t *name = NULL;
  return libedit.el_wget(editor->edit, EL_EDITOR, &name) == 0 && name && wcscmp(name, L"vi") == 0;
}

/* The user's own ~/.editrc comes before what a prompt needs. */
static void bind_keys(const lac_editor *editor) {
  libedit.el_wset(editor->edit, EL_EDITOR, L"emacs");
  for (int i = 0; i < LAC_EDITOR_COMMAND_COUNT; i++)
    libedit.el_wset(editor->edit, EL_ADDFN, command_table[i].name, L"of the prompt", command_table[i].function);
  libedit.el_source(editor->edit, NULL);
  libedit.el_wset(editor->edit, EL_EDITMODE, 1);
  bool has_vi = is_vi(editor);
  for (size_t i = 0; i < sizeof key_table / sizeof *key_table; i++) {
    const wchar_t *key = key_table[i].key;
    bool is_sequence = key[0] == L'\\';
    if (!has_vi || !is_sequence) bind(editor, key, key_table[i].command);
    /* Escape takes vi from inserting to its command mode, where the rest of an arrow key's sequence is a command. */
    if (has_vi) bind_alternative(editor, is_sequence ? key + 2 : key, key_table[i].command);
  }
  if (!has_vi) return;
  bind_alternative(editor, L"k", L"lacuna-previous");
  bind_alternative(editor, L"j", L"lacuna-next");
}

lac_editor *lac_editor_open(const lac_editor_host *host, const char **message) {
  pthread_once(&once, open_library);
  *message = failure;
  if (!libedit.is_open) return NULL;
  *message = "out of memory or file descriptors";
  lac_editor *editor = calloc(1, sizeof *editor);
  if (!editor) return NULL;
  editor->host = *host;
  editor->sink = fopen("/dev/null", "we");
  enter_library(editor); /* its key map depends on what the locale calls a letter */
  if (editor->sink)
    editor->edit =
        libedit.el_init_fd("lacuna", stdin, editor->sink, editor->sink, STDIN_FILENO, STDIN_FILENO, STDIN_FILENO);
  if (editor->edit) {
    libedit.el_wset(editor->edit, EL_CLIENTDATA, editor);
    libedit.el_wset(editor->edit, EL_GETCFN, read_character);
    bind_keys(editor);
  }
  leave_library(editor);
  if (editor->edit) return editor;
  lac_editor_close(editor);
  return NULL;
}

void lac_editor_close(lac_editor *editor) {
  enter_library(editor);
  libedit.el_end(editor->edit); /* NULL is ignored */
  leave_library(editor);
  if (editor->sink) fclose(editor->sink);
  free(editor);
}

bool lac_editor_read(lac_editor *editor) {
  int length;
  editor->verdict = LAC_VERDICT_EDITED;
  enter_library(editor);
  bool has_line = libedit.el_wgets(editor->edit, &length) != NULL; /* an empty one looks like the end of the input */
  leave_library(editor);
  return has_line || editor->verdict == LAC_VERDICT_ACCEPT;
}

void lac_editor_suspend(lac_editor *editor) {
  libedit.el_set(editor->edit, EL_PREP_TERM, 0);
}

void lac_editor_resume(lac_editor *editor) {
  libedit.el_set(editor->edit, EL_PREP_TERM, 1);
}

lac_editor_line lac_editor_get(lac_editor *editor) {
  const LineInfoW *line = libedit.el_wline(editor->edit);
  return (lac_editor_line){line->buffer, (size_t)(line->lastchar - line->buffer),
                           (size_t)(line->cursor - line->buffer)};
}

void lac_editor_replace(lac_editor *editor, const lac_editor_line *line) {
  if (line->length > 0) {
    libedit.el_wreplacestr(editor->edit, line->text);
  } else { /* which libedit does not replace a line with */
    int old_length = (int)lac_editor_get(editor).length;
    libedit.el_cursor(editor->edit, old_length);
    libedit.el_deletestr(editor->edit, old_length);
  }
  libedit.el_cursor(editor->edit, (int)line->cursor - libedit.el_cursor(editor->edit, 0));
}

bool lac_editor_has_paste(const lac_editor *editor) {
  return !is_vi(editor);
}

int lac_editor_width(wchar_t character) {
  locale_t outer_locale = uselocale(libedit.locale);
  int width = wcwidth(character);
  uselocale(outer_locale);
  return width;
}
