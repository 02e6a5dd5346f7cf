/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.powershell.Commands: commands of one PowerShell. */
#include "plugin/fields.h"
#include "plugin/script.h"

static const Field fields[] = {
    {"commands", FIELD_LIST, FIELD_EXPRESSION | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,
     .doc = "Commands of one PowerShell, in order."},
    SCRIPT_FIELDS(SCRIPT_POWERSHELL, "\"mcr.microsoft.com/powershell\""),
    {},
};

const Type task_powershell_commands = {
    .name = "io.kestra.plugin.scripts.powershell.Commands",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run PowerShell programs from the command line.",
    .examples = (const char *const[]){"id: run\n"
                                      "type: io.kestra.plugin.scripts.powershell.Commands\n"
                                      "namespaceFiles:\n"
                                      "  enabled: true\n"
                                      "commands:\n"
                                      "  - ./main.ps1\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_commands,
};
