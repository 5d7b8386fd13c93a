/* write: prints the manual page ("man") or the completion of bash ("bash") from the tables of options.c.
 * A program of the build, whose output is installed; the command does not hold it. */
#include <string.h>

#include "cli/options.h"

/* ---- the manual page ---- */

/* Text in roff: a backslash and a hyphen mean themselves, and so does a dot or a quote that begins a line. */
static void print_roff(const char *text) {
  if (*text == '.' || *text == '\'') fputs("\\&", stdout);
  for (; *text; text++) {
    if (*text == '\\') {
      fputs("\\e", stdout);
    } else if (*text == '-') {
      fputs("\\-", stdout);
    } else {
      putchar(*text);
    }
  }
}

static void print_entry(const char *term, const char *text) {
  fputs(".TP\n.B ", stdout);
  print_roff(term);
  putchar('\n');
  print_roff(text);
  putchar('\n');
}

static void print_words(const char *title, const cli_word_row *row, const char *separator) {
  char term[64];
  printf(".SH %s\n", title);
  for (; row->name; row++) {
    snprintf(term, sizeof term, "%s%s%s", row->name, separator, row->value);
    print_entry(term, row->help);
  }
}

static void print_manual(void) {
  char term[64];
  puts(".\\\" Written by host/cli/documents/write.c: do not edit.");
  puts(".TH LACUNA 1 \"\" \"lacuna " LACUNA_VERSION "\" \"User Commands\"");
  puts(".SH NAME\nlacuna \\- run Lua scripts whose coroutines wait together");
  puts(".SH SYNOPSIS");
  print_roff(cli_usage);
  puts("\n.SH DESCRIPTION");
  puts("Runs a Lua script on an event loop. The script's top level is a task: it may await. When it ends, what it");
  puts("started and left is cancelled and awaited. Options after the script belong to the script;");
  puts(
      ".B \\-\\-\nends the options, and\n.B \\-\nis the script that the standard input holds. Without a script lacuna");
  puts("shows its prompt on a terminal, and runs what it reads elsewhere.");
  puts(".PP\nCode of\n.BR \\-e ,\n.B \\-p\nand the prompt finds async, await, sleep, gather and every battery");
  puts("(http, json, time, ...) without require. Several of\n.BR \\-l ,\n.B \\-e\nand\n.B \\-p\nrun in their order.");
  puts(".SH OPTIONS");
  for (const cli_option_row *row = cli_option_table; row->name; row++) {
    cli_name_option(row, term, sizeof term);
    print_entry(term, row->help);
  }
  print_words("COMMANDS", cli_command_table, " ");
  print_words("ENVIRONMENT", cli_environment_table, "=");
  puts(".SH EXIT STATUS");
  print_entry("0", "The script ended, and no task failed unseen.");
  print_entry("1", "An error that nobody caught, or a failed task that nobody looked at.");
  print_entry("2", "Wrong usage, or a script that cannot be read.");
  print_entry("130", "Interrupted: the first Ctrl-C cancels the main task, a second one ends the process at once.");
}

/* ---- the completion of bash ---- */

static void print_choices(const char *choices) {
  for (; *choices; choices++) putchar(*choices == '|' ? ' ' : *choices);
}

static void print_completion(void) {
  puts("# Written by host/cli/documents/write.c: do not edit.\n_lacuna() {");
  puts("  COMPREPLY=()\n  local word=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}");
  puts("  [[ $previous == = ]] && previous=${COMP_WORDS[COMP_CWORD-2]}");
  puts("  [[ $word == = ]] && word=\n  case $previous in");
  for (const cli_option_row *row = cli_option_table; row->name; row++) {
    if (!row->value) continue;
    printf("    %s) ", row->name);
    if (strchr(row->value, '|')) {
      fputs("COMPREPLY=($(compgen -W \"", stdout);
      print_choices(row->value);
      puts("\" -- \"$word\")); return ;;");
    } else {
      puts("return ;;");
    }
  }
  puts("  esac\n  if [[ $word == -* ]]; then");
  fputs("    COMPREPLY=($(compgen -W \"", stdout);
  for (const cli_option_row *row = cli_option_table; row->name; row++) {
    const char *end = row->value && row->name[1] == '-' ? "=" : "";
    printf("%s%s%s%s%s", row == cli_option_table ? "" : " ", row->name, end, row->alias ? " " : "",
           row->alias ? row->alias : "");
  }
  puts("\" -- \"$word\"))");
  puts("    [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace\n    return\n  fi");
  fputs("  ((COMP_CWORD == 1)) && COMPREPLY=($(compgen -W \"", stdout);
  for (const cli_word_row *row = cli_command_table; row->name; row++) {
    printf("%s%s", row == cli_command_table ? "" : " ", row->name);
  }
  puts("\" -- \"$word\"))\n  compopt -o filenames\n  COMPREPLY+=($(compgen -f -- \"$word\"))\n}");
  puts("complete -F _lacuna lacuna");
}

int main(int argc, char **argv) {
  if (argc == 2 && strcmp(argv[1], "man") == 0) {
    print_manual();
  } else if (argc == 2 && strcmp(argv[1], "bash") == 0) {
    print_completion();
  } else {
    fputs("usage: write man | bash\n", stderr);
    return LACUNA_USAGE;
  }
  return fflush(stdout) == 0 && !ferror(stdout) ? LACUNA_OK : LACUNA_FAILED;
}
