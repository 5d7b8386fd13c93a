/* lineedit: `lacuna.native.lineedit`, what the REPL reads from its terminal or pipe while the loop goes on.
 *
 * open(is_editing, on_done, on_wait, on_command) → input, or nil and a message; without editing it reads plain lines
 *   on_done(has_line)    a line has been read; false at the end of the input
 *   on_wait(is_idle)     nothing to read for now: whoever draws does it here
 *   on_command(number)   a key was typed that `commands` names; it may call replace, and one of the verdicts:
 *     input:accept()     the line is finished        input:finish()   so is the input
 *     input:more()       the next key is this command's too
 *     input:again()      the key that it got last is not this command's
 * input:start() reads a line, input:stop() gives it up: on_done is not called
 * input:has_paste() → whether the terminal may mark pastes: not for vi, whose Escape is a key of its own
 * input:line() → text, cursor    input:replace(text, cursor)    input:key() → the key that came last
 * input:draw(bytes, erasure)        writes to the terminal; `erasure` takes away what is there, before other output
 * input:drawn() → is_there, is_line_open   whether that has not happened, and whether other output left a line open
 * input:suspend(), input:resume()   leave the terminal as it was found, and take it again
 * input:close()
 * size() → columns, rows; width(code point) → columns; is_terminal(descriptor); commands: names by number
 *
 * The editor (lineedit_editor.h) wants to be the caller: it returns when the line is there. So it takes the place of
 * the loop's turns (lac_driver_set_turn), with neither Lua nor a callback of libuv below it, and whenever it asks for a
 * character the loop runs until there is one. It draws nothing: the screen is Lua's (lua/lacuna/cli/repl/screen.lua).
 */
#include <errno.h>
#include <lauxlib.h>
#include <lua.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <unistd.h>
#include <uv.h>
#include <wchar.h>

#include "base/bytes.h"
#include "core/driver.h"
#include "core/modules.h"
#include "core/output.h"
#include "core/runtime.h"
#include "core/wake.h"
#include "mod/lineedit_editor.h"

#define METATABLE "lacuna.native.lineedit.input"

typedef struct input {
  lac_closer closer; /* first: on_runtime_close casts */
  lacuna_t *runtime;
  lac_editor *editor; /* NULL for plain lines */
  lac_bytes plain;    /* the plain line */
  lac_bytes erasure;  /* what takes the drawing away, for on_output */
  bool has_output;    /* on_output is called */
  bool is_drawn;
  bool is_line_open; /* the last output did not end in a newline */
  lac_pin self;      /* open, it is never collected */
  lac_pin on_done, on_wait, on_command;
  lac_verdict verdict; /* of the command that is being run */
  wchar_t key;         /* that came last */
  bool is_wanted;      /* a line is to be read */
  bool is_reading;     /* read_line is on the C stack */
  bool is_stopping;    /* the line that is being read is given up */
  bool is_closing, is_closed;
} input;

/* ---- UTF-8 ---- */

/* How many bytes a character has by its first; 0 for one that begins none. */
static size_t character_size(unsigned char first) {
  if (first < 0x80) return 1;
  if (first < 0xC2 || first >= 0xF5) return 0;
  return first < 0xE0 ? 2 : first < 0xF0 ? 3 : 4;
}

/* The character in `size` bytes, the first of which says that they are so many. */
static wchar_t decode(const unsigned char *bytes, size_t size) {
  unsigned long value = size == 1 ? bytes[0] : bytes[0] & (0x7FU >> size);
  for (size_t i = 1; i < size; i++) value = value << 6 | (bytes[i] & 0x3FU);
  return (wchar_t)value;
}

static void add_character(luaL_Buffer *buffer, unsigned long c) {
  static const unsigned char leads[] = {0, 0, 0xC0, 0xE0, 0xF0}; /* by the number of bytes */
  char bytes[4];
  size_t size = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (size_t i = size - 1; i > 0; i--, c >>= 6) bytes[i] = (char)(0x80 | (c & 0x3F));
  bytes[0] = (char)(leads[size] | c);
  luaL_addlstring(buffer, bytes, size);
}

static void push_text(lua_State *L, const wchar_t *first, const wchar_t *end) {
  luaL_Buffer buffer;
  luaL_buffinit(L, &buffer);
  for (; first < end; first++) add_character(&buffer, (unsigned long)*first);
  luaL_pushresult(&buffer);
}

/* ---- reading ---- */

typedef enum reading { READ_STOPPED = -1, READ_END = 0, READ_DONE = 1 } reading;

/* Runs the loop until a byte can be read. The byte is read alone: what follows the line belongs to whoever reads the
 * standard input next. Polling the loop's own descriptor leaves the input's flags, which others share, alone. */
