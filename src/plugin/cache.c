/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether something has changed is seen by names, sizes and checksums, not by times: what is restored has new times
 * anyway, and the age of the archive, which ttl measures, must not be renewed by writing the same again.
 */
#include "plugin/cache.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "blob/blob.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/glob.h"
#include "plugin/script_files.h"
#include "plugin/storage_hash.h"
#include "plugin/task_file.h"
#include "plugin/zip.h"
#include "when/duration.h"

typedef struct Cache {
    RunContext *run;
    const char *scratch;
    char *uri;
    json_t *patterns; /* list of texts; NULL: there is no cache */
    usec_t ttl;       /* 0: for ever */
} Cache;

static void cache_done(Cache *cache)
{
    free(cache->uri);
    json_decref(cache->patterns);
}

static char *uri_of(const RunContext *run, const char *value)
{
    const json_t *flow = json_object_get(run->job, "flow");
    _cleanup_free_ char *hash = value ? storage_hash(value) : NULL;
    _cleanup_free_ char *prefix =
        blob_flow_task_uri(json_get_text(flow, "namespace", ""), json_get_text(flow, "id", ""), run->task->id);
    return xasprintf("%s/cache/%s%scache.zip", prefix, hash ? hash : "", hash ? "/" : "");
}

/* The property; patterns stay NULL without it. */
static int cache_init(Cache *cache, RunContext *run, const char *scratch, const char *value)
{
    _cleanup_json_ json_t *property = NULL;
    *cache = (Cache){.run = run, .scratch = scratch};
    int r = run_value(run, "cache", &property);
    if (r != 0 || !json_is_object(property) || !run->storage)
        return r;
    const json_t *ttl = json_object_get(property, "ttl");
    if (json_is_number(ttl))
        cache->ttl = (usec_t)(MAX(json_number_value(ttl), 0) * (double)USEC_PER_SEC);
    else if (json_is_string(ttl) && duration_parse(json_string_value(ttl), &cache->ttl) != 0)
        return run_fail(run, "cache.ttl is not a duration: '%s'", json_string_value(ttl));
    json_t *patterns = json_object_get(property, "patterns");
    cache->patterns = json_is_array(patterns) ? json_incref(patterns) : json_array();
    cache->uri = uri_of(run, value);
    return 0;
}

static int warn(const Cache *cache, const char *what, int r)
{
    errno = r < 0 ? -r : 0;
    if (r < 0)
        run_log(cache->run, LOG_LEVEL_WARN, "The cache of the working directory %s: %m", what);
    else
        run_log(cache->run, LOG_LEVEL_WARN, "The cache of the working directory %s", what);
    return 0;
}

