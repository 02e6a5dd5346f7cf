/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.shell.Commands */
#include "plugin/fields.h"
#include "plugin/script.h"

static const Field fields[] = {
    {"commands", FIELD_LIST, FIELD_EXPRESSION | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,
     .doc = "Commands of one shell, in order."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ubuntu\""),
    {},
};

const Type task_shell_commands = {
    .name = "io.kestra.plugin.scripts.shell.Commands",
    .aliases = (const char *const[]){"io.kestra.core.tasks.scripts.Bash", NULL},
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run shell commands.",
    .examples = (const char *const[]){"id: disk\n"
                                      "type: io.kestra.plugin.scripts.shell.Commands\n"
                                      "commands:\n"
                                      "  - df --output=pcent / | tail -1\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_commands,
};
