/* SPDX-License-Identifier: Apache-2.0 */
/*
 * io.kestra.plugin.git.SyncNamespaceFiles and PushNamespaceFiles: the files of a namespace become those of a directory
 * of a branch, or the other way. Both write what they have changed (dryRun: would change) to a file, one line each.
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/id.h"
#include "base/identity.h"
#include "blob/blob.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/git/git.h"
#include "plugin/glob.h"
#include "plugin/namespace_files.h"
#include "plugin/script_files.h"
#include "plugin/task_file.h"

#define FILE_BYTES_MAX ((size_t)256 * 1024 * 1024)

typedef struct Sides {
    RunContext *run;
    Git git;
    char *copy;      /* of the repository, below the working directory */
    char *directory; /* of the files, below that; "" for all of it */
    char *branch;
    char *prefix;  /* of the namespace's files in storage */
    json_t *files; /* of the namespace: path → URI */
    bool dry_run, deletes;
    Buffer changes; /* JSON, one object a line: Ion reads it */
} Sides;

static void sides_done(Sides *sides)
{
    git_done(&sides->git);
    free(sides->copy);
    free(sides->directory);
    free(sides->branch);
    free(sides->prefix);
    json_decref(sides->files);
    buffer_done(&sides->changes);
}

/* --- what both read --- */

static int text_or(RunContext *run, const char *property, const char *fallback, char **ret)
{
    int r = run_text(run, property, ret);
    if (r == 0 && !*ret)
        *ret = xstrdup(fallback);
    return r;
}

static int read_directory(Sides *sides)
{
    _cleanup_free_ char *given = NULL;
    int r = text_or(sides->run, "gitDirectory", "_files", &given);
    if (r != 0)
        return r;
    const char *name = given + strspn(given, "/");
    size_t length = strlen(name);
    while (length > 0 && name[length - 1] == '/')
        length--;
    sides->directory = streq(name, ".") ? xstrdup("") : xstrndup(name, length);
    if (strstr(sides->directory, "..") || starts_with(sides->directory, ".git/") || streq(sides->directory, ".git"))
        return run_fail(sides->run, "Property 'gitDirectory' is not a directory of the repository: '%s'", given);
    return 0;
}

static int read_namespace(Sides *sides)
{
    RunContext *run = sides->run;
    _cleanup_free_ char *namespace = NULL;
    _cleanup_(blob_entries_done) BlobEntries entries = {};
    int r = text_or(run, "namespace", json_get_text(json_object_get(run->job, "flow"), "namespace", ""), &namespace);
    if (r != 0)
        return r;
    if (!run->storage || !*namespace || strchr(namespace, '/'))
        return run_fail(run, run->storage ? "'%s' is not a namespace" : "Internal storage is not available here: %s",
                        namespace);
    sides->prefix = blob_namespace_files_uri(namespace);
    sides->files = json_object();
    r = blob_list(run->storage, sides->prefix, &entries);
    if (r != 0 && r != BLOB_E_ABSENT)
        return run_fail(run, "The files of namespace '%s' cannot be listed", namespace);
    for (size_t i = 0; i < entries.count; i++)
        if (!namespace_files_is_marker(entries.items[i].uri))
            json_object_set_new(sides->files, entries.items[i].uri + strlen(sides->prefix) + 1,
                                json_string(entries.items[i].uri));
    return 0;
}

static int sides_init(RunContext *run, bool deletes, Sides *ret)
{
    *ret = (Sides){.run = run, .copy = git_copy_name()};
    int r = git_init(run, &ret->git);
    if (r == 0)
        r = text_or(run, "branch", "main", &ret->branch);
    if (r == 0)
        r = read_directory(ret);
    if (r == 0)
        r = run_boolean(run, "dryRun", false, &ret->dry_run);
    if (r == 0)
        r = run_boolean(run, "delete", deletes, &ret->deletes);
    return r == 0 ? read_namespace(ret) : r;
}

/* Path below the working directory. Caller frees. */
static char *place_of(const Sides *sides, const char *path)
{
    return xasprintf("%s/%s%s%s", sides->copy, sides->directory, *sides->directory ? "/" : "", path);
}

static char *in_repository(const Sides *sides, const char *path)
{
    return xasprintf("%s%s%s", sides->directory, *sides->directory ? "/" : "", path);
}

static int find_committed(const Sides *sides, GlobPaths *ret)
{
    _cleanup_free_ char *root = xasprintf("%s/%s/%s", sides->run->working_directory, sides->copy, sides->directory);
    int r = glob_find(root, (const char *const[]){"**"}, 1, ret);
    if (r == -ENOENT) /* a new directory */
        return 0;
    return r < 0 ? run_fail(sides->run, "The copy of the repository cannot be listed") : 0;
}

