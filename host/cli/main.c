/* main: the command. It reads the options, turns Ctrl-C into an interrupt, and runs one script: the user's, or the
 * few words that hand everything else on the command line to lua/lacuna/cli/run.lua. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/options.h"
#include "lacuna.h"

/* The runtime that Ctrl-C interrupts: a signal handler can be given nothing else. Only the command has one. */
static lacuna_t *volatile interrupted_runtime;
static volatile sig_atomic_t has_prompt;

/* Found by its name: a pool's child processes run the program that they are started by if that is the command. */
LACUNA_API extern const bool lacuna_is_command;
const bool lacuna_is_command = true;

/* The first Ctrl-C cancels the main task so that clean-up runs; the second ends the process at once. At the prompt each
 * one gives up what is being typed or awaited. */
static void on_sigint(int signal_number) {
  (void)signal_number;
  lacuna_t *runtime = interrupted_runtime;
  if (!runtime) _exit(LACUNA_INTERRUPTED);
  if (!has_prompt) interrupted_runtime = NULL;
  lacuna_interrupt(runtime);
}

/* Ctrl-\ shows the live tasks and lets the script go on. */
static void on_sigquit(int signal_number) {
  (void)signal_number;
  if (interrupted_runtime) lacuna_print_tasks(interrupted_runtime);
}

static void watch_signals(lacuna_t *runtime) {
  interrupted_runtime = runtime;
  struct sigaction action = {.sa_handler = on_sigint, .sa_flags = SA_RESTART};
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  action.sa_handler = on_sigquit;
  sigaction(SIGQUIT, &action, NULL);
}

static int run(lacuna_t *runtime, const cli_options *options) {
  if (options->script) return lacuna_run_file(runtime, options->script, options->argc, options->argv);
  return lacuna_run_string(runtime, "require('lacuna.cli.run')(...)", "=[lacuna]", options->program_length,
                           (char **)options->program);
}

/* Runs a runtime from its making to its end. */
static int run_command(const cli_options *options) {
  signal(SIGPIPE, SIG_IGN); /* a peer that went away is an error of one write, not the end of the process */
  lacuna_options runtime_options = options->runtime;
  runtime_options.can_exit = true;
  lacuna_t *runtime = lacuna_new(&runtime_options);
  if (!runtime) {
    fprintf(stderr, "lacuna: out of memory or file descriptors\n");
    return LACUNA_FAILED;
  }
  has_prompt = options->is_interactive;
  watch_signals(runtime);
  int status = run(runtime, options);
  interrupted_runtime = NULL;
  lacuna_free(runtime);
  return status;
}

/* Fills what of the first three descriptors the process was started without, lest a file that is opened later be taken
 * for one of them: the input has its end at once, what is written fails. */
static void fill_descriptors(void) {
  for (int fd = 0; fd <= 2; fd++) {
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", O_RDONLY) != fd) _exit(LACUNA_FAILED);
  }
}

int main(int argc, char **argv) {
  fill_descriptors();
  cli_options options;
  int status = LACUNA_OK;
  if (!cli_parse_options(&options, argc, argv)) {
    status = LACUNA_USAGE;
  } else if (options.is_help) {
    cli_print_help(stdout);
  } else if (options.is_version) {
    printf("lacuna %s\n", lacuna_version());
  } else {
    status = run_command(&options);
  }
  cli_free_options(&options);
  bool is_lost = ferror(stdout) != 0; /* of an earlier flush; errno is no longer its */
  int problem = fflush(stdout) != 0 ? errno : 0;
  if ((problem || is_lost) && status == LACUNA_OK) {
    fprintf(stderr, "lacuna: cannot write to the standard output%s%s\n", problem ? ": " : "",
            problem ? strerror(problem) : "");
    status = LACUNA_FAILED;
  }
  return status;
}
