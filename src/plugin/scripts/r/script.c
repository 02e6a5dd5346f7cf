/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.r.Script: the script becomes a file of the working directory. */
#include "plugin/script.h"
#include "plugin/fields.h"

static const Field fields[] = {
    {"script", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "A whole R script."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"r-base\""),
    {},
};

const Type task_r_script = {
    .name = "io.kestra.plugin.scripts.r.Script",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run an R script.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.scripts.r.Script\n"
                                      "script: |\n"
                                      "  cat(\"hello\\n\")\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_file,
};
