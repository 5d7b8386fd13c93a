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
  lac_on_output *on_output;
  channel out, err;
};

static FILE *process_stream(lacuna_stream stream) {
  return stream == LACUNA_STDERR ? stderr : stdout;
}

static ssize_t write_channel(void *cookie, const char *bytes, size_t size) {
  const channel *channel = cookie;
  if (channel->output->on_output) {
    channel->output->on_output(channel->output->data, channel->stream, bytes, size);
  } else { /* taken and given back */
    fwrite(bytes, 1, size, process_stream(channel->stream));
    fflush(process_stream(channel->stream));
  }
  return (ssize_t)size;
}

static void set_channel(channel *channel, lac_output *output, lacuna_stream stream) {
  channel->output = output;
  channel->stream = stream;
  channel->file = process_stream(stream);
}

/* Makes the channel a stream that calls on_output. */
static bool open_channel(channel *channel, int buffering) {
  FILE *file = fopencookie(channel, "w", (cookie_io_functions_t){.write = write_channel});
  if (!file) return false;
  setvbuf(file, NULL, buffering, BUFSIZ);
  channel->file = file;
  return true;
}

static void close_channel(channel *channel) {
  if (channel->file != process_stream(channel->stream)) fclose(channel->file);
}

lac_output *lac_output_new(const lacuna_options *options) {
  lac_output *output = calloc(1, sizeof *output);
  if (!output) return NULL;
  output->data = options->data;
  output->on_error = options->on_error;
  output->on_log = options->on_log;
  output->on_output = options->on_output;
  set_channel(&output->out, output, LACUNA_STDOUT);
  set_channel(&output->err, output, LACUNA_STDERR);
  if (!output->on_output || (open_channel(&output->out, _IOFBF) && open_channel(&output->err, _IOLBF))) return output;
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

bool lac_output_is_taken(const lac_output *output) {
  return output->on_output || output->on_log || output->on_error;
}

bool lac_output_take(lua_State *L, lac_output *output, lac_on_output *on_output, void *data) {
  if (lac_output_is_taken(output)) return false;
  bool is_first = output->out.file == stdout;
  fflush(stdout);
  if (is_first && !(open_channel(&output->out, _IOLBF) && open_channel(&output->err, _IOLBF))) return false;
  output->on_output = on_output;
  output->data = data;
  if (is_first) lac_output_install(L, output);
  return true;
}

void lac_output_give_back(lac_output *output) {
  fflush(output->out.file);
  fflush(output->err.file);
  output->on_output = NULL;
  output->data = NULL;
}

void lac_output_write(lac_output *output, lacuna_stream stream, const char *bytes, size_t size) {
  fwrite(bytes, 1, size, stream == LACUNA_STDERR ? output->err.file : output->out.file);
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

void lac_output_error(lac_output *output, const char *context, const lacuna_error *error) {
  char *text = NULL;
  if (output->on_error) {
    lac_output_flush(output);
    output->on_error(output->data, context, error);
  } else if (*context && asprintf(&text, "%s\n%s", context, error->text) >= 0) {
    lac_output_log(output, text);
    free(text);
  } else {
    lac_output_log(output, error->text);
  }
}

void lac_output_free(lac_output *output) {
  if (!output) return;
  close_channel(&output->out);
  close_channel(&output->err);
  free(output);
}

/* log(text): reports it, without a newline at the end. */
static int l_log(lua_State *L) {
  lac_output_log(lac_runtime_output(lac_runtime(L)), luaL_checkstring(L, 1));
  return 0;
}

/* report(context, class_name, message, traceback, text): reports an error that nobody handles. */
static int l_report(lua_State *L) {
  const char *context = luaL_checkstring(L, 1);
  lacuna_error error = {luaL_checkstring(L, 2), luaL_checkstring(L, 3), luaL_checkstring(L, 4), luaL_checkstring(L, 5)};
  lac_output_error(lac_runtime_output(lac_runtime(L)), context, &error);
  return 0;
}

int luaopen_lacuna_native_output(lua_State *L) {
  static const luaL_Reg functions[] = {{"log", l_log}, {"report", l_report}, {NULL, NULL}};
  lua_newtable(L);
  luaL_setfuncs(L, functions, 0);
  return 1;
}
