/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.node.Script: the script becomes a file of the working directory. */
#include "plugin/script.h"
#include "plugin/fields.h"

static const Field fields[] = {
    {"script", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "A whole Node.js script."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"node\""),
    {},
};

const Type task_node_script = {
    .name = "io.kestra.plugin.scripts.node.Script",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run a Node.js script.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.scripts.node.Script\n"
                                      "script: |\n"
                                      "  console.log(\"hello\")\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_file,
};
