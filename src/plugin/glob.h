/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Globs over relative paths as Java's PathMatcher reads them: * and ? stay within a directory, ** does not, [a-z],
 * {a,b}. */
#include "base/base.h"

bool glob_match(const char *pattern, const char *path);
/* Paths (relative, sorted) of the regular files below `directory` that match any of `patterns`; symbolic links are not
 * followed. Caller frees texts and vector with glob_paths_done. */
typedef VEC(char *) GlobPaths;
int glob_find(const char *directory, const char *const *patterns, size_t pattern_count, GlobPaths *ret) _must_check_;
void glob_paths_done(GlobPaths *paths);
