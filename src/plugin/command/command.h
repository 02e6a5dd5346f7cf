/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Types that are a command line in a container of their own (dbt, Terraform, Ansible, the clouds' …): script tasks with
 * another image and a few properties more. What differs is a row of data, `Type.row`; they run in any task runner.
 */
#include "plugin/fields.h"
#include "plugin/script.h"

/* A property that the program reads from its environment: nothing of it is seen in a list of processes. */
typedef struct CommandVariable {
    const char *property; /* NULL ends the table */
    const char *name;     /* of the variable */
    bool is_lower;        /* the value in small letters */
} CommandVariable;

/* A property that becomes a file of the working directory, unless inputFiles has made it. */
typedef struct CommandFile {
    const char *property; /* NULL ends the table */
    const char *path;
    const char *before; /* shell command that goes before the beforeCommands when the property is given; or NULL */
} CommandFile;

/* A shell command that goes before the beforeCommands. "$NAME" are variables of `variables`. */
typedef struct CommandStep {
    const char *property; /* only when it is given, and a boolean one true; NULL with a command: always. {} ends */
    const char *command;
} CommandStep;

typedef struct CommandLine {
    const CommandVariable *variables; /* each may be NULL */
    const CommandFile *files;
    const CommandStep *steps;
    const char *const *output_files; /* globs that are kept besides outputFiles; ends with NULL */
    const char *output_property;     /* … only when this boolean property is true; NULL: always */
} CommandLine;

/* Used by script.c. Both RUN_E_FAILED (logged). */
/* Writes the files and appends the commands. */
int command_begin(RunContext *run, const CommandLine *line, struct Buffer *text) _must_check_;
/* Adds the variables; globs to *output_files (a list, made when it is NULL). */
int command_prepare(RunContext *run, const CommandLine *line, json_t *environment, json_t **output_files) _must_check_;

/* The beginning of every row. */
#define COMMAND_TYPE                                                                                                   \
    .kind = TYPE_TASK, .where = RUN_PROCESS, .outputs = script_outputs, .prepare = script_prepare_commands
#define COMMAND_FIELD                                                                                                  \
    {                                                                                                                  \
        "commands", FIELD_LIST, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY,                                      \
            .item = FIELD_STRING, .doc = "Commands of one shell, in order."                                            \
    }
#define COMMAND_TEXT(NAME, DOC)                                                                                        \
    {                                                                                                                  \
        NAME, FIELD_STRING, FIELD_DYNAMIC, .doc = (DOC)                                                                \
    }