static bool is_of_git(const char *path)
{
    const char *name = strrchr(path, '/');
    name = name ? name + 1 : path;
    return starts_with(path, ".git/") || streq(name, ".gitignore") || streq(name, ".gitkeep");
}

static bool has_path(const GlobPaths *paths, const char *path)
{
    for (size_t i = 0; i < paths->count; i++)
        if (streq(paths->items[i], path))
            return true;
    return false;
}

static void note(Sides *sides, json_t *line)
{
    _cleanup_json_ json_t *owned = line;
    _cleanup_free_ char *text = json_text(owned);
    buffer_printf(&sides->changes, "%s\n", text);
}

static int keep_changes(Sides *sides, const char *output)
{
    char id[ID_BYTES];
    id_new(id);
    _cleanup_free_ char *prefix = script_files_prefix(sides->run), *uri = xasprintf("%s/%s.ion", prefix, id);
    if (blob_write(sides->run->storage, uri, buffer_text(&sides->changes), sides->changes.length) != 0)
        return run_fail(sides->run, "Internal storage does not take the list of changes");
    run_output(sides->run, output, json_string(uri));
    return 0;
}

/* --- from the repository --- */

static int read_committed(const Sides *sides, const char *path, char **ret, size_t *ret_length)
{
    _cleanup_free_ char *place = place_of(sides, path);
    _cleanup_(close_fdp) int fd = task_file_open_below(sides->run->working_directory, place, O_RDONLY, 0);
    _cleanup_buffer_ Buffer content = {};
    char chunk[65536];
    ssize_t n = fd < 0 ? -1 : 0;
    while (fd >= 0 && (n = read(fd, chunk, sizeof chunk)) > 0 && content.length <= FILE_BYTES_MAX)
        buffer_append_n(&content, chunk, (size_t)n);
    if (n != 0)
        return run_fail(sides->run, "File '%s' of the repository cannot be read, or is too large", path);
    *ret_length = content.length;
    *ret = buffer_take(&content);
    return 0;
}

static int sync_file(Sides *sides, const char *path)
{
    _cleanup_free_ char *content = NULL, *before = NULL, *uri = xasprintf("%s/%s", sides->prefix, path);
    size_t length = 0, length_before = 0;
    int r = read_committed(sides, path, &content, &length);
    if (r != 0)
        return r;
    bool exists = json_object_get(sides->files, path) != NULL;
    bool same = exists && blob_read(sides->run->storage, uri, FILE_BYTES_MAX, &before, &length_before) == 0 &&
                length == length_before && memcmp(content, before, length) == 0;
    if (!same && !sides->dry_run && blob_write(sides->run->storage, uri, content, length) != 0)
        return run_fail(sides->run, "Internal storage does not take file '%s'", path);
    _cleanup_free_ char *git_path = in_repository(sides, path);
    note(sides, json_pack("{s:s,s:s,s:s}", "gitPath", git_path, "kestraPath", path, "syncState",
                          same     ? "UNCHANGED"
                          : exists ? "OVERWRITTEN"
                                   : "ADDED"));
    return 0;
}

static int delete_others(Sides *sides, const GlobPaths *committed)
{
    const char *path;
    json_t *uri;
    json_object_foreach (sides->files, path, uri) {
        bool existed;
        if (has_path(committed, path))
            continue;
        if (!sides->dry_run && blob_delete(sides->run->storage, json_string_value(uri), &existed) != 0)
            return run_fail(sides->run, "File '%s' of the namespace cannot be deleted", path);
        note(sides, json_pack("{s:n,s:s,s:s}", "gitPath", "kestraPath", path, "syncState", "DELETED"));
    }
    return 0;
}

static int check_directory(const Sides *sides)
{
    bool fails = true;
    struct stat st;
    _cleanup_free_ char *root = xasprintf("%s/%s/%s", sides->run->working_directory, sides->copy, sides->directory);
    int r = run_boolean(sides->run, "failOnMissingDirectory", true, &fails);
    _as_(IDENTITY_TASK);
    if (r == 0 && fails && (stat(root, &st) < 0 || !S_ISDIR(st.st_mode)))
        return run_fail(sides->run, "The repository has no directory '%s' on branch '%s'", sides->directory,
                        sides->branch);
    return r;
}

