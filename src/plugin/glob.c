/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Matching is recursive descent over the pattern. Stars are limited (a path is short, a pattern is the user's own), and
 * the number of steps is bounded, so that a hostile pattern costs its author a wrong answer and the worker nothing.
 */
#include "plugin/glob.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { STEPS_MAX = 200000, DEPTH_MAX = 64 };

typedef struct Match {
    unsigned steps;
} Match;

static bool match_here(Match *match, const char *pattern, const char *end, const char *path);

static bool match_stars(Match *match, const char *pattern, const char *end, const char *path)
{
    bool any_depth = pattern + 1 < end && pattern[1] == '*';
    pattern += any_depth ? 2 : 1;
    for (;; path++) {
        if (match_here(match, pattern, end, path))
            return true;
        if (*path == '\0' || (*path == '/' && !any_depth))
            return false;
    }
}

/* Reads [..] at pattern; NULL when c does not match, else what follows. */
static const char *match_class(const char *pattern, const char *end, char c)
{
    const char *p = pattern + 1;
    bool negated = p < end && (*p == '!' || *p == '^');
    bool found = false;
    p += negated;
    for (const char *first = p; p < end && (*p != ']' || p == first); p++) {
        char low = *p, high = *p;
        if (p + 2 < end && p[1] == '-' && p[2] != ']') {
            high = p[2];
            p += 2;
        }
        found = found || (c >= low && c <= high);
    }
    return p < end && found != negated && c != '/' ? p + 1 : NULL;
}

static bool match_group(Match *match, const char *pattern, const char *end, const char *path)
{
    const char *close = memchr(pattern, '}', (size_t)(end - pattern));
    if (!close)
        return false;
    for (const char *item = pattern + 1; item <= close;) {
        const char *comma = memchr(item, ',', (size_t)(close - item));
        const char *item_end = comma ? comma : close;
        /* groups do not nest: each alternative is tried with all that follows the group */
        _cleanup_free_ char *whole =
            xasprintf("%.*s%.*s", (int)(item_end - item), item, (int)(end - close - 1), close + 1);
        if (match_here(match, whole, whole + strlen(whole), path))
            return true;
        item = item_end + 1;
    }
    return false;
}

static bool match_here(Match *match, const char *pattern, const char *end, const char *path)
{
    for (; pattern < end; path++) {
        if (++match->steps > STEPS_MAX)
            return false;
        if (*pattern == '*')
            return match_stars(match, pattern, end, path);
        if (*pattern == '{')
            return match_group(match, pattern, end, path);
        if (*path == '\0')
            return false;
        if (*pattern == '[') {
            pattern = match_class(pattern, end, *path);
            if (!pattern)
                return false;
            continue;
        }
        if (*pattern == '?' && *path != '/') {
            pattern++;
            continue;
        }
        if (*pattern == '\\' && pattern + 1 < end)
            pattern++;
        if (*pattern != *path)
            return false;
        pattern++;
    }
    return *path == '\0';
}

bool glob_match(const char *pattern, const char *path)
{
    Match match = {};
    while (starts_with(pattern, "./"))
        pattern += 2;
    return match_here(&match, pattern, pattern + strlen(pattern), path);
}

static int walk(int base, const char *path, unsigned depth, GlobPaths *ret)
{
    int fd = openat(base, *path ? path : ".", O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0)
        return outage(-errno);
    DIR *directory = fdopendir(fd);
    if (!directory) {
        close_fd(fd);
        return outage(-errno);
    }
    int r = 0;
    for (struct dirent *entry; r == 0 && (entry = readdir(directory));) {
        struct stat st;
        if (streq(entry->d_name, ".") || streq(entry->d_name, "..") ||
            fstatat(fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) < 0)
            continue;
        _cleanup_free_ char *child = xasprintf("%s%s%s", path, *path ? "/" : "", entry->d_name);
        if (S_ISDIR(st.st_mode) && depth > 0)
            r = walk(base, child, depth - 1, ret);
        else if (S_ISREG(st.st_mode))
            vec_push(ret, TAKE_PTR(child));
    }
    closedir(directory);
    return r;
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool matches_any(const char *path, const char *const *patterns, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (glob_match(patterns[i], path))
            return true;
    return false;
}

int glob_find(const char *directory, const char *const *patterns, size_t pattern_count, GlobPaths *ret)
{
    *ret = (GlobPaths){};
    _cleanup_(close_fdp) int base = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (base < 0)
        return outage(-errno);
    GlobPaths all = {};
    int r = walk(base, "", DEPTH_MAX, &all);
    for (size_t i = 0; r == 0 && i < all.count; i++)
        if (matches_any(all.items[i], patterns, pattern_count))
            vec_push(ret, TAKE_PTR(all.items[i]));
    glob_paths_done(&all);
    if (ret->count > 1)
        qsort(ret->items, ret->count, sizeof *ret->items, compare_texts);
    return r;
}

void glob_paths_done(GlobPaths *paths)
{
    for (size_t i = 0; i < paths->count; i++)
        free(paths->items[i]);
    vec_free(paths);
}