static reading read_byte(input *in, unsigned char *byte) {
  lac_driver *driver = lac_runtime_driver(in->runtime);
  int loop_descriptor = uv_backend_fd(lac_uv_loop(in->runtime));
  struct pollfd descriptors[2] = {{.fd = STDIN_FILENO, .events = POLLIN}, {.fd = loop_descriptor, .events = POLLIN}};
  for (;;) {
    int timeout_ms = lac_driver_turn(driver);
    if (timeout_ms == 0) timeout_ms = lac_driver_turn(driver); /* Ctrl-C is met before what was typed after it */
    if (in->is_stopping) return READ_STOPPED;
    if (poll(descriptors, 1, 0) > 0) {
      ssize_t count = read(STDIN_FILENO, byte, 1);
      if (count == 1) return READ_DONE;
      if (count == 0 || (errno != EINTR && errno != EAGAIN)) return READ_END;
    }
    lua_pushboolean(lac_wake_open(in->runtime, in->on_wait), timeout_ms != 0);
    lac_wake_call(in->runtime, 1);
    if (!in->is_stopping) poll(descriptors, 2, timeout_ms);
  }
}

/* Reads the rest of a plain line, without its newline. The last one may lack it. */
static reading read_plain_line(input *in) {
  in->plain.size = 0;
  for (;;) {
    unsigned char byte;
    reading result = read_byte(in, &byte);
    if (result == READ_END && in->plain.size > 0) return READ_DONE;
    if (result != READ_DONE) return result;
    if (byte == '\n') return READ_DONE;
    if (!lac_bytes_append(&in->plain, &byte, 1)) return READ_END;
  }
}

/* For the editor. Bytes that are no UTF-8 are left out. */
static int read_character(void *data, wchar_t *character) {
  input *in = data;
  unsigned char bytes[4], byte;
  size_t size = 0;
  do {
    reading result = read_byte(in, &byte);
    if (result != READ_DONE) return result;
    if (size > 0 && (byte & 0xC0) != 0x80) size = 0;
    if (size > 0 || character_size(byte) > 0) bytes[size++] = byte;
  } while (size == 0 || size < character_size(bytes[0]));
  *character = decode(bytes, size);
  return 1;
}

static reading read_edited_line(input *in) {
  bool has_line = lac_editor_read(in->editor);
  if (in->is_stopping) return READ_STOPPED;
  return has_line ? READ_DONE : READ_END;
}

static void close_input(input *in);

/* A line is to be read: the loop has something to wait for, and no turns of its own. */
static void set_wanted(input *in, bool is_wanted) {
  if (in->is_wanted == is_wanted) return;
  lac_driver *driver = lac_runtime_driver(in->runtime);
  in->is_wanted = is_wanted;
  if (is_wanted)
    lac_driver_hold(driver);
  else
    lac_driver_release(driver);
}

/* In place of a turn of the loop. */
static void read_line(void *data) {
  input *in = data;
  in->is_stopping = false;
  in->is_reading = true;
  reading result = in->editor ? read_edited_line(in) : read_plain_line(in);
  in->is_reading = false;
  if (result == READ_STOPPED && in->is_wanted) return; /* started anew: the next turn */
  set_wanted(in, false);
  lac_driver_set_turn(lac_runtime_driver(in->runtime), NULL, NULL);
  if (in->is_closing) {
    close_input(in);
  } else if (result != READ_STOPPED) {
    lua_pushboolean(lac_wake_open(in->runtime, in->on_done), result == READ_DONE);
    lac_wake_call(in->runtime, 1);
  }
}

/* For the editor: the command's verdict is what its handler says meanwhile. */
static lac_verdict run_command(void *data, lac_editor_command command, wchar_t key) {
  input *in = data;
  in->key = key;
  in->verdict = LAC_VERDICT_EDITED;
  lua_pushinteger(lac_wake_open(in->runtime, in->on_command), (lua_Integer)command + 1);
  lac_wake_call(in->runtime, 1);
  return in->verdict;
}

/* ---- the screen ---- */

static void write_terminal(int descriptor, const char *bytes, size_t size) {
  while (size > 0) {
    ssize_t count = write(descriptor, bytes, size);
    if (count < 0 && errno == EAGAIN) poll(&(struct pollfd){.fd = descriptor, .events = POLLOUT}, 1, -1);
    if (count < 0 && errno != EAGAIN && errno != EINTR) return; /* the terminal is gone: the next read will say so */
    if (count < 0) continue;
    bytes += count;
    size -= (size_t)count;
  }
}

/* Scripts have written: above what is drawn, which whoever drew it draws anew when the loop is about to wait. */
static void on_output(void *data, lacuna_stream stream, const char *bytes, size_t size) {
  input *in = data;
  int descriptor = stream == LACUNA_STDERR ? STDERR_FILENO : STDOUT_FILENO;
  if (size == 0) return;
  if (isatty(descriptor)) {
    if (in->is_drawn) write_terminal(STDOUT_FILENO, in->erasure.data, in->erasure.size);
    in->is_drawn = false;
    in->is_line_open = bytes[size - 1] != '\n';
  }
  write_terminal(descriptor, bytes, size);
}