static int run_sync(RunContext *run)
{
    _cleanup_(sides_done) Sides sides = {};
    _cleanup_(glob_paths_done) GlobPaths committed = {};
    int r = sides_init(run, false, &sides);
    if (r == 0)
        r = git_copy_branch(&sides.git, sides.copy, sides.branch, false);
    if (r == 0)
        r = check_directory(&sides);
    if (r == 0)
        r = find_committed(&sides, &committed);
    for (size_t i = 0; r == 0 && i < committed.count; i++)
        if (!is_of_git(committed.items[i]))
            r = sync_file(&sides, committed.items[i]);
    if (r == 0 && sides.deletes)
        r = delete_others(&sides, &committed);
    return r == 0 ? keep_changes(&sides, "files") : r;
}

/* --- to the repository --- */

static bool is_wanted(const json_t *globs, const char *path)
{
    size_t i;
    const json_t *glob;
    json_array_foreach (globs, i, glob) {
        const char *pattern = json_string_value(glob);
        if (pattern && glob_match(pattern + (*pattern == '/'), path))
            return true;
    }
    return json_array_size(globs) == 0;
}

/* Files of the namespace into the copy; those that the namespace has no more go. */
static int write_files(Sides *sides)
{
    bool fails = false;
    _cleanup_json_ json_t *globs = NULL, *map = json_object();
    _cleanup_(glob_paths_done) GlobPaths committed = {};
    int r = run_texts(sides->run, "files", &globs);
    if (r == 0)
        r = run_boolean(sides->run, "errorOnMissing", false, &fails);
    if (r == 0)
        r = find_committed(sides, &committed);
    const char *path;
    json_t *uri;
    json_object_foreach (sides->files, path, uri)
        if (is_wanted(globs, path) && !is_of_git(path)) {
            _cleanup_free_ char *place = place_of(sides, path);
            json_object_set(map, place, uri);
        }
    if (r == 0 && fails && json_object_size(map) == 0)
        return run_fail(sides->run, "No file of the namespace matches property 'files'");
    _as_(IDENTITY_TASK);
    for (size_t i = 0; r == 0 && sides->deletes && i < committed.count; i++) {
        const char *old = committed.items[i];
        _cleanup_free_ char *place = place_of(sides, old),
                            *whole = xasprintf("%s/%s", sides->run->working_directory, place);
        if (!is_of_git(old) && is_wanted(globs, old) && !json_object_get(map, place) && unlink(whole) < 0)
            return run_fail(sides->run, "File '%s' cannot be removed: %m", old);
    }
    return r == 0 ? script_files_write_map(sides->run, map) : r;
}

/* "3\t1\tpath" lines → changes. */
static void note_numbers(Sides *sides, char *lines)
{
    for (char *line = lines, *next; *line; line = next) {
        size_t length = strcspn(line, "\n");
        next = line + length + (line[length] != '\0');
        line[length] = '\0';
        char *removed = strchr(line, '\t'), *path = removed ? strchr(removed + 1, '\t') : NULL;
        if (!path)
            continue;
        *removed++ = *path++ = '\0';
        intmax_t additions = strtoimax(line, NULL, 10), deletions = strtoimax(removed, NULL, 10);
        note(sides, json_pack("{s:s,s:o,s:o,s:o}", "file", path, "additions", json_sprintf("+%" PRIdMAX, additions),
                              "deletions", json_sprintf("-%" PRIdMAX, deletions), "changes",
                              json_sprintf("%" PRIdMAX, additions + deletions)));
    }
}

static int commit(Sides *sides)
{
    RunContext *run = sides->run;
    _cleanup_free_ char *name = NULL, *email = NULL, *message = NULL, *user = NULL;
    int r = run_text(run, "username", &user);
    if (r == 0)
        r = text_or(run, "authorName", user ? user : "Kestra", &name);
    if (r == 0)
        r = text_or(run, "authorEmail", "kestra@localhost", &email);
    if (r == 0)
        r = text_or(run, "commitMessage", "Add files of the namespace", &message);
    if (r != 0)
        return r;
    _cleanup_free_ char *named = xasprintf("user.name=%s", name), *mailed = xasprintf("user.email=%s", email);
    return git_run(
        &sides->git,
        (const char *const[]){"-C", sides->copy, "-c", named, "-c", mailed, "commit", "--quiet", "-m", message, NULL},
        NULL);
}

static void give_commit(Sides *sides, char *id)
{
    const char *url = sides->git.url;
    id[strcspn(id, "\n")] = '\0';
    run_output(sides->run, "commitId", json_string(id));
    if (!starts_with(url, "http"))
        return;
    size_t length = strlen(url) - (ends_with(url, ".git") ? strlen(".git") : 0);
    run_output(sides->run, "commitURL",
               json_sprintf("%.*s/%s/%s", (int)length, url, strstr(url, "bitbucket.org") ? "commits" : "commit", id));
}

