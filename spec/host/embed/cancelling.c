/* cancelling: an asynchronous function whose script loses interest; on_cancel runs once, however it comes to it. */
#include <lacuna.h>
#include <stdio.h>

static int cancelled, kept_count;
static lacuna_call_t *kept[8];

static void on_cancel(lacuna_call_t *call, void *data) {
  cancelled++;
  if (data) lacuna_fail(call, "RuntimeError", "cancelled"); /* completed at once */
}

/* wait(completes_when_cancelled): nobody completes it. */
static lacuna_status wait_for_ever(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)count;
  bool is_completed_at_once = arguments[0].boolean;
  if (!is_completed_at_once) kept[kept_count++] = call;
  lacuna_on_cancel(call, on_cancel, is_completed_at_once ? call : NULL);
  return LACUNA_PENDING;
}

static lacuna_status give_up(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  lacuna_drop(call); /* before it has returned: an error like any other */
  return LACUNA_PENDING;
}

static void drop_later(void *data) {
  lacuna_drop(data);
}

static lacuna_status give_up_later(lacuna_call_t *call, const lacuna_value *arguments, int count) {
  (void)arguments, (void)count;
  lacuna_post(lacuna_runtime(call), drop_later, call);
  return LACUNA_PENDING;
}

static const lacuna_function functions[] = {
    {"wait", wait_for_ever, "boolean", true},
    {"give_up", give_up, "", true},
    {"give_up_later", give_up_later, "", true},
    {NULL, NULL, NULL, false},
};

static void on_log(void *data, const char *text) {
  printf("%s: %s\n", (const char *)data, text);
}

static void run(lacuna_t *runtime, const char *source) {
  lacuna_task_t *task = lacuna_spawn_string(runtime, source, "=cancelling", NULL, 0);
  lacuna_task_wait(task, -1);
  const lacuna_error *error = lacuna_task_error(task);
  printf("%s; cancelled %d\n", error ? error->message : lacuna_task_result(task, 0).bytes, cancelled);
  lacuna_task_release(task);
}

int main(void) {
  lacuna_options options = {.on_log = on_log, .data = (void *)"log"};
  lacuna_t *runtime = lacuna_new(&options);
  lacuna_module(runtime, "program", functions, NULL);
  run(runtime, "local async, program = require 'lacuna', require 'program'\n"
               "local ok, err = pcall(async.await, async.wait_for(program.wait(true), 0.01))\n"
               "return err.name");
  run(runtime, "local async, program = require 'lacuna', require 'program'\n"
               "local call = program.wait(false)\n"
               "call:cancel() call:cancel()\n"
               "return call:cancelled() and 'cancelled' or 'not cancelled'");
  lacuna_complete(kept[0], NULL, 0); /* late: what is left is to give the call back */
  run(runtime, "local async, program = require 'lacuna', require 'program'\n"
               "async.await(program.give_up())");
  run(runtime, "local async, program = require 'lacuna', require 'program'\n"
               "async.await(program.give_up_later())");

  lacuna_task_t *task =
      lacuna_spawn_string(runtime, "require('lacuna').await(require('program').wait(false))", "=left", NULL, 0);
  lacuna_step(runtime, 1000000);
  lacuna_task_cancel(task, "enough");
  lacuna_task_wait(task, -1);
  printf("%s\n", lacuna_task_error(task)->text);
  lacuna_task_release(task);

  task = lacuna_spawn_string(runtime, "require('lacuna').await(require('lacuna').sleep(3600))", "=late", NULL, 0);
  lacuna_task_set_deadline(task, 3600000);
  lacuna_task_set_deadline(task, 10);
  lacuna_task_wait(task, -1);
  printf("%s\n", lacuna_task_error(task)->text);
  lacuna_task_release(task);
  printf("left: %d, cancelled %d\n", lacuna_shutdown(runtime, 10), cancelled);

  task = lacuna_spawn_string(runtime, "require('lacuna').await(require('program').wait(false))", "=freed", NULL, 0);
  lacuna_step(runtime, 1000000);
  lacuna_free(runtime);
  printf("status %d, cancelled %d\n", lacuna_task_status(task), cancelled);
  lacuna_task_release(task);
  for (int i = 1; i < kept_count; i++) lacuna_complete(kept[i], NULL, 0); /* the runtime is gone: nothing happens */
  return 0;
}
