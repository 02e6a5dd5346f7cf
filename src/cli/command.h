/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* A verb of kestractl is one row and one function; the rows also make --help, the man page and the completion. */
#include "cli/client.h"

/* Exit codes, documented in kestractl(1). */
enum {
    EXIT_OK = 0,
    EXIT_FAILED = 1,  /* refused by the server, or the execution FAILED */
    EXIT_WARNING = 2, /* run --wait, --follow: WARNING */
    EXIT_KILLED = 3,  /* run --wait, --follow: KILLED or CANCELLED; status: a role is down */
    EXIT_TIMED_OUT = 4,
    EXIT_USAGE = 64,      /* sysexits.h EX_USAGE */
    EXIT_UNAVAILABLE = 69 /* no answer from the server */
};

typedef struct Options {
    const char *server;
    const char *user;
    bool json; /* --output json */
    bool follow, wait, source, all;
    const char *config; /* directory or file of configuration */
    const char *context, *query, *level, *body;
    const char *state, *namespace;
    int64_t limit, revision;  /* revision 0: the latest */
    usec_t deadline;          /* of --timeout, monotonic; 0: none */
    VEC(const char *) fields; /* --input name=value */
    VEC(const char *) labels;
    char *const *arguments; /* what follows the verb; ends with NULL */
    int argument_count;
} Options;

typedef struct Command {
    const char *verb;      /* "flow list" */
    const char *arguments; /* "NAMESPACE ID" */
    int minimum, maximum;  /* how many arguments; maximum -1: any */
    const char *doc;
    int (*run)(Client *client, const Options *options); /* an exit code */
} Command;

extern const Command commands_flow[], commands_execution[], commands_other[], commands_poison[],
    commands_trigger[]; /* end with verb NULL */

/* The exit code for a result of client_json or client_send. */
int exit_of(int r);
/* Prints JSON to standard output, indented when it is a terminal. */
void print_json(const json_t *value);
/* A table with a header line, columns as wide as their widest cell. Rows: arrays of texts. Steals rows. */
void print_table(const char *const *columns, json_t *rows);
/* "3 min ago"-like age of an instant of the API; "-" for NULL. Caller frees. */
char *age_text(const char *instant_or_null);
/* Reads a file, or standard input for "-". Positive when it cannot; the reason was printed. */
int read_source(const char *path, size_t bytes_max, Buffer *ret);
/* Runs a GET whose answer is shown as JSON, or given to show when output is text. */
int show_get(Client *client, const Options *options, const char *path, void (*show)(const json_t *answer));
