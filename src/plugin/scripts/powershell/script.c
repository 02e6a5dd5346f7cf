/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.powershell.Script: the script becomes a file of the working directory. */
#include "plugin/script.h"
#include "plugin/fields.h"

static const Field fields[] = {
    {"script", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "A whole PowerShell script."},
    SCRIPT_FIELDS(SCRIPT_POWERSHELL, "\"mcr.microsoft.com/powershell\""),
    {},
};

const Type task_powershell_script = {
    .name = "io.kestra.plugin.scripts.powershell.Script",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run a PowerShell script.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.scripts.powershell.Script\n"
                                      "script: |\n"
                                      "  Write-Output \"hello\"\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_file,
};
