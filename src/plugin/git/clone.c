/* SPDX-License-Identifier: Apache-2.0 */
/* io.kestra.plugin.git.Clone: a repository becomes files of the working directory. */
#include <dirent.h>

#include "base/identity.h"
#include "doc/json.h"
#include "model/log_entry.h"
#include "plugin/git/git.h"
#include "plugin/script_files.h"

typedef struct Wishes {
    char *directory; /* whole path */
    char *branch, *commit, *tag;
    int64_t depth;
    bool all_branches, no_tags, submodules;
} Wishes;

static void wishes_done(Wishes *wishes)
{
    free(wishes->directory);
    free(wishes->branch);
    free(wishes->commit);
    free(wishes->tag);
}

static int read_directory(RunContext *run, Wishes *ret)
{
    _cleanup_free_ char *name = NULL;
    int r = run_text(run, "directory", &name);
    if (r != 0)
        return r;
    if (name && (*name == '/' || streq(name, "..") || starts_with(name, "../") || strstr(name, "/../") ||
                 ends_with(name, "/..")))
        return run_fail(run, "'%s' is not a path inside the working directory", name);
    ret->directory = xasprintf("%s%s%s", run->working_directory, name ? "/" : "", name ? name : "");
    return 0;
}

static int read_wishes(RunContext *run, Wishes *ret)
{
    int r = read_directory(run, ret);
    if (r == 0)
        r = run_text(run, "branch", &ret->branch);
    if (r == 0)
        r = run_text(run, "commit", &ret->commit);
    if (r == 0)
        r = run_text(run, "tag", &ret->tag);
    if (r == 0)
        r = run_integer(run, "depth", 1, &ret->depth);
    if (r == 0)
        r = run_boolean(run, "cloneAllBranches", true, &ret->all_branches);
    if (r == 0)
        r = run_boolean(run, "noTags", false, &ret->no_tags);
    if (r == 0)
        r = run_boolean(run, "cloneSubmodules", false, &ret->submodules);
    if (r == 0 && ret->commit && strspn(ret->commit, "0123456789abcdefABCDEF") != strlen(ret->commit))
        return run_fail(run, "Property 'commit' is not the hash of a commit: '%s'", ret->commit);
    if (r == 0 && ret->tag && ret->no_tags)
        return run_fail(run, "'tag' cannot be used with 'noTags'");
    if (r == 0 && ret->depth < 0)
        return run_fail(run, "Property 'depth' is negative: %" PRId64, ret->depth);
    return r;
}

static bool is_empty(const char *path)
{
    _as_(IDENTITY_TASK);
    DIR *directory = opendir(path);
    size_t entries = 0;
    if (!directory)
        return true;
    for (struct dirent *entry; (entry = readdir(directory));)
        entries += entry->d_name[0] != '.' ||
                   !(starts_with(entry->d_name, ".git-") || entry->d_name[1] == '\0' || streq(entry->d_name, ".."));
    closedir(directory);
    return entries == 0;
}

/* One way for empty directories and those with files (of inputFiles): an empty repository that fetches. */
static int fetch(Git *git, const Wishes *wishes)
{
    const char *at = wishes->directory, *reference = wishes->tag ? wishes->tag : wishes->branch;
    const char *words[16] = {"-C", at, "fetch", "--quiet"};
    size_t count = 4;
    _cleanup_free_ char *depth = xasprintf("--depth=%" PRId64, wishes->depth);
    _cleanup_free_ char *wanted = wishes->tag ? xasprintf("refs/tags/%s", wishes->tag) : NULL;
    if (wishes->depth > 0 && !wishes->commit)
        words[count++] = depth;
    if (wishes->no_tags)
        words[count++] = "--no-tags";
    words[count++] = "origin";
    if (wishes->commit)
        words[count++] = "+refs/heads/*:refs/remotes/origin/*";
    else
        words[count++] = wanted ? wanted : reference ? reference : "HEAD";
    if (wishes->all_branches && !wishes->commit)
        words[count++] = "+refs/heads/*:refs/remotes/origin/*";
    words[count] = NULL;
    return git_run(git, words, NULL);
}

