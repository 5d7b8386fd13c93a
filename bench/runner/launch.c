/* launch: runs one program of a benchmark and reports what it used.
 *
 *     launch LIMIT_S CORE PROGRAM [ARGUMENT...]     CORE: the core it is bound to, or - for any
 *     launch cores                                  work two spinning processes get done, in units of what one does
 *
 * The report, "name value" lines, goes to file descriptor 3. The program is ended at the time limit, and with whoever
 * started it: nothing is left behind. A program this small because the kernel counts the peak memory of the process
 * that calls exec towards the one that it becomes. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t child;
static volatile sig_atomic_t is_over_limit;

static double now_s(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static double seconds(struct timeval time) {
  return (double)time.tv_sec + (double)time.tv_usec / 1e6;
}

static void bind_to(int core) {
  cpu_set_t cores;
  CPU_ZERO(&cores);
  CPU_SET(core, &cores);
  sched_setaffinity(0, sizeof cores, &cores);
}

static void on_alarm(int signal_number) {
  (void)signal_number;
  is_over_limit = 1;
  kill(child, SIGKILL);
}

static void on_terminate(int signal_number) {
  kill(child, signal_number);
}

static int launch(int limit_s, const char *core, char **argv) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  double started = now_s();
  child = fork();
  if (child < 0) return 126;
  if (child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    close(3);
    if (strcmp(core, "-") != 0) bind_to(atoi(core));
    execvp(argv[0], argv);
    _exit(127);
  }
  signal(SIGALRM, on_alarm);
  signal(SIGTERM, on_terminate);
  signal(SIGINT, on_terminate);
  alarm((unsigned)limit_s);
  int status = 0;
  struct rusage used;
  while (wait4(child, &status, 0, &used) < 0) continue;
  double wall_s = now_s() - started;
  dprintf(3, "process_wall_s %.6f\nprocess_cpu_s %.6f\nprocess_peak_kib %ld\nstatus %d\nis_over_limit %d\n", wall_s,
          seconds(used.ru_utime) + seconds(used.ru_stime), used.ru_maxrss,
          WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), (int)is_over_limit);
  return 0;
}

static double spin(int core, double duration_s) {
  bind_to(core);
  double end = now_s() + duration_s, rounds = 0;
  for (volatile long i = 0; now_s() < end; rounds++)
    for (int j = 0; j < 1000; j++) i++;
  return rounds;
}

static int count_cores(void) {
  double *work = mmap(NULL, 2 * sizeof *work, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (work == MAP_FAILED) return 1;
  int second = sysconf(_SC_NPROCESSORS_ONLN) > 1 ? 1 : 0;
  double alone = 0;
  for (int i = 0; i < 4; i++) { /* the best of several: somebody else may be on that core */
    double once = spin(i % 2 * second, 0.05) * 2;
    if (once > alone) alone = once;
  }
  for (int i = 0; i < 2; i++) {
    if (fork() == 0) {
      work[i] = spin(i * second, 0.1);
      _exit(0);
    }
  }
  while (wait(NULL) > 0) continue;
  dprintf(3, "cores %.2f\n", (work[0] + work[1]) / alone);
  return 0;
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "cores") == 0) return count_cores();
  if (argc < 4) return 2;
  return launch(atoi(argv[1]), argv[2], argv + 3);
}