/* ---- opening and closing ---- */

static void close_input(input *in) {
  if (in->is_closed) return;
  in->is_closing = true;
  in->is_stopping = true;
  set_wanted(in, false);
  if (in->is_reading) return; /* read_line will come back here */
  in->is_closed = true;
  if (in->closer.next) lac_remove_closer(in->runtime, &in->closer);
  if (in->editor) lac_editor_close(in->editor);
  in->editor = NULL;
  lac_bytes_free(&in->plain);
  if (in->has_output) lac_output_give_back(lac_runtime_output(in->runtime));
  lac_bytes_free(&in->erasure);
  lac_unpin(in->runtime, &in->on_done);
  lac_unpin(in->runtime, &in->on_wait);
  lac_unpin(in->runtime, &in->on_command);
  lac_unpin(in->runtime, &in->self);
}

static void on_runtime_close(lac_closer *closer) {
  close_input((input *)closer);
}

/* Opens the terminal; NULL, or why that cannot be. */
static const char *open_terminal(lua_State *L, input *in) {
  const char *message;
  in->editor = lac_editor_open(&(lac_editor_host){in, read_character, run_command}, &message);
  if (!in->editor) return message;
  in->has_output = lac_output_take(L, lac_runtime_output(in->runtime), on_output, in);
  return in->has_output ? NULL : "the program takes the output itself";
}

static input *check_input(lua_State *L) {
  return luaL_checkudata(L, 1, METATABLE);
}

static input *check_open_input(lua_State *L) {
  input *in = check_input(L);
  if (in->is_closing) luaL_error(L, "the input is closed");
  return in;
}

static input *check_edited_input(lua_State *L) {
  input *in = check_open_input(L);
  if (!in->editor) luaL_error(L, "the input has no editor");
  return in;
}

static int l_open(lua_State *L) {
  bool is_editing = lua_toboolean(L, 1);
  for (int i = 2; i <= 4; i++) luaL_checktype(L, i, LUA_TFUNCTION);
  input *in = lua_newuserdata(L, sizeof *in);
  *in = (input){.closer.close = on_runtime_close, .runtime = lac_runtime(L)};
  luaL_getmetatable(L, METATABLE);
  lua_setmetatable(L, -2);
  lac_add_closer(in->runtime, &in->closer);
  in->self = lac_pin_value(L, -1);
  in->on_done = lac_pin_value(L, 2);
  in->on_wait = lac_pin_value(L, 3);
  in->on_command = lac_pin_value(L, 4);
  const char *message = is_editing ? open_terminal(L, in) : NULL;
  if (!message) return 1;
  close_input(in);
  lua_pushnil(L);
  lua_pushstring(L, message);
  return 2;
}

static int l_close(lua_State *L) {
  close_input(check_input(L));
  return 0;
}

static int l_start(lua_State *L) {
  input *in = check_open_input(L);
  set_wanted(in, true);
  lac_driver_set_turn(lac_runtime_driver(in->runtime), read_line, in);
  return 0;
}

static int l_stop(lua_State *L) {
  input *in = check_open_input(L);
  set_wanted(in, false);
  in->is_stopping = true;
  return 0;
}

static int l_suspend(lua_State *L) {
  lac_editor_suspend(check_edited_input(L)->editor);
  return 0;
}

static int l_resume(lua_State *L) {
  lac_editor_resume(check_edited_input(L)->editor);
  return 0;
}

/* ---- the line ---- */

/* line() → the text, and how many bytes of it are left of the cursor. */
static int l_line(lua_State *L) {
  input *in = check_open_input(L);
  if (!in->editor) {
    lua_pushlstring(L, in->plain.size ? in->plain.data : "", in->plain.size);
    lua_pushinteger(L, (lua_Integer)in->plain.size);
    return 2;
  }
  lac_editor_line line = lac_editor_get(in->editor);
  push_text(L, line.text, line.text + line.length);
  push_text(L, line.text, line.text + line.cursor);
  lua_pushinteger(L, (lua_Integer)lua_objlen(L, -1));
  lua_remove(L, -2);
  return 2;
}

