/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.namespace.DownloadFiles: copies among the files of the task run, which other tasks may read. */
#include "doc/json.h"
#include "plugin/core/namespace/namespace_task.h"
#include "plugin/script_files.h"

static int download(RunContext *run, const char *destination, const json_t *found, json_t *files)
{
    _cleanup_free_ char *own = script_files_prefix(run);
    const char *path;
    const json_t *uri;
    json_object_foreach ((json_t *)found, path, uri) {
        _cleanup_free_ char *name = namespace_task_join(destination, path), *to = xasprintf("%s/%s", own, name);
        int r = namespace_task_copy(run, json_string_value(uri), to);
        if (r != 0)
            return r;
        _cleanup_free_ char *key = xasprintf("/%s", path);
        json_object_set_new(files, key, json_string(to));
    }
    return 0;
}

static int run_download(RunContext *run)
{
    _cleanup_free_ char *prefix = NULL, *destination = NULL;
    _cleanup_json_ json_t *found = NULL, *files = json_object();
    int r = namespace_task_prefix(run, &prefix);
    if (r == 0)
        r = run_text(run, "destination", &destination);
    if (r == 0)
        r = namespace_task_find(run, prefix, &found);
    if (r == 0)
        r = download(run, destination ? destination : "", found, files);
    if (r == 0)
        run_output(run, "files", json_incref(files));
    return r;
}

static const Field fields[] = {
    {"namespace", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The namespace whose files are read."},
    {"files", FIELD_TEXT_OR_LIST, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Paths or globs."},
    {"destination", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\"", .doc = "A directory put before the paths."},
    {},
};

static const Field outputs[] = {
    {"files", FIELD_MAP, .item = FIELD_STRING,
     .doc = "Path of each file in the namespace (`/dir/a.txt`) to the kestra:// URI of its copy."},
    {},
};

const Type task_core_namespace_download_files = {
    .name = "io.kestra.plugin.core.namespace.DownloadFiles",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Make files of a namespace available to other tasks.",
    .examples = (const char *const[]){"id: download\n"
                                      "type: io.kestra.plugin.core.namespace.DownloadFiles\n"
                                      "namespace: company.team\n"
                                      "files:\n"
                                      "  - \"data/*.csv\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_download,
};
