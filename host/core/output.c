#define _GNU_SOURCE /* fopencookie */
#include "core/output.h"

#include <lauxlib.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>

#include "core/runtime.h"

typedef struct channel {
  lac_output *output;
  lacuna_stream stream;
  FILE *file; /* what io.stdout or io.stderr stands for */
} channel;

struct lac_output {
  void *data;
  void (*on_error)(void *data, const char *context, const lacuna_error *error);
  void (*on_log)(void *data, const char *text);
  void (*on_output)(void *data, lacuna_stream stream, const char *bytes, size_t size);
  channel out, err;
};

static ssize_t write_channel(void *cookie, const char *bytes, size_t size) {
  const channel *channel = cookie;
  channel->output->on_output(channel->output->data, channel->stream, bytes, size);
  return (ssize_t)size;
}

/* A stream that calls on_output, or the process's own. */
static bool open_channel(channel *channel, lac_output *output, lacuna_stream stream, FILE *process_stream) {
  channel->output = output;
  channel->stream = stream;
  channel->file = process_stream;
  if (!output->on_output) return true;
  channel->file = fopencookie(channel, "w", (cookie_io_functions_t){.write = write_channel});
  if (!channel->file) return false;
  setvbuf(channel->file, NULL, stream == LACUNA_STDERR ? _IOLBF : _IOFBF, BUFSIZ);
  return true;
}

lac_output *lac_output_new(const lacuna_options *options) {
  lac_output *output = calloc(1, sizeof *output);
  if (!output) return NULL;
  output->data = options->data;
  output->on_error = options->on_error;
  output->on_log = options->on_log;
  output->on_output = options->on_output;
  if (open_channel(&output->out, output, LACUNA_STDOUT, stdout) &&
      open_channel(&output->err, output, LACUNA_STDERR, stderr))
    return output;
  lac_output_free(output);
  return NULL;
}

/* The standard file objects of LuaJIT start with their stream, and never close it. */
static void replace_stream(lua_State *L, const char *name, FILE *file) {
  lua_getfield(L, -1, name);
  FILE **stream = luaL_checkudata(L, -1, LUA_FILEHANDLE);
  *stream = file;
  lua_pop(L, 1);
}

void lac_output_install(lua_State *L, lac_output *output) {
  if (!output->on_output) return;
  lua_getglobal(L, "io");
  replace_stream(L, "stdout", output->out.file);
  replace_stream(L, "stderr", output->err.file);
  lua_pop(L, 1);
}

void lac_output_flush(lac_output *output) {
  fflush(output->out.file);
}

void lac_output_log(lac_output *output, const char *text) {
  lac_output_flush(output);
  if (output->on_log) {
    output->on_log(output->data, text);
  } else {
    fprintf(output->err.file, "lacuna: %s\n", text);
  }
}

void lac_output_free(lac_output *output) {
  if (!output) return;
  if (output->on_output && output->out.file) fclose(output->out.file);
  if (output->on_output && output->err.file) fclose(output->err.file);
  free(output);
}

/* log(text): reports it, without a newline at the end. */
static int l_log(lua_State *L) {
  lac_output_log(lac_runtime_output(lac_runtime(L)), luaL_checkstring(L, 1));
  return 0;
}

/* report(context, class_name, message, traceback, text) -> boolean: hands an error that nobody handles to the program;
 * false if it does not take errors. */
static int l_report(lua_State *L) {
  lac_output *output = lac_runtime_output(lac_runtime(L));
  lacuna_error error = {luaL_checkstring(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4), luaL_checkstring(L, 5)};
  lua_pushboolean(L, output->on_error != NULL);
  if (output->on_error) {
    lac_output_flush(output);
    output->on_error(output->data, luaL_checkstring(L, 1), &error);
  }
  return 1;
}

int luaopen_lacuna_native_output(lua_State *L) {
  static const luaL_Reg functions[] = {{"log", l_log}, {"report", l_report}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
