/* values: what passes between C and Lua: tables, functions, integers, bytes, objects of the program. */
#include <inttypes.h>
#include <lacuna.h>
#include <stdio.h>
#include <stdlib.h>

typedef struct counter {
  double count;
} counter;

static int alive;

static lacuna_status counter_add(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  counter *counter = lacuna_data(call);
  counter->count += arguments[1].type == LACUNA_NIL ? 1 : arguments[1].number;
  lacuna_value total = lacuna_number(counter->count);
  return lacuna_complete(call, &total, 1);
}

static const lacuna_function counter_methods[] = {{"add", counter_add, "number?", false}, {NULL, NULL, NULL, false}};

static void finalise_counter(void *pointer) {
  alive--;
  free(pointer);
}

static const lacuna_class counter_class = {"Counter", counter_methods, finalise_counter};

static lacuna_status new_counter(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  counter *counter = calloc(1, sizeof *counter);
  alive++;
  lacuna_value object = lacuna_object(lacuna_runtime(call), &counter_class, counter);
  return lacuna_complete(call, &object, 1);
}

/* describe(counter, table, ...): what it is given. */
static lacuna_status describe(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  lacuna_t *runtime = lacuna_runtime(call);
  const counter *counter = arguments[0].pointer;
  printf("counter %g, %zu positions, name %s, %d more\n", counter->count, lacuna_length(runtime, arguments[1]),
         lacuna_get(runtime, arguments[1], lacuna_string("name")).bytes, count - 2);
  lacuna_value answer = lacuna_table(runtime);
  lacuna_set(runtime, answer, lacuna_number(1), lacuna_boolean(true));
  lacuna_set(runtime, answer, lacuna_string("bytes"), lacuna_bytes("a\0b", 3));
  lacuna_set(runtime, answer, lacuna_string("huge"), lacuna_integer(INT64_MAX));
  lacuna_set(runtime, answer, lacuna_string("given"), arguments[1]);
  return lacuna_complete(call, &answer, 1);
}

static const lacuna_function functions[] = {
    {"counter", new_counter, "", false},
    {"describe", describe, "Counter table ...", false},
    {NULL, NULL, NULL, false},
};

static const char source[] = "local program = require 'program'\n"
                             "local counter = program.counter()\n"
                             "counter:add(2) counter:add()\n"
                             "local answer = program.describe(counter, {10, 20, 30, name = '이름'}, 1, 2)\n"
                             "assert(answer[1] == true and #answer.bytes == 3 and answer.given.name == '이름')\n"
                             "assert(answer.huge == 9223372036854775807LL)\n"
                             "for _, call in ipairs{\n"
                             "  function() program.describe({}, {}) end,\n"
                             "  function() program.describe(counter) end,\n"
                             "  function() counter.add({}, 1) end,\n"
                             "  function() counter:add('x') end,\n"
                             "} do print(select(2, pcall(call))) end\n"
                             "counter, answer = nil\n"
                             "collectgarbage() collectgarbage()\n"
                             "return {-1LL, 7, double = function(x) return 2 * x, 'twice' end}\n";

int main(void) {
  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_module(runtime, "program", functions, NULL);
  lacuna_task_t *task = lacuna_spawn_string(runtime, source, "=values", NULL, 0);
  if (lacuna_task_wait(task, -1) != LACUNA_OK) return puts(lacuna_task_error(task)->text), 1;
  printf("counters alive: %d\n", alive);

  lacuna_value table = lacuna_task_result(task, 0), key = lacuna_nil(), value;
  int fields = 0;
  while (lacuna_next(runtime, table, &key, &value)) fields++;
  lacuna_value first = lacuna_get(runtime, table, lacuna_number(1));
  printf("%d fields, first %" PRId64 "\n", fields, first.integer);

  lacuna_value twice = lacuna_keep(runtime, lacuna_get(runtime, table, lacuna_string("double")));
  lacuna_task_release(task); /* the table is gone, the function is kept */
  lacuna_value argument = lacuna_number(21);
  task = lacuna_spawn(runtime, twice, &argument, 1);
  lacuna_task_wait(task, -1);
  printf("%d results: %g %s\n", lacuna_task_result_count(task), lacuna_task_result(task, 0).number,
         lacuna_task_result(task, 1).bytes);
  lacuna_task_release(task);
  lacuna_release(runtime, twice);

  lacuna_set(runtime, lacuna_globals(runtime), lacuna_string("answer"), lacuna_number(42));
  lacuna_run_string(runtime, "print(answer)", "=answer", 0, NULL);
  fflush(stdout);
  lacuna_free(runtime);
  return 0;
}
