/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.r.Commands: shell commands beside R files. */
#include "plugin/fields.h"
#include "plugin/script.h"

static const Field fields[] = {
    {"commands", FIELD_LIST, FIELD_EXPRESSION | FIELD_REQUIRED | FIELD_NOT_EMPTY, .item = FIELD_STRING,
     .doc = "Commands of one shell, in order."},
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"r-base\""),
    {},
};

const Type task_r_commands = {
    .name = "io.kestra.plugin.scripts.r.Commands",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run R programs from the command line.",
    .examples = (const char *const[]){"id: run\n"
                                      "type: io.kestra.plugin.scripts.r.Commands\n"
                                      "namespaceFiles:\n"
                                      "  enabled: true\n"
                                      "commands:\n"
                                      "  - Rscript main.R\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_commands,
};