/* replace(text, cursor): the line is now `text`, the cursor behind its first `cursor` bytes. */
static int l_replace(lua_State *L) {
  input *in = check_edited_input(L);
  size_t size;
  const unsigned char *text = (const unsigned char *)luaL_checklstring(L, 2, &size);
  size_t cursor = (size_t)luaL_checkinteger(L, 3);
  wchar_t *wide = lua_newuserdata(L, (size + 1) * sizeof *wide);
  lac_editor_line line = {.text = wide};
  for (size_t at = 0; at < size;) {
    size_t length = character_size(text[at]);
    bool is_valid = length > 0 && at + length <= size;
    for (size_t i = 1; is_valid && i < length; i++) is_valid = (text[at + i] & 0xC0) == 0x80;
    if (at < cursor) line.cursor++;
    wide[line.length++] = is_valid && text[at] ? decode(text + at, length) : 0xFFFD;
    at += is_valid ? length : 1;
  }
  wide[line.length] = 0;
  lac_editor_replace(in->editor, &line);
  return 0;
}

/* has_paste() -> whether a paste may come between the sequences that mark it. */
static int l_has_paste(lua_State *L) {
  lua_pushboolean(L, lac_editor_has_paste(check_edited_input(L)->editor));
  return 1;
}

static int l_key(lua_State *L) {
  const input *in = check_edited_input(L);
  push_text(L, &in->key, &in->key + 1);
  return 1;
}

static int set_verdict(lua_State *L, lac_verdict verdict) {
  check_edited_input(L)->verdict = verdict;
  return 0;
}

static int l_accept(lua_State *L) {
  return set_verdict(L, LAC_VERDICT_ACCEPT);
}

static int l_finish(lua_State *L) {
  return set_verdict(L, LAC_VERDICT_FINISH);
}

static int l_more(lua_State *L) {
  return set_verdict(L, LAC_VERDICT_MORE);
}

static int l_again(lua_State *L) {
  return set_verdict(L, LAC_VERDICT_AGAIN);
}

/* ---- the terminal ---- */

static int l_draw(lua_State *L) {
  input *in = check_edited_input(L);
  size_t size, erasure_size;
  const char *bytes = luaL_checklstring(L, 2, &size), *erasure = luaL_optlstring(L, 3, "", &erasure_size);
  lac_output_flush(lac_runtime_output(in->runtime));
  in->erasure.size = 0;
  if (!lac_bytes_append(&in->erasure, erasure, erasure_size)) return luaL_error(L, "not enough memory");
  in->is_drawn = erasure_size > 0;
  in->is_line_open = false;
  write_terminal(STDOUT_FILENO, bytes, size);
  return 0;
}

static int l_drawn(lua_State *L) {
  const input *in = check_edited_input(L);
  lac_output_flush(lac_runtime_output(in->runtime));
  lua_pushboolean(L, in->is_drawn);
  lua_pushboolean(L, in->is_line_open);
  return 2;
}

/* size() → columns, rows of the terminal at the standard output; 80 and 24 if there is none or it does not know. */
static int l_size(lua_State *L) {
  struct winsize size = {0};
  if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0) size.ws_col = size.ws_row = 0;
  lua_pushinteger(L, size.ws_col ? size.ws_col : 80);
  lua_pushinteger(L, size.ws_row ? size.ws_row : 24);
  return 2;
}

/* width(code point) → columns that a terminal gives it: 0 for a combining character, 2 for Korean, nil for none. */
static int l_width(lua_State *L) {
  int width = lac_editor_width((wchar_t)luaL_checkinteger(L, 1));
  if (width < 0) return 0;
  lua_pushinteger(L, width);
  return 1;
}

static int l_is_terminal(lua_State *L) {
  lua_pushboolean(L, isatty((int)luaL_checkinteger(L, 1)));
  return 1;
}

int luaopen_lacuna_native_lineedit(lua_State *L) {
  static const luaL_Reg methods[] = {
      {"start", l_start}, {"stop", l_stop},           {"line", l_line},       {"replace", l_replace},
      {"key", l_key},     {"has_paste", l_has_paste}, {"accept", l_accept},   {"finish", l_finish},
      {"more", l_more},   {"again", l_again},         {"suspend", l_suspend}, {"resume", l_resume},
      {"close", l_close}, {"draw", l_draw},           {"drawn", l_drawn},     {NULL, NULL},
  };
  static const luaL_Reg functions[] = {
      {"open", l_open}, {"size", l_size}, {"width", l_width}, {"is_terminal", l_is_terminal}, {NULL, NULL}};
  luaL_newmetatable(L, METATABLE);
  luaL_setfuncs(L, methods, 0);
  lua_pushvalue(L, -1);
  lua_setfield(L, -2, "__index");
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  lua_createtable(L, LAC_EDITOR_COMMAND_COUNT, 0);
#define COMMAND_NAME(name)                                                                                             \
  lua_pushliteral(L, #name);                                                                                           \
  lua_rawseti(L, -2, LAC_EDITOR_##name + 1);
  LAC_EDITOR_COMMANDS(COMMAND_NAME)
#undef COMMAND_NAME
  lua_setfield(L, -2, "commands");
  return 1;
}
