/* output: where a runtime's words go: the callbacks in its options, or the process's streams.
 *
 * Scripts write through io.stdout and io.stderr. Where the program takes their output, these two stand for streams that
 * call it, so print, io.write and every Lua library are caught alike; nothing else of the host touches stdio. */
#ifndef LAC_CORE_OUTPUT_H
#define LAC_CORE_OUTPUT_H

#include <lua.h>
#include <stdbool.h>

#include "lacuna.h"

typedef struct lac_output lac_output;
typedef void lac_on_output(void *data, lacuna_stream stream, const char *bytes, size_t size);

/* Makes a runtime's output; NULL if memory ran out. */
lac_output *lac_output_new(const lacuna_options *options);

/* Makes the state's io.stdout and io.stderr write to it. Call after luaL_openlibs. */
void lac_output_install(lua_State *L, lac_output *output);

/* Has what scripts write and what is reported go to on_output, line by line, until it is given back; for a part of the
 * host that shows it among its own. False if the program takes it already, or memory ran out. */
bool lac_output_take(lua_State *L, lac_output *output, lac_on_output *on_output, void *data);
void lac_output_give_back(lac_output *output);

/* Whether what scripts write or what is reported goes anywhere but to the process's streams. */
bool lac_output_is_taken(const lac_output *output);

/* Writes as a script would through io.stdout or io.stderr. */
void lac_output_write(lac_output *output, lacuna_stream stream, const char *bytes, size_t size);

/* Passes on what scripts have written so far. */
void lac_output_flush(lac_output *output);

/* Reports in one line or several, without a newline at the end. */
void lac_output_log(lac_output *output, const char *text);

/* Reports an error that nobody handles; `context` says whose, "" that it is the script's own. */
void lac_output_error(lac_output *output, const char *context, const lacuna_error *error);

/* After the state is closed. NULL is ignored. */
void lac_output_free(lac_output *output);

/* Opens `lacuna.native.output`: the reports for the Lua half. */
int luaopen_lacuna_native_output(lua_State *L);

#endif
