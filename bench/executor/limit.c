/* limit thread|process one N: a byte to a worker that sleeps in epoll, and one back to a caller that does. It is two
 * wake-ups and nothing else; who does not sleep between two calls may take less. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static double seconds(clockid_t clock) {
  struct timespec time;
  clock_gettime(clock, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static int watch(int descriptor) {
  int epoll = epoll_create1(0);
  struct epoll_event event = {.events = EPOLLIN};
  epoll_ctl(epoll, EPOLL_CTL_ADD, descriptor, &event);
  return epoll;
}

/* False at the end of the stream. */
static int receive(int epoll, int descriptor) {
  struct epoll_event event;
  char byte;
  return epoll_wait(epoll, &event, 1, -1) == 1 && read(descriptor, &byte, 1) == 1;
}

static void *serve(void *data) {
  int descriptor = *(int *)data, epoll = watch(descriptor);
  while (receive(epoll, descriptor) && write(descriptor, "", 1) == 1) continue;
  return NULL;
}

int main(int argc, char **argv) {
  int ends[2], is_thread = argc > 1 && strcmp(argv[1], "thread") == 0;
  if (argc != 4 || strcmp(argv[2], "one") != 0 || socketpair(AF_UNIX, SOCK_STREAM, 0, ends) != 0) return 2;
  pthread_t thread;
  if (is_thread) {
    if (pthread_create(&thread, NULL, serve, &ends[1]) != 0) return 1;
  } else if (fork() == 0) {
    close(ends[0]);
    serve(&ends[1]);
    _exit(0);
  }
  int epoll = watch(ends[0]);
  double started = seconds(CLOCK_MONOTONIC), started_cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
  for (long i = atol(argv[3]); i > 0; i--) {
    if (write(ends[0], "", 1) != 1 || !receive(epoll, ends[0])) return 1;
  }
  printf("wall_s %f\n", seconds(CLOCK_MONOTONIC) - started);
  printf("cpu_s %f\n", seconds(CLOCK_PROCESS_CPUTIME_ID) - started_cpu);
  return 0;
}
