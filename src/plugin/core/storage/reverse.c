/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Reverse: the lines of a file, last first. */
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"

enum { BYTES_MAX = 256 * 1024 * 1024 };

/* Writes the items of `text` backwards, each followed by the separator. */
static void write_backwards(char *text, size_t length, const char *separator, FILE *to)
{
    size_t n = strlen(separator);
    if (n > 0 && length >= n && memcmp(text + length - n, separator, n) == 0)
        length -= n;
    for (size_t end = length;;) {
        size_t begin = end;
        while (begin > 0 && !(begin >= n && memcmp(text + begin - n, separator, n) == 0))
            begin--;
        (void)fwrite(text + begin, 1, end - begin, to); /* storage_task_keep() looks */
        (void)fputs(separator, to);                     /* the same */
        if (begin < n || begin == 0)
            return;
        end = begin - n;
    }
}

static int run_reverse(RunContext *run)
{
    _cleanup_free_ char *from = NULL, *separator = NULL, *text = NULL, *uri = NULL;
    _cleanup_(storage_writer_done) StorageWriter writer = {};
    size_t length;
    int r = storage_task_uri(run, "from", &from);
    if (r == 0)
        r = storage_task_separator(run, "\n", &separator);
    if (r != 0)
        return r;
    if (!*separator)
        return run_fail(run, "The separator must not be empty");
    r = blob_read(run->storage, from, BYTES_MAX, &text, &length);
    if (r != 0)
        return storage_task_fail(run, from, r);
    r = storage_task_create(run, &writer);
    if (r != 0)
        return r;
    write_backwards(text, length, separator, writer.file);
    r = storage_task_keep(run, &writer, storage_task_extension(from), &uri);
    if (r == 0)
        run_output(run, "uri", json_string(uri));
    return r;
}

static const Field fields[] = {
    {"from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."},
    {"separator", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\n\"", .doc = "What ends an item."},
    {"charset", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"UTF-8\"", .doc = "Accepted; bytes are not changed."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The new file."},
    {},
};

const Type task_core_storage_reverse = {
    .name = "io.kestra.plugin.core.storage.Reverse",
    .aliases = (const char *const[]){"io.kestra.core.tasks.storages.Reverse", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Reverse the lines of a file.",
    .examples = (const char *const[]){"id: newest-first\n"
                                      "type: io.kestra.plugin.core.storage.Reverse\n"
                                      "from: \"{{ outputs.data.uri }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_reverse,
};
