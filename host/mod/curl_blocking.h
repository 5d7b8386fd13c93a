/* curl_blocking: the client of curl_client.h on a uv loop of its own, which runs only inside `perform`: everything else
 * of the calling thread stands still until the transfer has ended, as a script that asks for it wants to see.
 *
 * open_blocking() → client, or nil and a message
 * client:perform(REQUEST) → outcome; what both are stands in curl_values.h
 * client:close() */
#ifndef LAC_MOD_CURL_BLOCKING_H
#define LAC_MOD_CURL_BLOCKING_H

#include <lua.h>

/* Makes the metatable of its clients known to the state. */
void lac_curl_register_blocking(lua_State *L);

/* `open_blocking`. */
int lac_curl_l_open_blocking(lua_State *L);

#endif
