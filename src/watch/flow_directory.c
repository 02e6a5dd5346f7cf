/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A sync walks the whole tree and compares size, inode and modification time with what was seen last; only changed
 * files are read. Walking costs some microseconds a file, so that nothing depends on which inotify events came, in
 * which order, or were lost: renames, atomic saves, `git checkout` and overflow are all the same case.
 *
 * Stores come before deletions, so that a flow that moved from one file to another is never gone in between. A file in
 * which any document is broken deletes nothing: its flows may just be what cannot be read at the moment.
 */
#include "watch/flow_directory.h"

#include <fcntl.h>
#include <fts.h>
#include <stdarg.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/map.h"
#include "store/flow_file_store.h"
#include "store/flow_store.h"

/* One document of a file. */
typedef struct FileFlow {
    char *namespace, *id; /* NULL when it could not be read */
    int revision;         /* 0: not stored */
    char *error;          /* NULL: fine */
    unsigned line, column;
} FileFlow;

typedef struct FlowFile {
    char *path; /* relative to the directory */
    struct timespec modified;
    off_t size;
    ino_t inode;
    bool seen;    /* by the walk that is going on */
    bool changed; /* its records are to be written */
    VEC(FileFlow) flows;
} FlowFile;

/* What the walk found, in order of name. */
typedef struct Found {
    char *path;
    struct stat status;
} Found;
typedef VEC(Found) FoundFiles;

/* The steps of a sync; each goes on where it was when its time was over. */
typedef enum SyncStep { SYNC_LOOK, SYNC_VISIT, SYNC_DELETE, SYNC_SETTLE, _SYNC_STEP_MAX } SyncStep;

struct FlowDirectory {
    SyncStep step;
    FoundFiles found;
    size_t position; /* in what the step goes through */
    usec_t until;    /* monotonic: time is over */
    char *path;
    FlowDirectorySettings settings;
    Map *files;  /* path → FlowFile */
    Map *owners; /* "namespace/id" → path text: which file a flow came from */
    bool owners_known;
    bool unreadable; /* said once, not at every sync */
};

FlowDirectory *flow_directory_new(const FlowDirectorySettings *settings)
{
    FlowDirectory *directory = xnew(FlowDirectory);
    directory->settings = *settings;
    directory->path = xstrdup(settings->path);
    directory->files = map_new();
    directory->owners = map_new();
    return directory;
}

static void clear_flows(FlowFile *file)
{
    for (size_t i = 0; i < file->flows.count; i++) {
        free(file->flows.items[i].namespace);
        free(file->flows.items[i].id);
        free(file->flows.items[i].error);
    }
    vec_free(&file->flows);
}

static void flow_file_free(void *userdata)
{
    FlowFile *file = userdata;
    clear_flows(file);
    free(file->path);
    free(file);
}

static void found_done(FoundFiles *files)
{
    for (size_t i = 0; i < files->count; i++)
        free(files->items[i].path);
    vec_free(files);
}

void flow_directory_forget(FlowDirectory *directory)
{
    found_done(&directory->found);
    directory->step = SYNC_LOOK;
    directory->position = 0;
    map_destroy(directory->files, flow_file_free);
    map_destroy(directory->owners, free);
    directory->files = map_new();
    directory->owners = map_new();
    directory->owners_known = false;
}

FlowDirectory *flow_directory_free(FlowDirectory *directory)
{
    if (!directory)
        return NULL;
    map_destroy(directory->files, flow_file_free);
    map_destroy(directory->owners, free);
    found_done(&directory->found);
    free(directory->path);
    free(directory);
    return NULL;
}

bool flow_directory_is_flow_file(const char *name)
{
    bool is_yaml = ends_with(name, ".yaml") || ends_with(name, ".yml");
    return is_yaml && name[0] != '.' && name[0] != '#' && name[0] != '~';
}

static char *owner_key(const char *namespace, const char *id)
{
    return xasprintf("%s/%s", namespace, id);
}

static _printf_(4, 5) void add_error(FlowFile *file, unsigned line, unsigned column, const char *format, ...)
{
    va_list arguments;
    _cleanup_(arena_freep) Arena *arena = arena_new();
    va_start(arguments, format);
    char *text = xstrdup(arena_vprintf(arena, format, arguments));
    va_end(arguments);
    log_event(FLOW_FILE_INVALID, "Flow file %s:%u:%u: %s", file->path, line, column, text);
    vec_push(&file->flows, (FileFlow){.error = text, .line = line, .column = column});
}

