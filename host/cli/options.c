#include "cli/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

typedef struct option_row {
  const char *name, *alias; /* alias may be NULL */
  const char *value;        /* what the value is called in --help; NULL if there is none */
  const char *help;
  bool (*apply)(cli_options *options, const char *value); /* false: the value is not one of its values */
} option_row;

static bool apply_code(cli_options *options, const char *value) {
  options->code = value;
  return true;
}

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

static const option_row option_table[] = {
    {"-e", NULL, "CODE", "run CODE instead of a script", apply_code},
    {"--debug", NULL, NULL, "report slow steps and forgotten awaits (LACUNA_DEBUG=1)", apply_debug},
    {"--clock", NULL, "real|virtual", "virtual: sleeps take no time (LACUNA_CLOCK)", apply_clock},
    {"--shuffle", NULL, "SEED", "run what is ready in an order that SEED decides (1, 2, ...)", apply_shuffle},
    {"-v", "--version", NULL, "print the version", apply_version},
    {"-h", "--help", NULL, "print this", apply_help},
};
enum { OPTION_COUNT = sizeof option_table / sizeof *option_table };

void cli_print_usage(FILE *file) {
  fputs("usage: lacuna [options] [script.lua | -] [arguments]\n", file);
  for (int i = 0; i < OPTION_COUNT; i++) {
    const option_row *row = &option_table[i];
    char names[64];
    snprintf(names, sizeof names, "%s%s%s%s%s", row->name, row->alias ? ", " : "", row->alias ? row->alias : "",
             row->value ? (row->name[1] == '-' ? "=" : " ") : "", row->value ? row->value : "");
    fprintf(file, "  %-24s %s\n", names, row->help);
  }
}

static bool refuse(const char *what, const char *option) {
  fprintf(stderr, "lacuna: %s: %s\n", what, option);
  cli_print_usage(stderr);
  return false;
}

/* The row that `argument` names, by itself or as NAME=VALUE; NULL if none does. */
static const option_row *find_option(const char *argument) {
  size_t length = strcspn(argument, "=");
  for (int i = 0; i < OPTION_COUNT; i++) {
    const option_row *row = &option_table[i];
    if (strcmp(argument, row->name) == 0 || (row->alias && strcmp(argument, row->alias) == 0)) return row;
    if (argument[length] == '=' && strlen(row->name) == length && strncmp(argument, row->name, length) == 0 &&
        row->value && row->name[1] == '-')
      return row;
  }
  return NULL;
}

static bool read_environment(cli_options *options) {
  const char *debug = getenv("LACUNA_DEBUG");
  if (debug && *debug && strcmp(debug, "0") != 0) options->runtime.is_debug = true;
  const char *clock = getenv("LACUNA_CLOCK");
  if (clock && *clock && !apply_clock(options, clock)) return refuse("LACUNA_CLOCK is neither real nor virtual", clock);
  return true;
}

bool cli_parse_options(cli_options *options, int argc, char **argv) {
  *options = (cli_options){0};
  if (!read_environment(options)) return false;
  int i = 1;
  for (; i < argc && argv[i][0] == '-' && argv[i][1] != '\0'; i++) {
    const option_row *row = find_option(argv[i]);
    if (!row) return refuse("unknown option", argv[i]);
    const char *value = strchr(argv[i], '=');
    if (value) {
      value++;
    } else if (row->value) {
      if (++i == argc) return refuse("option without its value", row->name);
      value = argv[i];
    }
    if (!row->apply(options, value)) return refuse("wrong value for", row->name);
  }
  if (options->is_help || options->is_version) return true;
  if (!options->code) {
    options->script = i < argc ? argv[i++] : "-";
  }
  options->argc = argc - i;
  options->argv = argv + i;
  return true;
}
