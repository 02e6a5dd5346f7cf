/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.scripts.python.Script: the script becomes a file of the working directory. */
#include "plugin/script.h"
#include "plugin/fields.h"
#include "plugin/scripts/python/environment.h"

static const Field fields[] = {
    {"script", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED | FIELD_NOT_EMPTY, .doc = "A whole Python script."},
    PYTHON_FIELDS,
    SCRIPT_FIELDS(SCRIPT_SHELL, "\"ghcr.io/kestra-io/kestrapy:latest\""),
    {},
};

const Type task_python_script = {
    .name = "io.kestra.plugin.scripts.python.Script",
    .kind = TYPE_TASK,
    .where = RUN_PROCESS,
    .title = "Run a Python script.",
    .examples = (const char *const[]){"id: hello\n"
                                      "type: io.kestra.plugin.scripts.python.Script\n"
                                      "script: |\n"
                                      "  print(\"hello\")\n",
                                      NULL},
    .fields = fields,
    .outputs = script_outputs,
    .prepare = script_prepare_file,
};