/* Every error of one document; the record shows all of them, one a line. */
static void add_diag(FlowFile *file, const DocumentPart *part, Diag *diag)
{
    for (size_t i = 0; i < diag->entries.count; i++)
        if (diag->entries.items[i].line)
            diag->entries.items[i].line += part->first_line - 1;
    const DiagEntry *first = NULL;
    for (size_t i = 0; i < diag->entries.count && !first; i++)
        if (diag->entries.items[i].level == DIAG_ERROR)
            first = &diag->entries.items[i];
    _cleanup_free_ char *all = diag_format(diag, file->path);
    log_event(FLOW_FILE_INVALID, "Flow file %s", all);
    char *namespace = NULL, *id = NULL;
    flow_identify(part->text, part->length, &namespace, &id);
    vec_push(&file->flows, (FileFlow){.namespace = namespace,
                                      .id = id,
                                      .error = TAKE_PTR(all),
                                      .line = first ? first->line : part->first_line,
                                      .column = first ? first->column : 1});
}

/* What is no error, such as an expression that does not compile: such a flow is stored and fails when it runs. */
static void say_warnings(const FlowFile *file, const DocumentPart *part, const Diag *diag)
{
    for (size_t i = 0; i < diag->entries.count; i++) {
        const DiagEntry *entry = &diag->entries.items[i];
        if (entry->level == DIAG_WARNING)
            log_warning("Flow file %s:%u:%u: %s%s%s", file->path, entry->line ? entry->line + part->first_line - 1 : 0,
                        entry->column, entry->path ? entry->path : "", entry->path ? ": " : "", entry->message);
    }
}

/* Stores one valid document. Negative: outage. */
static int store_flow(FlowDirectory *directory, Pg *pg, FlowFile *file, const DocumentPart *part, Flow *flow,
                      bool *ret_changed)
{
    _cleanup_free_ char *key = owner_key(flow->namespace, flow->id);
    const char *owner = map_get(directory->owners, key);
    const FlowFile *other = owner && !streq(owner, file->path) ? map_get(directory->files, owner) : NULL;
    if (other && other->seen) {
        add_error(file, part->first_line, 1, "flow %s.%s is already declared in %s", flow->namespace, flow->id, owner);
        return 0;
    }
    FlowSave save = {.flow = flow, .mode = FLOW_SAVE_PUT, .file_path = file->path};
    FlowSaved saved;
    int r = store_flow_save(pg, &save, &saved);
    if (r < 0)
        return trace(r);
    if (r > 0) {
        add_error(file, part->first_line, 1, "flow %s.%s could not be stored (outcome %d): save the file again",
                  flow->namespace, flow->id, r);
        return 0;
    }
    if (saved.changed) {
        log_info("Flow %s.%s revision %d loaded from %s", flow->namespace, flow->id, saved.revision, file->path);
        *ret_changed = true;
    }
    free(map_put(directory->owners, key, xstrdup(file->path)));
    vec_push(&file->flows,
             (FileFlow){.namespace = xstrdup(flow->namespace), .id = xstrdup(flow->id), .revision = saved.revision});
    return 0;
}

static int load_document(FlowDirectory *directory, Pg *pg, FlowFile *file, const DocumentPart *part, bool *ret_changed)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    FlowParse options = {.registry = directory->settings.registry,
                         .plugin_defaults = directory->settings.plugin_defaults};
    int r = flow_parse(part->text, part->length, &options, &flow, &diag);
    if (r < 0)
        return trace(r);
    if (r > 0) {
        add_diag(file, part, &diag);
        return 0;
    }
    say_warnings(file, part, &diag);
    return store_flow(directory, pg, file, part, flow, ret_changed);
}

/* Reads the whole file. Positive: it cannot be used, the error was added. */
static int read_file(const FlowDirectory *directory, FlowFile *file, Buffer *ret)
{
    _cleanup_free_ char *path = xasprintf("%s/%s", directory->path, file->path);
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    char piece[65536];
    ssize_t length = fd < 0 ? -1 : 1;
    while (length > 0 && ret->length <= directory->settings.source_bytes_max) {
        length = read(fd, piece, sizeof(piece));
        if (length > 0)
            buffer_append_n(ret, piece, (size_t)length);
    }
    if (length < 0)
        add_error(file, 1, 1, "cannot be read: %m");
    else if (ret->length > directory->settings.source_bytes_max)
        add_error(file, 1, 1, "larger than the limit of %zu bytes", directory->settings.source_bytes_max);
    else if (ret->length == 0)
        add_error(file, 1, 1, "the file is empty: expected a flow; its last good revision stays");
    return file->flows.count > 0;
}

static bool has_error(const FlowFile *file)
{
    for (size_t i = 0; i < file->flows.count; i++)
        if (file->flows.items[i].error)
            return true;
    return false;
}

