#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- the tables ---- */

static bool apply_clock(cli_options *options, const char *value) {
  options->runtime.is_clock_virtual = strcmp(value, "virtual") == 0;
  return options->runtime.is_clock_virtual || strcmp(value, "real") == 0;
}

static bool apply_shuffle(cli_options *options, const char *value) {
  char *end;
  errno = 0;
  options->runtime.shuffle_seed = strtoull(value, &end, 10);
  return isdigit((unsigned char)value[0]) && errno == 0 && *end == '\0' && options->runtime.shuffle_seed > 0;
}

static bool apply_debug(cli_options *options, const char *value) {
  (void)value;
  options->runtime.is_debug = true;
  return true;
}

static bool apply_interactive(cli_options *options, const char *value) {
  (void)value;
  options->is_interactive = true;
  return true;
}

static bool apply_version(cli_options *options, const char *value) {
  (void)value;
  options->is_version = true;
  return true;
}

static bool apply_help(cli_options *options, const char *value) {
  (void)value;
  options->is_help = true;
  return true;
}

const char cli_usage[] = "lacuna [options] [script.lua | - | command] [arguments]";

const cli_option_row cli_option_table[] = {
    {"-e", NULL, "CODE", "run CODE, which may await, instead of a script", "code", NULL},
    {"-p", NULL, "EXPR", "print the values of EXPR, which may await", "expression", NULL},
    {"-l", NULL, "MODULE", "require MODULE first, into the global of its name", "module", NULL},
    {"-i", NULL, NULL, "go on at the prompt after the script or the code", NULL, apply_interactive},
    {"--debug", NULL, NULL, "report slow steps and forgotten awaits", NULL, apply_debug},
    {"--clock", NULL, "real|virtual", "virtual: sleeps take no time", NULL, apply_clock},
    {"--shuffle", NULL, "SEED", "run what is ready in an order that SEED decides (1, 2, ...)", NULL, apply_shuffle},
    {"-v", "--version", NULL, "print the version", NULL, apply_version},
    {"-h", "--help", NULL, "print this", NULL, apply_help},
    {NULL, NULL, NULL, NULL, NULL, NULL},
};

const cli_word_row cli_command_table[] = {
    {"check", "FILE...", "look for syntax errors, forgotten awaits and accidental globals"},
    {NULL, NULL, NULL},
};

const cli_word_row cli_environment_table[] = {
    {"LACUNA_DEBUG", "1", "as --debug"},
    {"LACUNA_CLOCK", "real|virtual", "as --clock"},
    {"LACUNA_HISTORY", "FILE", "keep what is typed at the prompt there; empty: nowhere"},
    {"LACUNA_STARTUP", "FILE", "run FILE before the first prompt; empty: nothing"},
    {"NO_COLOR", "1", "no colours at the prompt"},
    {"LACUNA_EXECUTABLE", "FILE", "start FILE for pools of processes; for programs that embed lacuna"},
    {"LACUNA_LUA", "FOLDER", "load lacuna's own Lua files from below FOLDER, for work on lacuna itself"},
    {NULL, NULL, NULL},
};

/* ---- help ---- */

void cli_name_option(const cli_option_row *row, char *text, size_t size_bytes) {
  bool is_long = row->name[1] == '-';
  snprintf(text, size_bytes, "%s%s%s%s%s", row->name, row->alias ? ", " : "", row->alias ? row->alias : "",
           row->value ? (is_long ? "=" : " ") : "", row->value ? row->value : "");
}

static void print_row(FILE *file, const char *name, const char *help) {
  fprintf(file, "  %-28s %s\n", name, help);
}

void cli_print_help(FILE *file) {
  char name[64];
  fprintf(file, "usage: %s\n", cli_usage);
  fputs("Without a script: the prompt on a terminal, else the script that the standard input holds.\n\noptions:\n",
        file);
  for (const cli_option_row *row = cli_option_table; row->name; row++) {
    cli_name_option(row, name, sizeof name);
    print_row(file, name, row->help);
  }
  fputs("\ncommands:\n", file);
  for (const cli_word_row *row = cli_command_table; row->name; row++) {
    snprintf(name, sizeof name, "%s %s", row->name, row->value);
    print_row(file, name, row->help);
  }
  fputs("\nenvironment:\n", file);
  for (const cli_word_row *row = cli_environment_table; row->name; row++) {
    snprintf(name, sizeof name, "%s=%s", row->name, row->value);
    print_row(file, name, row->help);
  }
}