static int push(Sides *sides)
{
    _cleanup_free_ char *id = NULL, *target = xasprintf("HEAD:refs/heads/%s", sides->branch);
    int r = commit(sides);
    if (r == 0)
        r = git_run(&sides->git, (const char *const[]){"-C", sides->copy, "push", "--quiet", "origin", target, NULL},
                    NULL);
    if (r == 0)
        r = git_run(&sides->git, (const char *const[]){"-C", sides->copy, "rev-parse", "HEAD", NULL}, &id);
    if (r == 0)
        give_commit(sides, id);
    return r;
}

static int run_push(RunContext *run)
{
    _cleanup_(sides_done) Sides sides = {};
    _cleanup_free_ char *numbers = NULL;
    int r = sides_init(run, true, &sides);
    if (r == 0)
        r = git_copy_branch(&sides.git, sides.copy, sides.branch, true);
    if (r == 0)
        r = write_files(&sides);
    if (r == 0)
        r = git_run(&sides.git, (const char *const[]){"-C", sides.copy, "add", "--all", NULL}, NULL);
    if (r == 0)
        r = git_run(&sides.git,
                    (const char *const[]){"-C", sides.copy, "-c", "core.quotePath=false", "diff", "--cached",
                                          "--numstat", "--no-renames", NULL},
                    &numbers);
    if (r != 0)
        return r;
    note_numbers(&sides, numbers);
    if (sides.changes.length == 0)
        run_log(run, LOG_LEVEL_INFO, "No changes to commit. Skipping push.");
    else if (!sides.dry_run)
        r = push(&sides);
    return r == 0 ? keep_changes(&sides, "files") : r;
}

/* --- the types --- */

#define NAMESPACE_FIELDS                                                                                               \
    GIT_FIELDS, {"branch", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"main\"", .doc = "Branch."},                     \
        {"namespace", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"{{ flow.namespace }}\"", .doc = "Namespace."},       \
        {"gitDirectory", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"_files\"",                                        \
         .doc = "Directory of the repository that holds the files."},                                                  \
    {                                                                                                                  \
        "dryRun", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Only say what would change."              \
    }

static const Field sync_fields[] = {
    NAMESPACE_FIELDS,
    {"delete", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false",
     .doc = "Whether files that the repository has not are deleted from the namespace."},
    {"failOnMissingDirectory", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Whether a repository without the directory is a failure."},
    {},
};
static const Field sync_outputs[] = {
    {"files", FIELD_STRING, .doc = "Ion file: {gitPath, kestraPath, syncState} of each file."},
    {},
};

const Type task_git_sync_namespace_files = {
    .name = "io.kestra.plugin.git.SyncNamespaceFiles",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Make a directory of a Git repository the files of a namespace.",
    .examples = (const char *const[]){"id: files\n"
                                      "type: io.kestra.plugin.git.SyncNamespaceFiles\n"
                                      "url: https://github.com/example/project\n"
                                      "branch: main\n"
                                      "namespace: company.team\n"
                                      "gitDirectory: scripts\n"
                                      "delete: true\n",
                                      NULL},
    .fields = sync_fields,
    .outputs = sync_outputs,
    .run = run_sync,
};

static const Field push_fields[] = {
    NAMESPACE_FIELDS,
    {"files", FIELD_TEXT_OR_LIST, FIELD_DYNAMIC, .doc = "Globs of what is pushed; everything by default."},
    {"commitMessage", FIELD_STRING, FIELD_DYNAMIC, .doc = "Message of the commit."},
    {"authorName", FIELD_STRING, FIELD_DYNAMIC, .doc = "Author of the commit; the username by default."},
    {"authorEmail", FIELD_STRING, FIELD_DYNAMIC, .doc = "The author's address."},
    {"delete", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true",
     .doc = "Whether files that the namespace has not are deleted from the repository."},
    {"errorOnMissing", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false",
     .doc = "Whether no file at all is a failure."},
    {},
};
static const Field push_outputs[] = {
    {"commitId", FIELD_STRING, .doc = "Hash of the commit; absent when there was nothing to commit, or with dryRun."},
    {"commitURL", FIELD_STRING, .doc = "Page of the commit."},
    {"files", FIELD_STRING, .doc = "Ion file: {file, additions, deletions, changes} of each file that changes."},
    {},
};

const Type task_git_push_namespace_files = {
    .name = "io.kestra.plugin.git.PushNamespaceFiles",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Push the files of a namespace to a Git repository.",
    .fields = push_fields,
    .outputs = push_outputs,
    .run = run_push,
};
