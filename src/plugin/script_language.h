/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* What differs between the script types of one language and those of another: one row each. */
#include "plugin/run.h"

struct Buffer;

typedef struct ScriptLanguage {
    const char *types;              /* beginning of the names of its types */
    const char *program;            /* that must be on the worker's host; NULL: the shell is enough */
    const char *package;            /* where to get it, for people */
    const char *command;            /* put before the path of a script's file; NULL: the path alone */
    const char *extension;          /* of that file; NULL: the script is the shell's command itself */
    const char *const *interpreter; /* default of the property; ends with NULL */
    const char *fail_fast;          /* first command with failFast */
    /* Appends what a shell is to do before the beforeCommands; NULL: nothing. Left out with another interpreter. */
    int (*begin)(RunContext *run, struct Buffer *text);
} ScriptLanguage;

#define SCRIPT_SHELL      "[\"/bin/sh\",\"-c\"]"
#define SCRIPT_POWERSHELL "[\"pwsh\",\"-NoProfile\",\"-NonInteractive\",\"-Command\"]"

/* Of the task's type; never NULL. */
const ScriptLanguage *script_language(const RunContext *run);
/* "ruby is not installed on this worker: …", when the language's program is not on `path` (PATH of the task); caller
 * frees. NULL: it is there. */
char *script_language_missing(const ScriptLanguage *language, const char *path);