/* Says on stderr what is wrong with `subject`; false. `name` is of the option that it stands for, or "". */
static bool refuse(const char *what, const char *name, const char *subject) {
  fprintf(stderr, "lacuna: %s%s: %s\nusage: %s\n", what, name, subject, cli_usage);
  fputs("lacuna --help lists the options\n", stderr);
  return false;
}

/* ---- parsing ---- */

/* The row that `argument` names, by itself, as --NAME=VALUE or as -NVALUE; NULL if none does. `value` is what stands
 * in the same word, NULL if nothing does. */
static const cli_option_row *find_option(const char *argument, const char **value) {
  size_t length = strcspn(argument, "=");
  for (const cli_option_row *row = cli_option_table; row->name; row++) {
    bool is_long = row->name[1] == '-';
    *value = NULL;
    if (strcmp(argument, row->name) == 0 || (row->alias && strcmp(argument, row->alias) == 0)) return row;
    *value = is_long ? argument + length + 1 : argument + 2;
    if (is_long && argument[length] == '=' && strlen(row->name) == length && strncmp(argument, row->name, length) == 0)
      return row;
    if (!is_long && row->value && argument[1] == row->name[1]) return row;
  }
  return NULL;
}

static void add_step(cli_options *options, const char *kind, const char *value) {
  options->has_code = options->has_code || strcmp(kind, "module") != 0;
  options->program[options->program_length++] = kind;
  options->program[options->program_length++] = value;
}

static bool read_environment(cli_options *options) {
  const char *debug = getenv("LACUNA_DEBUG");
  if (debug && *debug && strcmp(debug, "0") != 0) options->runtime.is_debug = true;
  const char *clock = getenv("LACUNA_CLOCK");
  if (clock && *clock && !apply_clock(options, clock)) return refuse("wrong value for ", "LACUNA_CLOCK", clock);
  return true;
}

/* Takes options up to the first word that is none, whose index it leaves in `next`. False on wrong usage. */
static bool take_options(cli_options *options, int argc, char **argv, int *next) {
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
    if (strcmp(argv[i], "--") == 0) {
      i++;
      break;
    }
    const char *value;
    const cli_option_row *row = find_option(argv[i], &value);
    if (!row) return refuse("unknown option", "", argv[i]);
    if (value && !row->value) return refuse("option that takes no value", "", argv[i]);
    if (!value && row->value && !(value = argv[++i])) return refuse("option without its value", "", row->name);
    if (row->kind) {
      add_step(options, row->kind, value);
    } else if (!row->apply(options, value)) {
      return refuse("wrong value for ", row->name, value);
    }
  }
  *next = i;
  return true;
}

static bool is_command(const char *word) {
  if (strcmp(word, "worker_process") == 0) return true; /* not in the table: a pool of processes starts it, no user */
  for (const cli_word_row *row = cli_command_table; row->name; row++) {
    if (strcmp(word, row->name) == 0) return true;
  }
  return false;
}

bool cli_parse_options(cli_options *options, int argc, char **argv) {
  *options = (cli_options){0};
  options->program = calloc(3 * (size_t)argc + 8, sizeof *options->program); /* two a word, then the arguments */
  if (!options->program) return refuse("out of memory", "", "options");
  int i;
  if (!read_environment(options) || !take_options(options, argc, argv, &i)) return false;
  if (options->is_help || options->is_version) return true;
  const char *script = NULL;
  if (!options->has_code) {
    if (i < argc) {
      script = argv[i++];
    } else if (!options->is_interactive && !isatty(STDIN_FILENO)) {
      script = "-";
    } else {
      options->is_interactive = true;
    }
  }
  options->argc = argc - i;
  options->argv = argv + i;
  if (script && !options->is_interactive && options->program_length == 0 && !is_command(script)) {
    options->script = script;
    return true;
  }
  if (script) add_step(options, is_command(script) ? "command" : "file", script);
  if (options->is_interactive) add_step(options, "prompt", "");
  options->program[options->program_length++] = "--";
  for (int k = 0; k < options->argc; k++) options->program[options->program_length++] = options->argv[k];
  return true;
}

void cli_free_options(cli_options *options) {
  free(options->program);
}
