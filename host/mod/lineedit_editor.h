/* lineedit_editor: an editor of one line that asks for its characters, and asks what those of its keys do that mean
 * something to a prompt. It knows keys and edits text; it draws nothing. libedit stands behind it (lineedit_libedit.c),
 * opened when first needed; another library could. It knows neither Lua nor the loop. */
#ifndef LAC_MOD_LINEEDIT_EDITOR_H
#define LAC_MOD_LINEEDIT_EDITOR_H

#include <stdbool.h>
#include <stddef.h>
#include <wchar.h>

typedef struct lac_editor lac_editor;

/* The keys that the host is asked about. */
#define LAC_EDITOR_COMMANDS(X)                                                                                         \
  X(enter)                                                                                                             \
  X(complete)                                                                                                          \
  X(search)                                                                                                            \
  X(paste)                                                                                                             \
  X(previous)                                                                                                          \
  X(next)                                                                                                              \
  X(left)                                                                                                              \
  X(right)                                                                                                             \
  X(home)                                                                                                              \
  X(last)                                                                                                              \
  X(backspace)                                                                                                         \
  X(delete)                                                                                                            \
  X(clear)

typedef enum lac_editor_command {
#define LAC_EDITOR_COMMAND(name) LAC_EDITOR_##name,
  LAC_EDITOR_COMMANDS(LAC_EDITOR_COMMAND)
#undef LAC_EDITOR_COMMAND
      LAC_EDITOR_COMMAND_COUNT
} lac_editor_command;

/* What a command comes to. */
typedef enum lac_verdict {
  LAC_VERDICT_EDITED, /* the line goes on */
  LAC_VERDICT_ACCEPT, /* the line is finished */
  LAC_VERDICT_FINISH, /* so is the input */
  LAC_VERDICT_MORE,   /* the next key is this command's too */
  LAC_VERDICT_AGAIN,  /* the key that it was given does what it does otherwise */
} lac_verdict;

/* Both are called from lac_editor_read alone; the second may call lac_editor_replace. */
typedef struct lac_editor_host {
  void *data;
  int (*read_character)(void *data, wchar_t *character); /* 1; 0 at the end of the input; -1: the line is given up */
  lac_verdict (*run_command)(void *data, lac_editor_command command, wchar_t key);
} lac_editor_host;

/* Opens an editor for the terminal at the standard input. NULL if that cannot be: *message, which lives as long as the
 * program, then says why, and which package to install. */
lac_editor *lac_editor_open(const lac_editor_host *host, const char **message);

/* Leaves the terminal as it was found. */
void lac_editor_close(lac_editor *editor);

/* Reads a line, with the terminal set for it. False at the end of the input, and where the line was given up. */
bool lac_editor_read(lac_editor *editor);

/* Between these two, in lac_editor_read, the terminal is as it is for others. */
void lac_editor_suspend(lac_editor *editor);
void lac_editor_resume(lac_editor *editor);

/* The line, and how many of its characters are left of the cursor; until the next call of another function. */
typedef struct lac_editor_line {
  const wchar_t *text;
  size_t length, cursor;
} lac_editor_line;
lac_editor_line lac_editor_get(lac_editor *editor);

/* Puts a text, which ends with a 0, in the place of the line. */
void lac_editor_replace(lac_editor *editor, const lac_editor_line *line);

/* Whether the terminal may mark pastes: not for vi's keys, among which is Escape. */
bool lac_editor_has_paste(const lac_editor *editor);

/* The columns that a terminal gives a character: -1 for none. To be called while an editor is open. */
int lac_editor_width(wchar_t character);

#endif
