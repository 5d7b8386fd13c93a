/* options: the command line as one table, which drives parsing and --help. */
#ifndef LAC_CLI_OPTIONS_H
#define LAC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "lacuna.h"

typedef struct cli_options {
  lacuna_options runtime;
  const char *code;   /* of -e; NULL without */
  const char *script; /* a path, or "-" for the standard input */
  int argc;           /* what follows the script */
  char **argv;        /* into main's argv */
  bool is_help, is_version;
} cli_options;

/* Parses the command line and the LACUNA_* environment. On wrong usage says what is wrong on stderr; false then. */
bool cli_parse_options(cli_options *options, int argc, char **argv);

void cli_print_usage(FILE *file);

#endif
