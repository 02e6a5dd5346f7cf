/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/bucket/bucket.h"

#include "base/clock.h"
#include "base/id.h"
#include "doc/json.h"
#include "plugin/core/storage/storage_task.h"
#include "plugin/script_files.h"

typedef struct Bucket {
    RunContext *run;
    const BucketStore *store;
    char *name;
    Blob *blob;
} Bucket;

/* --- the store --- */

static int read_settings(RunContext *run, const BucketStore *store, json_t *settings)
{
    for (const BucketSetting *row = store->settings; row->property; row++) {
        _cleanup_free_ char *text = NULL;
        int r = run_text(run, row->property, &text);
        if (r != 0)
            return r;
        bool is_boolean = text && (streq(text, "true") || streq(text, "false"));
        if (is_boolean)
            json_object_set_new(settings, row->setting, json_boolean(streq(text, "true")));
        else if (text)
            json_set_text(settings, row->setting, text);
    }
    return 0;
}

/* Takes name. */
static int open_bucket(RunContext *run, char *name, Bucket *ret)
{
    const BucketStore *store = run->task->type->row;
    *ret = (Bucket){.run = run, .store = store, .name = name};
    if (!run->open_store)
        return run_fail(run, "Object stores are not available here");
    _cleanup_json_ json_t *settings = json_object();
    _cleanup_free_ char *spool = xasprintf("%s/.spool", run->working_directory), *error = NULL;
    json_set_text(settings, "storage.type", store->type);
    json_set_text(settings, "storage.local.base-path", spool);
    json_set_text(settings, store->bucket, name);
    int r = read_settings(run, store, settings);
    if (r != 0)
        return r;
    if (store->region && !json_object_get(settings, store->region))
        json_set_text(settings, store->region, "us-east-1");
    r = run->open_store(settings, &ret->blob, &error);
    return r == 0 ? 0 : run_fail(run, "The store cannot be used: %s", error ? error : "no reason is known");
}

static void close_bucket(Bucket *bucket)
{
    blob_free(bucket->blob);
    free(bucket->name);
    *bucket = (Bucket){};
}

/* scheme://bucket/key of the property; both new. */
static int read_uri(RunContext *run, const char *property, char **ret_bucket, char **ret_key)
{
    const BucketStore *store = run->task->type->row;
    _cleanup_free_ char *uri = NULL, *begin = xasprintf("%s://", store->scheme);
    int r = run_text(run, property, &uri);
    if (r != 0)
        return r;
    if (!uri || !starts_with(uri, begin))
        return run_fail(run, "Property '%s' does not begin with '%s': '%s'", property, begin, uri ? uri : "");
    const char *bucket = uri + strlen(begin), *slash = strchrnul(bucket, '/');
    *ret_bucket = xstrndup(bucket, (size_t)(slash - bucket));
    *ret_key = xstrdup(*slash ? slash + 1 : "");
    return 0;
}

/* The object or prefix that the task is about; uri_property counts where objects are named by URIs. */
static int open_object(RunContext *run, const char *uri_property, const char *key_property, Bucket *bucket,
                       char **ret_key)
{
    const BucketStore *store = run->task->type->row;
    char *name = NULL;
    int r = 0;
    if (store->by_uri) {
        r = read_uri(run, uri_property, &name, ret_key);
    } else {
        r = run_text(run, strrchr(store->bucket, '.') + 1, &name);
        if (r == 0)
            r = run_text(run, key_property, ret_key);
    }
    if (r == 0 && !*ret_key)
        *ret_key = xstrdup("");
    if (r != 0 || !name) {
        free(name);
        return r != 0 ? r : run_fail(run, "Property 'bucket' is missing");
    }
    return open_bucket(run, name, bucket);
}

static char *object_uri(const char *key)
{
    return xasprintf("kestra:///%s", key);
}

static int fail_object(const Bucket *bucket, const char *key, int r)
{
    if (r == BLOB_E_ABSENT)
        return run_fail(bucket->run, "There is no object '%s' in '%s'", key, bucket->name);
    if (r == BLOB_E_INVALID || r == BLOB_E_NAME)
        return run_fail(bucket->run, "'%s' cannot be the name of an object", key);
    _cleanup_free_ char *reason = blob_explain(r);
    return run_fail(bucket->run, "The store failed for '%s' in '%s': %s", key, bucket->name, reason);
}

