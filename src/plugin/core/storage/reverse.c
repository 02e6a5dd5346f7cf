/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.storage.Reverse: the lines of a file, last first. */
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "doc/json.h"
#include "plugin/charset.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/script_files.h"

/* Writes the items of `text` backwards, each followed by the separator. */
static void write_backwards(const char *text, size_t length, const char *separator, size_t n, FILE *to)
{
    if (length >= n && memcmp(text + length - n, separator, n) == 0)
        length -= n;
    for (size_t end = length;;) {
        size_t begin = end;
        while (begin > 0 && !(begin >= n && memcmp(text + begin - n, separator, n) == 0))
            begin--;
        (void)fwrite(text + begin, 1, end - begin, to); /* storage_task_keep() looks */
        (void)fwrite(separator, 1, n, to);              /* the same */
        if (begin < n || begin == 0)
            return;
        end = begin - n;
    }
}

/* A copy in the working directory, mapped: the file is not in memory as a whole. *ret NULL: it is empty. */
static int map_copy(RunContext *run, const char *uri, char **ret, size_t *ret_length)
{
    _cleanup_free_ char *path = NULL;
    struct stat st;
    *ret = NULL;
    *ret_length = 0;
    int r = script_files_localize(run, uri, &path);
    if (r != 0)
        return r;
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    (void)unlink(path); /* goes with the directory otherwise */
    if (fd < 0 || fstat(fd, &st) < 0)
        return run_fail(run, "File %s cannot be read: %m", uri);
    if (st.st_size == 0)
        return 0;
    void *text = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (text == MAP_FAILED)
        return run_fail(run, "File %s cannot be read: %m", uri);
    *ret = text;
    *ret_length = (size_t)st.st_size;
    return 0;
}

/* As bytes of the file's charset. */
static int read_separator(RunContext *run, char **ret, size_t *ret_length)
{
    _cleanup_free_ char *text = NULL, *charset = NULL;
    int r = storage_task_separator(run, "\n", &text);
    if (r == 0)
        r = run_text(run, "charset", &charset);
    if (r != 0)
        return r;
    if (!*text)
        return run_fail(run, "The separator must not be empty");
    if (charset_encode(charset ? charset : "UTF-8", text, ret, ret_length) != 0)
        return run_fail(run, "charset: unknown charset '%s'", charset);
    return 0;
}

static int run_reverse(RunContext *run)
{
    _cleanup_free_ char *from = NULL, *separator = NULL, *uri = NULL;
    _cleanup_(storage_writer_done) StorageWriter writer = {};
    size_t length, separator_length;
    char *text;
    int r = storage_task_uri(run, "from", &from);
    if (r == 0)
        r = read_separator(run, &separator, &separator_length);
    if (r == 0)
        r = storage_task_create(run, &writer);
    if (r == 0)
        r = map_copy(run, from, &text, &length);
    if (r != 0)
        return r;
    if (text) {
        write_backwards(text, length, separator, separator_length, writer.file);
        (void)munmap(text, length); /* what we mapped */
    }
    r = storage_task_keep(run, &writer, storage_task_extension(from), &uri);
    if (r == 0)
        run_output(run, "uri", json_string(uri));
    return r;
}

static const Field fields[] = {
    {"from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."},
    {"separator", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"\\n\"", .doc = "What ends an item."},
    {"charset", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"UTF-8\"", .doc = "Charset of the file, for the separator."},
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
