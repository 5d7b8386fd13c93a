/* guest: a server with an epoll loop of its own gives lacuna a place in it. Each line that a client sends is answered
 * by a Lua function, which may wait; the others are served meanwhile. */
#include <arpa/inet.h>
#include <lacuna.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

enum { CLIENTS = 20, BUDGET_NS = 1000000 };

static const char source[] = "local async = require 'lacuna'\n"
                             "return function(line)\n"
                             "  async.await(async.sleep(0.05))\n"
                             "  return line:upper()\n"
                             "end\n";

static int answered;

/* The task has the answer for the client whose descriptor is in `data`. */
static void on_done(lacuna_task_t *task, void *data) {
  int client = (int)(intptr_t)data;
  lacuna_value answer = lacuna_task_result(task, 0);
  if (answer.type == LACUNA_STRING && write(client, answer.bytes, answer.size) == (ssize_t)answer.size) answered++;
  close(client);
  lacuna_task_release(task);
}

static void on_line(lacuna_t *runtime, lacuna_value handler, int client) {
  char line[64];
  ssize_t size = read(client, line, sizeof line);
  lacuna_value argument = lacuna_bytes(line, size > 0 ? (size_t)size : 0);
  lacuna_task_on_done(lacuna_spawn(runtime, handler, &argument, 1), on_done, (void *)(intptr_t)client);
}

/* The clients, all at once: each sends a line and waits for the answer. */
static void *run_clients(void *data) {
  int sockets[CLIENTS];
  intptr_t right = 0;
  for (int i = 0; i < CLIENTS; i++) {
    char line[32];
    sockets[i] = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(sockets[i], data, sizeof(struct sockaddr_in)) != 0) return NULL;
    int size = snprintf(line, sizeof line, "line %d", i);
    if (write(sockets[i], line, (size_t)size) != size) return NULL;
  }
  for (int i = 0; i < CLIENTS; i++) {
    char answer[32] = "", expected[32];
    snprintf(expected, sizeof expected, "LINE %d", i);
    if (read(sockets[i], answer, sizeof answer - 1) > 0 && strcmp(answer, expected) == 0) right++;
    close(sockets[i]);
  }
  return (void *)right;
}

static void watch(int poller, int descriptor) {
  struct epoll_event event = {.events = EPOLLIN, .data.fd = descriptor};
  epoll_ctl(poller, EPOLL_CTL_ADD, descriptor, &event);
}

int main(void) {
  struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof address;
  int listener = socket(AF_INET, SOCK_STREAM, 0), poller = epoll_create1(0);
  if (bind(listener, (struct sockaddr *)&address, size) != 0 || listen(listener, CLIENTS) != 0) return 1;
  getsockname(listener, (struct sockaddr *)&address, &size);

  lacuna_t *runtime = lacuna_new(NULL);
  lacuna_task_t *script = lacuna_spawn_string(runtime, source, "=server", NULL, 0);
  if (lacuna_task_wait(script, 1000) != LACUNA_OK) return 1;
  lacuna_value handler = lacuna_task_result(script, 0); /* lives until the task is released */

  pthread_t clients;
  pthread_create(&clients, NULL, run_clients, &address);
  watch(poller, listener);
  watch(poller, lacuna_backend_fd(runtime));
  for (;;) {
    bool is_more = lacuna_step(runtime, BUDGET_NS);
    if (answered == CLIENTS) break;
    struct epoll_event events[16];
    int count = epoll_wait(poller, events, 16, is_more ? 0 : lacuna_backend_timeout(runtime));
    for (int i = 0; i < count; i++) {
      int descriptor = events[i].data.fd;
      if (descriptor == listener)
        watch(poller, accept(listener, NULL, NULL));
      else if (descriptor != lacuna_backend_fd(runtime)) {
        epoll_ctl(poller, EPOLL_CTL_DEL, descriptor, NULL);
        on_line(runtime, handler, descriptor);
      }
    }
  }

  void *right = NULL;
  pthread_join(clients, &right);
  printf("%d answered, %d as expected\n", answered, (int)(intptr_t)right);
  lacuna_task_release(script);
  lacuna_free(runtime);
  close(listener);
  close(poller);
  return 0;
}