static int load_file(FlowDirectory *directory, Pg *pg, FlowFile *file, bool *ret_changed)
{
    _cleanup_buffer_ Buffer source = {};
    DocumentParts parts = {};
    clear_flows(file);
    file->changed = true;
    if (read_file(directory, file, &source) != 0)
        return 0;
    document_split(source.text, source.length, &parts);
    if (parts.count == 0)
        add_error(file, 1, 1, "no flow in the file, only comments; its last good revision stays");
    int r = 0;
    for (size_t i = 0; i < parts.count && r == 0; i++)
        r = load_document(directory, pg, file, &parts.items[i], ret_changed);
    vec_free(&parts);
    return r;
}

static bool is_unchanged(const FlowFile *file, const struct stat *status)
{
    return file->inode == status->st_ino && file->size == status->st_size &&
           file->modified.tv_sec == status->st_mtim.tv_sec && file->modified.tv_nsec == status->st_mtim.tv_nsec;
}

/* A file that the walk found. */
static int visit(FlowDirectory *directory, Pg *pg, const char *path, const struct stat *status, bool *ret_changed)
{
    FlowFile *file = map_get(directory->files, path);
    if (!file) {
        file = xnew(FlowFile);
        file->path = xstrdup(path);
        map_put(directory->files, path, file);
    } else if (is_unchanged(file, status)) {
        return 0;
    }
    file->seen = true;
    file->modified = status->st_mtim;
    file->size = status->st_size;
    file->inode = status->st_ino;
    return load_file(directory, pg, file, ret_changed);
}