static int scratch_file(const Cache *cache)
{
    return open(cache->scratch, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
}

/* --- from storage --- */

static int copy(int from, int to)
{
    for (;;) {
        char chunk[64 * 1024];
        ssize_t n = read(from, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t m = write(to, chunk + done, (size_t)(n - done));
            if (m < 0 && errno != EINTR)
                return -errno;
            done += MAX(m, (ssize_t)0);
        }
    }
}

/* A copy that can seek: the descriptors of storage need not. *ret -1: there is none, or it is too old. */
static int fetch(const Cache *cache, int *ret)
{
    _cleanup_(blob_entry_done) BlobEntry entry = {};
    _cleanup_(close_fdp) int from = -1, to = -1;
    bool existed;
    *ret = -1;
    int r = blob_stat(cache->run->storage, cache->uri, &entry);
    if (r == 0 && cache->ttl > 0 && entry.modified + cache->ttl < clock_realtime()) {
        run_log(cache->run, LOG_LEVEL_DEBUG, "The cache of the working directory is older than its ttl");
        r = blob_delete(cache->run->storage, cache->uri, &existed);
        return r == 0 ? 0 : r;
    }
    if (r == 0)
        r = blob_open(cache->run->storage, cache->uri, &from, NULL);
    if (r != 0)
        return r == BLOB_E_ABSENT ? 0 : r;
    to = scratch_file(cache);
    r = to < 0 ? -errno : copy(from, to);
    if (r == 0)
        *ret = TAKE_FD(to);
    return r;
}

static int restore_entry(const Cache *cache, int archive, const ZipEntry *entry)
{
    size_t length = strlen(entry->name);
    _cleanup_(close_fdp) int fd = -1;
    if (length > 0 && entry->name[length - 1] == '/')
        return 0; /* directories come with their files */
    int r = script_files_create(cache->run, entry->name, &fd);
    if (r != 0)
        return r;
    if (entry->mode & 0100)
        (void)fchmod(fd, 0750); /* a program that cannot be run says so itself */
    return zip_extract(archive, entry, fd);
}

int cache_restore(RunContext *run, const char *scratch, const char *value)
{
    _cleanup_(cache_done) Cache cache;
    _cleanup_(zip_entries_done) ZipEntries entries = {};
    _cleanup_(close_fdp) int archive = -1;
    int r = cache_init(&cache, run, scratch, value);
    if (r != 0 || !cache.patterns)
        return r;
    r = fetch(&cache, &archive);
    if (r != 0)
        return warn(&cache, "cannot be read", r);
    if (archive < 0)
        return 0;
    r = zip_list(archive, &entries);
    for (size_t i = 0; r == 0 && i < entries.count; i++)
        r = restore_entry(&cache, archive, &entries.items[i]);
    if (r != 0)
        return warn(&cache, "cannot be unpacked", r);
    run_log(run, LOG_LEVEL_DEBUG, "The cache of the working directory was restored: %zu file(s)", entries.count);
    return 0;
}

/* --- into storage --- */

static int open_file(const Cache *cache, const char *path)
{
    return task_file_open_below(cache->run->working_directory, path, O_RDONLY, 0);
}

static int find(const Cache *cache, GlobPaths *ret)
{
    size_t count = json_array_size(cache->patterns), used = 0;
    _cleanup_free_ const char **patterns = xnew_n(const char *, count + 1);
    for (size_t i = 0; i < count; i++) {
        const json_t *pattern = json_array_get(cache->patterns, i);
        if (json_is_string(pattern))
            patterns[used++] = json_string_value(pattern);
    }
    return used > 0 ? glob_find(cache->run->working_directory, patterns, used, ret) : 0;
}

static bool holds(const ZipEntries *entries, const char *path, uint32_t crc, uint64_t bytes)
{
    for (size_t i = 0; i < entries->count; i++)
        if (streq(entries->items[i].name, path))
            return entries->items[i].crc == crc && entries->items[i].bytes == bytes;
    return false;
}

/* Whether storage holds these very files. What cannot be read there is not the same. */
static bool is_kept(const Cache *cache, const GlobPaths *paths)
{
    _cleanup_(zip_entries_done) ZipEntries entries = {};
    _cleanup_(close_fdp) int archive = -1;
    if (fetch(cache, &archive) != 0 || archive < 0 || zip_list(archive, &entries) != 0 || entries.count != paths->count)
        return false;
    for (size_t i = 0; i < paths->count; i++) {
        _cleanup_(close_fdp) int fd = open_file(cache, paths->items[i]);
        uint32_t crc;
        uint64_t bytes;
        if (fd < 0 || zip_crc(fd, &crc, &bytes) < 0 || !holds(&entries, paths->items[i], crc, bytes))
            return false;
    }
    return true;
}

static int pack(const Cache *cache, const GlobPaths *paths, int archive)
{
    _cleanup_(zip_writer_done) ZipWriter zip = {.fd = archive};
    int r = 0;
    for (size_t i = 0; r == 0 && i < paths->count; i++) {
        _cleanup_(close_fdp) int fd = open_file(cache, paths->items[i]);
        struct stat st;
        if (fd < 0 || fstat(fd, &st) < 0)
            return -errno;
        r = zip_writer_add(&zip, paths->items[i], fd, st.st_mode);
    }
    return r == 0 ? zip_writer_end(&zip) : r;
}

int cache_keep(RunContext *run, const char *scratch, const char *value)
{
    _cleanup_(cache_done) Cache cache;
    _cleanup_(glob_paths_done) GlobPaths paths = {};
    int r = cache_init(&cache, run, scratch, value);
    if (r != 0 || !cache.patterns)
        return r;
    r = find(&cache, &paths);
    if (r < 0)
        return warn(&cache, "cannot be listed", r);
    if (paths.count == 0 || is_kept(&cache, &paths))
        return 0;
    _cleanup_(close_fdp) int archive = scratch_file(&cache);
    r = archive < 0 ? -errno : pack(&cache, &paths, archive);
    if (r == 0)
        r = lseek(archive, 0, SEEK_SET) < 0 ? -errno : blob_write_from(run->storage, cache.uri, archive);
    if (r != 0)
        return warn(&cache, r == ZIP_E_LIMIT ? "is larger than 4 GiB or 65535 files" : "cannot be kept", r);
    run_log(run, LOG_LEVEL_DEBUG, "The cache of the working directory was kept: %zu file(s)", paths.count);
    return 0;
}
