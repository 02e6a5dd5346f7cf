/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What all script types share: their properties, the command line made of them, what their output lines mean
 * (spec/semantics.md section 12) and how exit status and lines become state and outputs. Nothing here spawns.
 */
#include "model/execution.h"
#include "plugin/container.h"
#include "plugin/isolation.h"
#include "plugin/script_language.h"

/* The rows that every script type has; a type's own row comes first: `{"commands", …},
 * SCRIPT_FIELDS(SCRIPT_SHELL, "\"ubuntu\""), {}`. The arguments: interpreter and Kestra's image, as JSON. */
extern const char *const script_runners[];
extern const char *const script_target_systems[];
#define SCRIPT_FIELDS(INTERPRETER, IMAGE)                                                                              \
    {"beforeCommands", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING,                                             \
     .doc = "Commands run before, in the same shell."},                                                                \
        {"interpreter",                                                                                                \
         FIELD_LIST,                                                                                                   \
         FIELD_NOT_EMPTY,                                                                                              \
         .item = FIELD_STRING,                                                                                         \
         .fallback = (INTERPRETER),                                                                                    \
         .doc = "Program and arguments; the script is its last argument."},                                            \
        {"failFast", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "true",                                              \
         .doc = "Stop at the first command that fails (set -e)."},                                                     \
        {"env", FIELD_MAP, FIELD_EXPRESSION, .item = FIELD_STRING, .doc = "Environment variables."},                   \
        {"warningOnStdErr", FIELD_BOOLEAN, FIELD_EXPRESSION | FIELD_REQUIRED, .fallback = "true",                      \
         .doc = "A line on standard error makes a successful task end in WARNING."},                                   \
        {"inputFiles", FIELD_ANY, FIELD_DYNAMIC,                                                                       \
         .doc = "Files written to the working directory first: path to text or kestra:// URI."},                       \
        {"outputFiles", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING,                                            \
         .doc = "Globs of files kept in internal storage when the script has ended."},                                 \
        {"namespaceFiles", FIELD_OBJECT, 0, .fields = fields_namespace_files,                                          \
         .doc = "The namespace's files are put into the working directory first."},                                    \
        {"taskRunner", FIELD_TASK_RUNNER, 0,                                                                           \
         .doc = "Where the script runs. Here a process of the worker when it is left out; in "                         \
                "Kestra a Docker container."},                                                                         \
        ISOLATION_FIELDS,                                                                                              \
        {"targetOS",                                                                                                   \
         FIELD_ENUM,                                                                                                   \
         FIELD_DYNAMIC,                                                                                                \
         .values = script_target_systems,                                                                              \
         .fallback = "\"AUTO\"",                                                                                       \
         .doc = "Only LINUX and AUTO run here."},                                                                      \
        {"containerImage", FIELD_STRING, FIELD_DYNAMIC, .fallback = (IMAGE),                                           \
         .doc = "Image of the container; not used by the Process runner."},                                            \
        {"docker", FIELD_OBJECT, FIELD_DYNAMIC | FIELD_DEPRECATED, .fields = fields_container_legacy,                  \
         .doc = "Use taskRunner."},                                                                                    \
        {"runner", FIELD_ENUM, FIELD_DEPRECATED, .values = script_runners, .doc = "Use taskRunner."},                  \
    {                                                                                                                  \
        "outputDirectory", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_DEPRECATED,                                            \
            .fallback = "\"false\"", .doc = "Provide {{ outputDir }}, all of whose files are kept. Use outputFiles."   \
    }

extern const Field script_outputs[];

/* Type.prepare of a type with `commands`, and of one with `script`. Kestra: AbstractExecScript, ScriptService. */
int script_prepare_commands(RunContext *run, ScriptContext *ret) _must_check_;
int script_prepare_script(RunContext *run, ScriptContext *ret) _must_check_;
/* A script in a file of its own: the language's command and the file's path become the shell's command. */
int script_prepare_file(RunContext *run, ScriptContext *ret) _must_check_;
/* Of docker.Run: `commands` are the words of one command, and all runs in the container. */
int script_prepare_container(RunContext *run, ScriptContext *ret) _must_check_;
/* Why argv[0], or a command, cannot be found, when that is the language's program; caller frees. Otherwise NULL. */
char *script_missing(const RunContext *run, const ScriptContext *script);

/* What a process has said until now. */
typedef struct ScriptOutput {
    json_t *vars;
    json_t *runner;   /* details of what ran it, {containerId}; or NULL: a process */
    size_t bytes_max; /* of vars; 0: no limit */
    size_t bytes;     /* not less than they have */
    char *lost;       /* why there are none, and the task fails; or NULL */
    uint64_t stdout_lines, stderr_lines;
} ScriptOutput;
void script_output_done(ScriptOutput *output);
/* One line without its newline: `::{…}::` adds outputs, metrics and log lines; anything else is logged, INFO from
 * standard output and ERROR from standard error. */
void script_line(RunContext *run, ScriptOutput *output, bool is_stderr, const char *line, size_t length);
/* The beginning of a line of which no more than bytes_max are kept. True: it was to give outputs, which are lost. */
bool script_line_too_long(RunContext *run, ScriptOutput *output, const char *line, size_t bytes_max);
/* Fills run->outputs {vars, exitCode, outputFiles} and says how it ended: 0 with run->final_state SUCCESS or WARNING,
 * or RUN_E_FAILED (logged). exit_code: 128 + number for a signal. output_files (stolen): name → URI, or NULL. */
int script_end(RunContext *run, const ScriptContext *script, const ScriptOutput *output, int exit_code,
               json_t *output_files) _must_check_;
