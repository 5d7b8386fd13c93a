/* options: the command line as tables, which drive parsing, --help, the manual page and the completion of bash. */
#ifndef LAC_CLI_OPTIONS_H
#define LAC_CLI_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "lacuna.h"

typedef struct cli_options {
  lacuna_options runtime;
  const char *script;   /* the one thing to run: a path or "-"; NULL if `program` says what to run */
  int argc;             /* what follows the script */
  char **argv;          /* into main's argv */
  const char **program; /* owned; what lua/lacuna/cli/run.lua takes: kind, value, ..., "--", arguments */
  int program_length;
  bool is_help, is_version, is_interactive;
  bool has_code; /* the program is more than modules to require */
} cli_options;

typedef struct cli_option_row {
  const char *name, *alias; /* alias may be NULL */
  const char *value;        /* what the value is called, choices with | between them; NULL if there is none */
  const char *help;
  const char *kind;                                       /* what it adds to the program; NULL: see apply */
  bool (*apply)(cli_options *options, const char *value); /* false: the value is not one of its values */
} cli_option_row;

/* A word in the place of a script, run by the function that lua/lacuna/cli/NAME.lua is; or an environment variable. */
typedef struct cli_word_row {
  const char *name, *value, *help;
} cli_word_row;

/* Each table ends with a row of NULLs. */
extern const char cli_usage[];
extern const cli_option_row cli_option_table[];
extern const cli_word_row cli_command_table[];
extern const cli_word_row cli_environment_table[];

/* Writes "-e CODE", "--clock=real|virtual" or "-v, --version" into `text`. */
void cli_name_option(const cli_option_row *row, char *text, size_t size_bytes);

/* Parses the command line and the LACUNA_* environment. On wrong usage says what is wrong on stderr; false then.
 * cli_free_options frees what it made, in either case. */
bool cli_parse_options(cli_options *options, int argc, char **argv);
void cli_free_options(cli_options *options);

void cli_print_help(FILE *file);

#endif
