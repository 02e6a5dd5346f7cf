/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.core.http.Download: the answer's body becomes a file of internal storage. */
#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/id.h"
#include "model/log_entry.h"
#include "plugin/core/http/http.h"
#include "plugin/script_files.h"

typedef struct Download {
    int fd;
    int64_t length;
} Download;

static bool take(void *userdata, const char *bytes, size_t length)
{
    Download *download = userdata;
    while (length > 0) {
        ssize_t n = write(download->fd, bytes, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        bytes += n;
        length -= (size_t)n;
        download->length += n;
    }
    return true;
}

/* ".csv" of ".../file.csv?x=1", or "". Caller frees. */
static char *extension_of(const char *uri)
{
    size_t end = strcspn(uri, "?#");
    size_t dot = end;
    while (dot > 0 && uri[dot - 1] != '.' && uri[dot - 1] != '/')
        dot--;
    return dot > 0 && uri[dot - 1] == '.' && end - dot <= 8 && end > dot ? xstrndup(uri + dot - 1, end - dot + 1)
                                                                         : xstrdup("");
}

/* A name without a path, in letters that a URI takes; NULL: nothing is left of it. Caller frees. */
static char *safe_name(const char *whole)
{
    const char *slash = strrchr(whole, '/');
    char *result = xstrdup(slash ? slash + 1 : whole);
    for (char *c = result; *c; c++)
        if (!isalnum((unsigned char)*c) && (!strchr("-_+=.", *c) || (*c == '.' && (c[1] == '.' || c == result))))
            *c = '_';
    if (*result)
        return result;
    free(result);
    return NULL;
}

/* The name that the server gives the file; NULL: none. Caller frees. */
static char *name_of(const json_t *headers)
{
    const char *name, *disposition = NULL, *found;
    json_t *values;
    json_object_foreach ((json_t *)headers, name, values)
        if (strcasecmp(name, "Content-Disposition") == 0)
            disposition = json_string_value(json_array_get(values, 0));
    if (!disposition || !(found = strcasestr(disposition, "filename=")))
        return NULL;
    found += strlen("filename=");
    found += *found == '"';
    _cleanup_free_ char *whole = xstrndup(found, strcspn(found, "\";"));
    return safe_name(whole);
}

/* path: below the working directory. */
static int store(RunContext *run, const char *path, const HttpAnswer *answer)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *wanted = NULL, *given = NULL, *extension = extension_of(answer->uri), *uri = NULL;
    int r = run_text(run, "saveAs", &wanted);
    if (r != 0)
        return r;
    given = wanted ? safe_name(wanted) : name_of(answer->headers);
    _cleanup_free_ char *name = given ? xstrdup(given) : xasprintf("%s%s", id, extension);
    r = script_files_upload(run, run->working_directory, path, name, &uri);
    if (r == 0)
        run_output(run, "uri", json_string(uri));
    return r;
}

static void count_bytes(RunContext *run, const HttpAnswer *answer, int64_t length)
{
    _cleanup_free_ char *method = NULL, *code = xasprintf("%ld", answer->code);
    if (run_text(run, "method", &method) != 0)
        return; /* it was rendered before, for the request */
    _cleanup_json_ json_t *tags =
        json_pack("{s:s,s:s}", "request.method", method ? method : "GET", "response.code", code);
    run_counter(run, "response.length", (double)length, tags);
}

static int run_download(RunContext *run)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *name = xasprintf(".download-%s", id);
    _cleanup_free_ char *path = xasprintf("%s/%s", run->working_directory, name);
    _cleanup_(close_fdp) int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0)
        return run_fail(run, "The working directory cannot be written: %m");
    Download download = {.fd = fd};
    _cleanup_(http_answer_done) HttpAnswer answer = {};
    bool fail_on_empty;
    int r = http_exchange(run, &(HttpBodySink){.take = take, .userdata = &download, .is_file = true}, &answer);
    if (r == 0)
        r = run_boolean(run, "failOnEmptyResponse", true, &fail_on_empty);
    if (r != 0)
        return r;
    if (download.length == 0 && fail_on_empty)
        return run_fail(run, "No response from server");
    if (download.length == 0)
        run_log(run, LOG_LEVEL_WARN, "File '%s' is empty", answer.uri);
    run_log(run, LOG_LEVEL_DEBUG, "File '%s' downloaded with size '%" PRId64 "'", answer.uri, download.length);
    run_output(run, "code", json_integer(answer.code));
    run_output(run, "length", json_integer(download.length));
    run_output(run, "headers", json_incref(answer.headers));
    count_bytes(run, &answer, download.length);
    r = store(run, name, &answer);
    (void)unlink(path); /* the working directory goes with the task anyway */
    return r;
}

static const Field fields[] = {
    HTTP_TASK_FIELDS,
    {"failOnEmptyResponse", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "true",
     .doc = "An empty answer is a failure."},
    {"saveAs", FIELD_STRING, FIELD_DYNAMIC, .doc = "Name of the file; that which the server gives by default."},
    {},
};

static const Field outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file, kestra://…."},
    {"code", FIELD_INTEGER, .doc = "Status."},
    {"length", FIELD_INTEGER, .doc = "Bytes of the file."},
    {"headers", FIELD_MAP, .item = FIELD_LIST, .doc = "Headers of the answer; each a list."},
    {},
};

const Type task_core_http_download = {
    .name = "io.kestra.plugin.core.http.Download",
    .aliases = (const char *const[]){"io.kestra.plugin.fs.http.Download", NULL},
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Download a file into internal storage.",
    .examples = (const char *const[]){"id: data\n"
                                      "type: io.kestra.plugin.core.http.Download\n"
                                      "uri: https://example.org/data.csv\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_download,
};
