/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.shell.Script */
#include "plugin/script.h"
#include "plugin/fields.h"

static const Field fields[] = {
    {"script", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "A whole shell script."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ubuntu\""),
    {},
};

const Type task_shell_script = {
    .name = "io.kestra.plugin.scripts.shell.Script",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run a shell script.",
    .examples = (const char *const[]){"id: report\n"
                                      "type: io.kestra.plugin.scripts.shell.Script\n"
                                      "script: |\n"
                                      "  for disk in / /home; do\n"
                                      "    df --output=pcent \"$disk\" | tail -1\n"
                                      "  done\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_script,
};