static int compare_names(const FTSENT **a, const FTSENT **b)
{
    return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* All flow files below the directory, in order of name. Positive: it cannot be read. */
static int walk(const FlowDirectory *directory, FoundFiles *ret)
{
    char *const roots[] = {directory->path, NULL};
    FTS *tree = fts_open(roots, FTS_LOGICAL | FTS_NOCHDIR, compare_names);
    if (!tree)
        return 1;
    int r = 0;
    for (FTSENT *entry; (entry = fts_read(tree)) != NULL;) {
        if (entry->fts_level == 0 &&
            (entry->fts_info == FTS_DNR || entry->fts_info == FTS_ERR || entry->fts_info == FTS_NS)) {
            errno = entry->fts_errno;
            r = 1;
            break;
        }
        if (entry->fts_info == FTS_D && entry->fts_level > 0 && entry->fts_name[0] == '.')
            fts_set(tree, entry, FTS_SKIP); /* .git and the like */
        bool is_file = entry->fts_info == FTS_F || entry->fts_info == FTS_NSOK;
        if (is_file && S_ISREG(entry->fts_statp->st_mode) && flow_directory_is_flow_file(entry->fts_name))
            vec_push(ret, (Found){.path = xstrdup(entry->fts_path + strlen(directory->path) + 1),
                                  .status = *entry->fts_statp});
    }
    int saved = errno;
    (void)fts_close(tree); /* only read */
    errno = saved;
    return r;
}

/* A flow is gone when the file that owns it is gone, or declares it no more and is not broken. */
static bool is_gone(const FlowDirectory *directory, const char *key, const char *owner)
{
    const FlowFile *file = map_get(directory->files, owner);
    if (!file || !file->seen)
        return true;
    if (has_error(file))
        return false;
    for (size_t i = 0; i < file->flows.count; i++) {
        _cleanup_free_ char *declared = owner_key(file->flows.items[i].namespace, file->flows.items[i].id);
        if (streq(declared, key))
            return false;
    }
    return true;
}

static bool has_time(const FlowDirectory *directory)
{
    return clock_monotonic() < directory->until;
}

static int delete_gone(FlowDirectory *directory, Pg *pg, bool *ret_changed, bool *ret_more)
{
    const char *key;
    void *owner;
    while ((*ret_more = !has_time(directory)) == false &&
           map_next(directory->owners, &directory->position, &key, &owner)) {
        if (!is_gone(directory, key, owner))
            continue;
        const char *slash = strchr(key, '/');
        _cleanup_free_ char *namespace = xstrndup(key, (size_t)(slash - key));
        int revision, r = store_flow_delete(pg, namespace, slash + 1, owner, false, &revision);
        if (r < 0)
            return trace(r);
        if (r == 0) {
            log_info("Flow %s.%s was deleted: %s does not declare it any more", namespace, slash + 1,
                     (const char *)owner);
            *ret_changed = true;
        }
        free(map_remove(directory->owners, key));
    }
    return 0;
}

static int write_records(FlowDirectory *directory, Pg *pg, FlowFile *file)
{
    VEC(FlowFileRecord) records = {};
    for (size_t i = 0; i < file->flows.count; i++) {
        const FileFlow *flow = &file->flows.items[i];
        vec_push(&records, (FlowFileRecord){.path = file->path,
                                            .document = (unsigned)i,
                                            .hash = (char *)(uintptr_t) "",
                                            .modified = (usec_t)file->modified.tv_sec * USEC_PER_SEC +
                                                        (usec_t)file->modified.tv_nsec / 1000,
                                            .namespace = flow->namespace,
                                            .id = flow->id,
                                            .revision = flow->revision,
                                            .error = flow->error,
                                            .line = flow->line,
                                            .column = flow->column});
    }
    int r = store_flow_file_replace(pg, file->path, records.items, records.count);
    vec_free(&records);
    if (r == 0)
        file->changed = false;
    return fold(r);
}

/* Records of changed files, and none for files that are gone. */
static int settle_files(FlowDirectory *directory, Pg *pg, bool *ret_changed, bool *ret_more)
{
    const char *path;
    void *value;
    while ((*ret_more = !has_time(directory)) == false &&
           map_next(directory->files, &directory->position, &path, &value)) {
        FlowFile *file = value;
        int r = 0;
        if (!file->seen)
            r = fold(store_flow_file_replace(pg, path, NULL, 0));
        else if (file->changed)
            r = write_records(directory, pg, file);
        if (r < 0)
            return trace(r);
        if (!file->seen)
            flow_file_free(map_remove(directory->files, path));
    }
    return 0;
}

/* At start: which flows came from files, and which files had records, also those that vanished while nobody looked. */
static int learn_owners(FlowDirectory *directory, Pg *pg)
{
    _cleanup_flow_records_ FlowRecords flows = {};
    _cleanup_flow_file_records_ FlowFileRecords files = {};
    int r = store_flow_list(pg, NULL, false, &flows);
    if (r == 0)
        r = store_flow_file_list(pg, false, &files);
    if (r != 0)
        return fold(r);
    for (size_t i = 0; i < flows.count; i++) {
        const FlowRecord *record = &flows.items[i];
        if (!record->file_path)
            continue;
        _cleanup_free_ char *key = owner_key(record->namespace, record->id);
        free(map_put(directory->owners, key, xstrdup(record->file_path)));
    }
    for (size_t i = 0; i < files.count; i++) {
        if (map_get(directory->files, files.items[i].path))
            continue;
        FlowFile *file = xnew(FlowFile);
        file->path = xstrdup(files.items[i].path);
        map_put(directory->files, file->path, file);
    }
    directory->owners_known = true;
    return 0;
}

/* Which files there are. All marks come first: ownership asks whether the other file is still there. */
static int look(FlowDirectory *directory, Pg *pg, bool *ret_changed, bool *ret_more)
{
    size_t position = 0;
    const char *path;
    void *value;
    found_done(&directory->found);
    *ret_more = false;
    if (walk(directory, &directory->found) != 0) {
        if (!directory->unreadable)
            log_event(FLOW_DIRECTORY_UNREADABLE, "Flow directory %s cannot be read, its flows stay as they are: %m",
                      directory->path);
        directory->unreadable = true;
        directory->step = _SYNC_STEP_MAX - 1; /* nothing follows */
        return 0;
    }
    directory->unreadable = false;
    int r = directory->owners_known ? 0 : learn_owners(directory, pg);
    if (r < 0)
        return r;
    while (map_next(directory->files, &position, &path, &value))
        ((FlowFile *)value)->seen = false;
    for (size_t i = 0; i < directory->found.count; i++) {
        FlowFile *file = map_get(directory->files, directory->found.items[i].path);
        if (file)
            file->seen = true;
    }
    return 0;
}

static int visit_found(FlowDirectory *directory, Pg *pg, bool *ret_changed, bool *ret_more)
{
    int r = 0;
    while (r == 0 && directory->position < directory->found.count && has_time(directory)) {
        const Found *found = &directory->found.items[directory->position++];
        r = visit(directory, pg, found->path, &found->status, ret_changed);
    }
    *ret_more = directory->position < directory->found.count;
    return r;
}

int flow_directory_sync(FlowDirectory *directory, Pg *pg, usec_t budget_usec, bool *ret_changed, bool *ret_more)
{
    static int (*const steps[])(FlowDirectory * directory, Pg * pg, bool *ret_changed, bool *ret_more) = {
        [SYNC_LOOK] = look, [SYNC_VISIT] = visit_found, [SYNC_DELETE] = delete_gone, [SYNC_SETTLE] = settle_files};
    directory->until = clock_monotonic() + budget_usec;
    *ret_changed = *ret_more = false;
    for (; directory->step < _SYNC_STEP_MAX; directory->step++, directory->position = 0) {
        int r = steps[directory->step](directory, pg, ret_changed, ret_more);
        if (r < 0) {
            flow_directory_forget(directory);
            return r;
        }
        if (*ret_more)
            return 0;
    }
    found_done(&directory->found);
    directory->step = SYNC_LOOK;
    return 0;
}
