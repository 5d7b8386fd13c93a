/* limit URL COUNT: COUNT GETs, one after the other, by libcurl's easy interface, in a process with a Lua state. */
#include <curl/curl.h>
#include <lauxlib.h>
#include <lua.h>
#include <lualib.h>
#include <stdio.h>
#include <stdlib.h>
#include <uv.h>

static size_t on_body(char *data, size_t one, size_t size, void *user) {
  (void)data, (void)one;
  *(size_t *)user += size;
  return size;
}

int main(int argc, char **argv) {
  if (argc < 3) return 2;
  lua_State *L = luaL_newstate();
  luaL_openlibs(L);
  curl_global_init(CURL_GLOBAL_ALL);
  CURL *easy = curl_easy_init();
  size_t received = 0;
  curl_easy_setopt(easy, CURLOPT_URL, argv[1]);
  curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy, CURLOPT_WRITEDATA, &received);
  for (int i = 0; i < atoi(argv[2]); i++)
    if (curl_easy_perform(easy) != CURLE_OK) return 1;
  printf("bytes %zu\n", received);
  return 0;
}
