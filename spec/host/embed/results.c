/* results: what a function of the program is given and gives back: none, one or several values, at once or later. */
#include <inttypes.h>
#include <lacuna.h>
#include <stdio.h>

/* show(number, integer, string): numbers and their text stand for each other. */
static lacuna_status show(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  printf("%g %" PRId64 " %s\n", arguments[0].number, arguments[1].integer, arguments[2].bytes);
  return lacuna_complete(call, NULL, 0);
}

static lacuna_status give(lacuna_call_t *call, int count) {
  lacuna_value values[] = {lacuna_string("하나"), lacuna_nil(), lacuna_number(3)};
  return count < 0 ? lacuna_fail(call, "KeyError", "none") : lacuna_complete(call, values, count);
}

static int wanted;

static void on_post(void *data) {
  give(data, wanted);
}

static lacuna_status now(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  return give(call, (int)arguments[0].integer);
}

static lacuna_status later(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  wanted = (int)arguments[0].integer;
  return lacuna_post(lacuna_runtime(call), on_post, call) ? LACUNA_PENDING : LACUNA_FAILED;
}

static lacuna_status fail_without_words(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)call, (void)arguments, (void)count;
  return LACUNA_FAILED;
}

static const lacuna_function functions[] = {
    {"show", show, "number integer string", false},
    {"now", now, "integer", false},
    {"now_async", now, "integer", true},
    {"later", later, "integer", true},
    {"fail", fail_without_words, NULL, false},
    {"fail_async", fail_without_words, NULL, true},
    {NULL, NULL, NULL, false},
};

static const char source[] =
    "local async, program = require 'lacuna', require 'program'\n"
    "local await = async.await\n"
    "program.show(0, -1, 'x')\n"
    "program.show('0x10', '2', 1.5)\n"
    "for _, wrong in ipairs{{'x', 1, ''}, {0, '1.5', ''}, {0, 1, true}, {'', 1, ''}, {nil, 1, ''}} do\n"
    "  print(select(2, pcall(program.show, wrong[1], wrong[2], wrong[3])))\n"
    "end\n"
    "for count = -1, 3 do\n"
    "  print(count, pcall(program.now, count))\n"
    "  print(count, pcall(await, program.now_async(count)))\n"
    "  print(count, pcall(await, program.later(count)))\n"
    "end\n"
    "print(pcall(program.fail))\n"
    "print(pcall(await, program.fail_async()))\n";

int main(void) {
  setvbuf(stdout, NULL, _IONBF, 0);
  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_module(runtime, "program", functions, NULL);
  int status = lacuna_run_string(runtime, source, "=results", 0, NULL);
  lacuna_task_t *task =
      lacuna_spawn(runtime, lacuna_get(runtime, lacuna_globals(runtime), lacuna_string("no")), NULL, 0);
  lacuna_status end = lacuna_task_wait(task, -1);
  printf("status %d, %s\n", end, lacuna_task_error(task)->message);
  lacuna_task_release(task);
  /* What a task is for which there was no memory. */
  printf("status %d, %s\n", lacuna_task_wait(NULL, -1), lacuna_task_error(NULL)->message);
  printf("%d results, a %s one, cancelled %d\n", lacuna_task_result_count(NULL),
         lacuna_task_result(NULL, 0).type == LACUNA_NIL ? "nil" : "strange", lacuna_task_cancel(NULL, NULL));
  lacuna_free(runtime);
  return status;
}
