/* What a host of C, LuaJIT and libuv cannot do without: a state, the standard libraries, a loop that runs, an end. */
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <uv.h>

int main(void) {
  uv_loop_t loop;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  uv_loop_init(&loop);
  if (luaL_dostring(L, "-- an empty script")) return 1;
  uv_run(&loop, UV_RUN_DEFAULT);
  uv_loop_close(&loop);
  lua_close(L);
  return 0;
}