/* --- up --- */

static int put_object(const Bucket *bucket, const char *uri, const char *key)
{
    int fd;
    int64_t size = 0;
    _cleanup_free_ char *to = object_uri(key);
    if (!blob_is_uri(uri))
        return run_fail(bucket->run, "'%s' is not the URI of a file in internal storage", uri);
    int r = blob_open(bucket->run->storage, uri, &fd, &size);
    if (r != 0)
        return storage_task_fail(bucket->run, uri, r);
    r = blob_write_from(bucket->blob, to, fd);
    close_fd(fd);
    if (r != 0)
        return fail_object(bucket, key, r);
    run_counter(bucket->run, "file.size", (double)size, NULL);
    return 0;
}

/* Several files go below the key: by their own names (list), or by given ones (map). */
static int put_many(const Bucket *bucket, const json_t *from, const char *key)
{
    _cleanup_json_ json_t *named = json_object(), *files = json_object();
    size_t i;
    const char *name;
    json_t *uri;
    json_array_foreach (from, i, uri) {
        const char *slash = strrchr(json_string_value(uri) ? json_string_value(uri) : "", '/');
        json_object_set(named, slash ? slash + 1 : "file", uri);
    }
    json_object_foreach (json_is_object(from) ? (json_t *)from : named, name, uri) {
        size_t length = strlen(key);
        while (length > 0 && key[length - 1] == '/')
            length--;
        _cleanup_free_ char *own = xasprintf("%.*s%s%s", (int)length, key, length > 0 ? "/" : "", name);
        int r = put_object(bucket, json_is_string(uri) ? json_string_value(uri) : "", own);
        if (r != 0)
            return r;
        json_set_text(files, name, own);
    }
    run_output(bucket->run, "files", TAKE_PTR(files));
    return 0;
}

/* A list or map may also be the text of one. */
static int read_from(RunContext *run, json_t **ret)
{
    int r = run_typed(run, "from", ret);
    if (r != 0 || !json_is_string(*ret) || !strchr("[{", *json_string_value(*ret)))
        return r;
    json_t *parsed = NULL;
    if (json_parse(json_string_value(*ret), json_string_length(*ret), 0, &parsed, NULL) == 0) {
        json_decref(*ret);
        *ret = parsed;
    }
    return 0;
}

int bucket_run_upload(RunContext *run)
{
    Bucket bucket = {};
    _cleanup_json_ json_t *from = NULL;
    _cleanup_free_ char *key = NULL, *uri = NULL;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = read_from(run, &from);
    if (r == 0)
        r = open_object(run, "to", "key", &bucket, &key);
    if (r == 0 && (json_is_array(from) || json_is_object(from)))
        r = put_many(&bucket, from, key);
    else if (r == 0)
        r = put_object(&bucket, json_is_string(from) ? json_string_value(from) : "", key);
    if (r == 0) {
        uri = xasprintf("%s://%s/%s", bucket.store->scheme, bucket.name, key);
        run_output(run, "bucket", json_string(bucket.name));
        run_output(run, "key", json_string(key));
        run_output(run, "uri", json_string(uri));
    }
    close_bucket(&bucket);
    return r;
}

/* --- down --- */

/* The object as a file of internal storage; its URI, new. */
static int get_object(const Bucket *bucket, const char *key, char **ret_uri, int64_t *ret_size)
{
    int fd;
    char id[ID_BYTES];
    id_new(id);
    const char *slash = strrchr(key, '/'), *name = slash ? slash + 1 : key;
    _cleanup_free_ char *from = object_uri(key), *prefix = script_files_prefix(bucket->run);
    _cleanup_free_ char *to = xasprintf("%s/%s-%s", prefix, id, name);
    int r = blob_open(bucket->blob, from, &fd, ret_size);
    if (r != 0)
        return fail_object(bucket, key, r);
    r = blob_write_from(bucket->run->storage, to, fd);
    close_fd(fd);
    if (r != 0)
        return storage_task_fail(bucket->run, to, r);
    *ret_uri = TAKE_PTR(to);
    return 0;
}

