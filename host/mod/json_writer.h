/* json_writer: the other half of json.c, Lua values to JSON text.
 *
 * encode(value, indent, array, integer_text) → text; or nil, "type" or "value", what is wrong, and the keys that lead
 * to it, innermost first
 * `indent` is a string or nil; `array` the metatable of tables that are arrays; integer_text(cdata) → digits, or nil.
 */
#ifndef LAC_MOD_JSON_WRITER_H
#define LAC_MOD_JSON_WRITER_H

#include <lua.h>

enum { LAC_JSON_DEPTH_MAX = 1000 };

/* Pushes `encode`. */
void lac_json_push_encode(lua_State *L);

#endif