static int check_out(Git *git, const Wishes *wishes)
{
    const char *at = wishes->directory;
    if (wishes->branch && !wishes->commit && !wishes->tag)
        return git_run(git,
                       (const char *const[]){"-C", at, "checkout", "--quiet", "--force", "-B", wishes->branch,
                                             "FETCH_HEAD", "--", NULL},
                       NULL);
    return git_run(git,
                   (const char *const[]){"-C", at, "checkout", "--quiet", "--force", "--detach",
                                         wishes->commit ? wishes->commit : "FETCH_HEAD", "--", NULL},
                   NULL);
}

static int clone(Git *git, const Wishes *wishes)
{
    const char *at = wishes->directory;
    if (!is_empty(at))
        run_log(git->run, LOG_LEVEL_INFO, "The directory is not empty: its files stay where the repository has none");
    int r = git_run(git, (const char *const[]){"init", "--quiet", "--", at, NULL}, NULL);
    if (r == 0)
        r = git_run(git, (const char *const[]){"-C", at, "remote", "add", "origin", "--", git->url, NULL}, NULL);
    if (r == 0)
        r = git_configure(git, at);
    if (r == 0)
        r = fetch(git, wishes);
    if (r == 0)
        r = check_out(git, wishes);
    if (r == 0 && wishes->submodules)
        r = git_run(git,
                    (const char *const[]){"-C", at, "submodule", "update", "--quiet", "--init", "--recursive", NULL},
                    NULL);
    return r;
}

static int run_clone(RunContext *run)
{
    _cleanup_(git_done) Git git = {};
    _cleanup_(wishes_done) Wishes wishes = {};
    int r = read_wishes(run, &wishes);
    if (r == 0)
        r = git_init(run, &git);
    if (r == 0 && (!git.url || *git.url == '-'))
        return run_fail(run, "Property 'url' is not the address of a repository");
    if (r == 0 && wishes.branch && *wishes.branch == '-')
        return run_fail(run, "Property 'branch' is not the name of a branch: '%s'", wishes.branch);
    if (r != 0)
        return r;
    run_log(run, LOG_LEVEL_INFO, "Start cloning from '%s'", git.url);
    r = clone(&git, &wishes);
    if (r == 0)
        run_output(run, "directory", json_string(wishes.directory));
    return r;
}

static const Field fields[] = {
    GIT_FIELDS,
    {"directory", FIELD_STRING, FIELD_DYNAMIC, .doc = "Where it goes, below the working directory."},
    {"branch", FIELD_STRING, FIELD_DYNAMIC, .doc = "Branch; the repository's own by default."},
    {"depth", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "1", .doc = "How many commits are fetched; 0: all."},
    {"commit", FIELD_STRING, FIELD_DYNAMIC, .doc = "Hash of the commit that is wanted."},
    {"tag", FIELD_STRING, FIELD_DYNAMIC, .doc = "Tag that is wanted."},
    {"cloneAllBranches", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "Whether all branches are fetched."},
    {"noTags", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Whether tags are left out."},
    {},
};

static const Field outputs[] = {
    {"directory", FIELD_STRING, .doc = "Where it is."},
    {},
};

const Type task_git_clone = {
    .name = "io.kestra.plugin.git.Clone",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Clone a Git repository.",
    .doc = "Needs the program git on the worker. In a WorkingDirectory the tasks behind it see its files.",
    .examples = (const char *const[]){"id: code\n"
                                      "type: io.kestra.plugin.git.Clone\n"
                                      "url: https://github.com/example/project\n"
                                      "branch: main\n"
                                      "username: robot\n"
                                      "password: \"{{ secret('GITHUB_TOKEN') }}\"\n",
                                      NULL},
    .fields = fields,
    .outputs = outputs,
    .run = run_clone,
};
