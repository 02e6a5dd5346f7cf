/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.node.Commands: shell commands beside Node.js files. */
#include "plugin/fields.h"
#include "plugin/script.h"

static const Field fields[] = {
    {"commands", FIELD_LIST, FIELD_EXPRESSION | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,
     .doc = "Commands of one shell, in order."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"node\""),
    {},
};

const Type task_node_commands = {
    .name = "io.kestra.plugin.scripts.node.Commands",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run Node.js programs from the command line.",
    .examples = (const char *const[]){"id: run\n"
                                      "type: io.kestra.plugin.scripts.node.Commands\n"
                                      "namespaceFiles:\n"
                                      "  enabled: true\n"
                                      "commands:\n"
                                      "  - node main.js\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_commands,
};