int bucket_run_download(RunContext *run)
{
    Bucket bucket = {};
    _cleanup_free_ char *key = NULL, *uri = NULL;
    int64_t size = 0;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = open_object(run, "from", "key", &bucket, &key);
    if (r == 0)
        r = get_object(&bucket, key, &uri, &size);
    if (r == 0) {
        run_counter(run, "file.size", (double)size, NULL);
        run_output(run, "uri", json_string(uri));
        run_output(run, "contentLength", json_integer(size));
        run_output(run, "bucket", json_string(bucket.name));
        run_output(run, "key", json_string(key));
    }
    close_bucket(&bucket);
    return r;
}

int bucket_run_delete(RunContext *run)
{
    Bucket bucket = {};
    _cleanup_free_ char *key = NULL;
    bool existed = false;
    int r = open_object(run, "uri", "key", &bucket, &key);
    if (r == 0) {
        _cleanup_free_ char *uri = object_uri(key);
        r = blob_delete(bucket.blob, uri, &existed);
        r = r != 0 ? fail_object(&bucket, key, r) : 0;
    }
    if (r == 0)
        run_output(run, "deleted", json_boolean(existed));
    close_bucket(&bucket);
    return r;
}

/* --- many --- */

/* Whether the whole of key matches: nothing is left of it then. */
static int matches(RunContext *run, const char *pattern, const char *key, bool *ret)
{
    static const char source[] = "{{ key | replace(pairs, regexp=true) }}";
    _cleanup_free_ char *whole = xasprintf("\\A(?:%s)\\z", pattern);
    _cleanup_json_ json_t *variables = json_pack("{s:s,s:{s:s}}", "key", key, "pairs", whole, "");
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    _cleanup_free_ char *text = NULL;
    int r = expr_compile(source, strlen(source), &expr, &diag);
    if (r == 0)
        r = expr_render(expr, &(ExprContext){.variables = variables}, &text, &diag);
    if (r > 0)
        return run_fail(run, "Property 'regexp' is wrong: %s", diag_first(&diag));
    *ret = r == 0 && *text == '\0';
    return r;
}

/* The objects below the prefix, as list of {bucket, key, uri, size, lastModified}; new. */
static int find_objects(const Bucket *bucket, const char *prefix, json_t **ret)
{
    RunContext *run = bucket->run;
    const char *slash = strrchr(prefix, '/');
    _cleanup_free_ char *directory = xstrndup(prefix, slash ? (size_t)(slash - prefix) : 0);
    _cleanup_free_ char *base = object_uri(directory), *pattern = NULL;
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    int64_t max = 0;
    int r = run_text(run, "regexp", &pattern);
    if (r == 0)
        r = run_integer(run, "maxKeys", 1000, &max);
    if (r != 0)
        return r;
    r = blob_list(bucket->blob, base, &entries);
    if (r != 0)
        return fail_object(bucket, prefix, r);
    *ret = json_array();
    for (size_t i = 0; r == 0 && i < entries.count && (int64_t)json_array_size(*ret) < max; i++) {
        const BlobEntry *entry = &entries.items[i];
        const char *key = entry->uri + strlen("kestra:///");
        bool wanted = starts_with(key, prefix);
        if (wanted && pattern)
            r = matches(run, pattern, key, &wanted);
        if (r != 0 || !wanted)
            continue;
        char modified[INSTANT_BYTES];
        instant_format(entry->modified, modified);
        _cleanup_free_ char *uri = xasprintf("%s://%s/%s", bucket->store->scheme, bucket->name, key);
        json_array_append_new(*ret, json_pack("{s:s,s:s,s:s,s:I,s:s}", "bucket", bucket->name, "key", key, "uri", uri,
                                              "size", (json_int_t)entry->size_bytes, "lastModified", modified));
    }
    return r;
}

int bucket_run_list(RunContext *run)
{
    Bucket bucket = {};
    _cleanup_free_ char *prefix = NULL;
    _cleanup_json_ json_t *objects = NULL;
    int r = open_object(run, "from", "prefix", &bucket, &prefix);
    if (r == 0)
        r = find_objects(&bucket, prefix, &objects);
    if (r == 0) {
        run_counter(run, "size", (double)json_array_size(objects), NULL);
        run_output(run, "objects", TAKE_PTR(objects));
    }
    close_bucket(&bucket);
    return r;
}

