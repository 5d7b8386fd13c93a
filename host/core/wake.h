/* wake: the only way a C callback re-enters Lua, and the pins that let libuv or libcurl hold a Lua value.
 *
 * A callback of libuv or libcurl never resumes a task. It calls one pinned Lua function, which completes an operation
 * (a future); the scheduler resumes the tasks that waited. The calls run on the runtime's own lua_State, protected: an
 * error in one goes to the loop's exception handler and never unwinds through the C library below. */
#ifndef LAC_CORE_WAKE_H
#define LAC_CORE_WAKE_H

#include <lua.h>

#include "lacuna.h"

/* A Lua value kept alive until it is unpinned. LAC_NO_PIN is none. */
typedef int lac_pin;
enum { LAC_NO_PIN = -2 }; /* LUA_NOREF */

/* Pins the value at `index` of any state of the runtime; the stack stays as it was. */
lac_pin lac_pin_value(lua_State *L, int index);

/* Lets the value go and sets the pin to LAC_NO_PIN; unpinning none does nothing. */
void lac_unpin(lacuna_t *runtime, lac_pin *pin);

/* Pushes the pinned function and returns the state to push its arguments on; lac_wake_call must follow. */
lua_State *lac_wake_open(lacuna_t *runtime, lac_pin function);

/* Calls what lac_wake_open pushed with the arguments pushed since; results are dropped, errors reported. */
void lac_wake_call(lacuna_t *runtime, int argument_count);

#endif
