/* curl_values: requests and outcomes of curl_client.h as Lua values, for the client that waits and the one that blocks.
 *
 * A REQUEST is these arguments: url, method, headers, data, verify, timeout, connect_timeout, read_timeout, proxy,
 * is_streamed, is_paced.
 * Headers are a list of encoded lines; verify is true, false or a PEM file; times are seconds. All but the first two
 * may be nil or false. An outcome is: status, head, body; status, head while a streamed transfer goes on; or nil, kind,
 * message, errno name, errno text. */
#ifndef LAC_MOD_CURL_VALUES_H
#define LAC_MOD_CURL_VALUES_H

#include <lua.h>

#include "mod/curl_client.h"

/* The REQUEST that begins at stack index `first`, but for its headers; raises for arguments of a wrong type. The
 * strings stay Lua's. */
void lac_curl_check_request(lua_State *L, int first, lac_curl_request *request);

/* Its headers, a list that whoever starts the request hands on: so this comes last, and raises nothing. False if one is
 * no string or memory ran out. */
bool lac_curl_collect_headers(lua_State *L, int first, const lac_curl_library *curl, lac_curl_request *request);

/* Pushes an outcome; returns how many values. */
int lac_curl_push_outcome(lua_State *L, const lac_curl_outcome *outcome);

#endif