/* Where moved objects go: moveTo {bucket, key}, or moveDirectory as URI. Both new. */
static int read_target(RunContext *run, const Bucket *bucket, char **ret_bucket, char **ret_key)
{
    _cleanup_json_ json_t *target = NULL;
    if (bucket->store->by_uri)
        return read_uri(run, "moveDirectory", ret_bucket, ret_key);
    int r = run_value(run, "moveTo", &target);
    if (r != 0)
        return r;
    const char *key = json_get_text(target, "key", NULL);
    if (!key)
        return run_fail(run, "Property 'moveTo' is needed for action MOVE");
    *ret_bucket = xstrdup(json_get_text(target, "bucket", bucket->name));
    *ret_key = xstrdup(key);
    return 0;
}

static int move_object(const Bucket *from, const Bucket *to, const char *directory, const char *key)
{
    int fd;
    const char *slash = strrchr(key, '/');
    size_t length = strlen(directory);
    while (length > 0 && directory[length - 1] == '/')
        length--;
    _cleanup_free_ char *old = object_uri(key);
    _cleanup_free_ char *new_key =
        xasprintf("%.*s%s%s", (int)length, directory, length > 0 ? "/" : "", slash ? slash + 1 : key);
    _cleanup_free_ char *new_uri = object_uri(new_key);
    int r = blob_open(from->blob, old, &fd, NULL);
    if (r != 0)
        return fail_object(from, key, r);
    r = blob_write_from(to->blob, new_uri, fd);
    close_fd(fd);
    return r != 0 ? fail_object(to, new_key, r) : 0;
}

/* What `action` says is done with the objects that were fetched. */
static int finish_objects(const Bucket *bucket, const json_t *objects)
{
    Bucket target = {};
    _cleanup_free_ char *action = NULL, *directory = NULL;
    char *name = NULL;
    size_t i;
    json_t *object;
    int r = run_text(bucket->run, "action", &action);
    if (r != 0 || !action || streq(action, "NONE"))
        return r;
    bool moves = streq(action, "MOVE");
    if (!moves && !streq(action, "DELETE"))
        return run_fail(bucket->run, "Property 'action' cannot be '%s'", action);
    if (moves)
        r = read_target(bucket->run, bucket, &name, &directory);
    if (r == 0 && moves)
        r = open_bucket(bucket->run, name, &target);
    json_array_foreach (objects, i, object) {
        const char *key = json_get_text(object, "key", "");
        _cleanup_free_ char *uri = object_uri(key);
        bool existed;
        if (r == 0 && moves)
            r = move_object(bucket, &target, directory, key);
        if (r == 0 && (r = blob_delete(bucket->blob, uri, &existed)) != 0)
            r = fail_object(bucket, key, r);
    }
    close_bucket(&target);
    return r;
}

static int fetch_objects(const Bucket *bucket, json_t *objects)
{
    _cleanup_json_ json_t *files = json_object();
    size_t i;
    json_t *object;
    json_array_foreach (objects, i, object) {
        _cleanup_free_ char *uri = NULL;
        int64_t size = 0;
        const char *key = json_get_text(object, "key", "");
        if (run_is_killed(bucket->run))
            return RUN_E_FAILED;
        int r = get_object(bucket, key, &uri, &size);
        if (r != 0)
            return r;
        json_set_text(object, "uri", uri);
        json_set_text(files, key, uri);
    }
    run_output(bucket->run, "objects", json_incref(objects));
    run_output(bucket->run, "outputFiles", TAKE_PTR(files));
    return 0;
}

int bucket_run_downloads(RunContext *run)
{
    Bucket bucket = {};
    _cleanup_free_ char *prefix = NULL;
    _cleanup_json_ json_t *objects = NULL;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = open_object(run, "from", "prefix", &bucket, &prefix);
    if (r == 0)
        r = find_objects(&bucket, prefix, &objects);
    if (r == 0)
        r = fetch_objects(&bucket, objects);
    if (r == 0)
        r = finish_objects(&bucket, objects);
    close_bucket(&bucket);
    return r;
}

int bucket_run_trigger(RunContext *run)
{
    int r = bucket_run_downloads(run);
    run->fires = r == 0 && json_array_size(json_object_get(run->outputs, "objects")) > 0;
    return r;
}
