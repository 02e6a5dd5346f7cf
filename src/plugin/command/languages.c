/* SPDX-License-Identifier: Apache-2.0 */
/* Script types of further languages: two types a row; how they are called is in script_language.c. */
#include "plugin/command/command.h"

#define LANGUAGE(SYMBOL, COMMANDS, SCRIPT, TITLE, IMAGE, ...)                                                          \
    static const Field SYMBOL##_commands_fields[] = {                                                                  \
        COMMAND_FIELD, __VA_ARGS__ SCRIPT_FIELDS(SCRIPT_SHELL, "\"" IMAGE "\""), {}};                                  \
    static const Field SYMBOL##_script_fields[] = {{"script", FIELD_STRING,                                            \
                                                    FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY,                  \
                                                    .doc = "A whole script in " TITLE "."},                            \
                                                   __VA_ARGS__ SCRIPT_FIELDS(SCRIPT_SHELL, "\"" IMAGE "\""),           \
                                                   {}};                                                                \
    const Type SYMBOL##_commands = {COMMAND_TYPE, .name = (COMMANDS),                                                  \
                                    .title = "Run programs in " TITLE " from the command line.",                       \
                                    .fields = SYMBOL##_commands_fields};                                               \
    const Type SYMBOL##_script = {.kind = TYPE_TASK,                                                                   \
                                  .where = RUN_PROCESS,                                                                \
                                  .outputs = script_outputs,                                                           \
                                  .prepare = script_prepare_file,                                                      \
                                  .name = (SCRIPT),                                                                    \
                                  .title = "Run a script in " TITLE ".",                                               \
                                  .fields = SYMBOL##_script_fields}

LANGUAGE(task_bun, "io.kestra.plugin.scripts.bun.Commands", "io.kestra.plugin.scripts.bun.Script", "TypeScript (Bun)",
         "oven/bun");
LANGUAGE(task_deno, "io.kestra.plugin.scripts.deno.Commands", "io.kestra.plugin.scripts.deno.Script",
         "TypeScript (Deno)", "denoland/deno");
LANGUAGE(task_dotnet, "io.kestra.plugin.scripts.dotnet.Commands", "io.kestra.plugin.scripts.dotnet.Script", "C#",
         "mcr.microsoft.com/dotnet/sdk:10.0");
LANGUAGE(task_go, "io.kestra.plugin.scripts.go.Commands", "io.kestra.plugin.scripts.go.Script", "Go", "golang");
LANGUAGE(task_groovy, "io.kestra.plugin.scripts.groovy.Commands", "io.kestra.plugin.scripts.groovy.Script", "Groovy",
         "groovy");
LANGUAGE(task_jbang, "io.kestra.plugin.scripts.jbang.Commands", "io.kestra.plugin.scripts.jbang.Script", "Java",
         "jbangdev/jbang-action", {"quiet", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "Always quiet."},
         {"extension", FIELD_STRING, FIELD_DYNAMIC | FIELD_IGNORED, .doc = "Always .java."}, );
LANGUAGE(task_julia, "io.kestra.plugin.scripts.julia.Commands", "io.kestra.plugin.scripts.julia.Script", "Julia",
         "julia");
LANGUAGE(task_lua, "io.kestra.plugin.scripts.lua.Commands", "io.kestra.plugin.scripts.lua.Script", "Lua",
         "nickblah/lua");
LANGUAGE(task_perl, "io.kestra.plugin.scripts.perl.Commands", "io.kestra.plugin.scripts.perl.Script", "Perl", "perl");
LANGUAGE(task_php, "io.kestra.plugin.scripts.php.Commands", "io.kestra.plugin.scripts.php.Script", "PHP", "php");
