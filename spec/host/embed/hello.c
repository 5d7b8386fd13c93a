/* hello: a script that waits, and a function of the program that it calls. */
#include <lacuna.h>
#include <stdio.h>

static lacuna_status greet(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  printf("hello, %s\n", arguments[0].bytes);
  return lacuna_complete(call, NULL, 0);
}

static const lacuna_function functions[] = {{"greet", greet, "string", false}, {NULL, NULL, NULL, false}};

int main(void) {
  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_module(runtime, "program", functions, NULL);
  int status = lacuna_run_string(runtime,
                                 "local async = require 'lacuna'\n"
                                 "async.await(async.sleep(0.01))\n"
                                 "require('program').greet('world')\n",
                                 "=hello", 0, NULL);
  lacuna_free(runtime);
  return status;
}
