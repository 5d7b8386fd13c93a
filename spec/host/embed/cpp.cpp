// cpp: from C++, with a function object per call and a handle that releases itself.
#include <iostream>
#include <lacuna.h>
#include <memory>
#include <string>
#include <thread>
#include <vector>

struct Free {
  void operator()(lacuna_t *runtime) const {
    lacuna_free(runtime);
  }
  void operator()(lacuna_task_t *task) const {
    lacuna_task_release(task);
  }
};
using Runtime = std::unique_ptr<lacuna_t, Free>;
using Task = std::unique_ptr<lacuna_task_t, Free>;
using Threads = std::vector<std::thread>;

// reverse(text): another thread does it.
static lacuna_status reverse(lacuna_call_t *call, const lacuna_value *arguments, int) {
  std::string text(arguments[0].bytes, arguments[0].size);
  static_cast<Threads *>(lacuna_data(call))->emplace_back([call, text] {
    std::string reversed(text.rbegin(), text.rend());
    lacuna_value value = lacuna_bytes(reversed.data(), reversed.size());
    lacuna_complete(call, &value, 1);
  });
  return LACUNA_PENDING;
}

static const lacuna_function functions[] = {{"reverse", reverse, "string", true}, {nullptr, nullptr, nullptr, false}};

int main() {
  Threads threads;
  Runtime runtime(lacuna_new(nullptr));
  lacuna_module(runtime.get(), "program", functions, &threads);
  Task task(
      lacuna_spawn_string(runtime.get(),
                          "local async, program = require 'lacuna', require 'program'\n"
                          "return unpack(async.await(async.gather(program.reverse 'abc', program.reverse 'xyz')))",
                          "=cpp", nullptr, 0));
  lacuna_status status = lacuna_task_wait(task.get(), -1);
  for (std::thread &thread : threads) thread.join();
  if (status != LACUNA_OK) {
    std::cout << lacuna_task_error(task.get())->text << "\n";
    return 1;
  }
  for (int i = 0; i < lacuna_task_result_count(task.get()); i++)
    std::cout << lacuna_task_result(task.get(), i).bytes << "\n";
}
