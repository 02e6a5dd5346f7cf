/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Watches a directory tree. New directories are watched as they appear, and what was put into one before its watch
 * stood is reported too, so that nothing gets lost between. The user debounces: a save by an editor is several changes.
 */
#include "base/loop.h"

typedef struct Inotify Inotify;

typedef enum InotifyChange {
    INOTIFY_PATH,     /* path was written, made, renamed or removed */
    INOTIFY_OVERFLOW, /* changes were lost, or something cannot be watched: look at the whole tree; path is NULL */
    INOTIFY_GONE,     /* the tree's own directory was removed or renamed: nothing more will come; path is NULL */
} InotifyChange;

/* path: directory/sub/name, borrowed during the call. The callback may free the Inotify. */
typedef int (*InotifyCallback)(void *userdata, InotifyChange change, const char *path);

/* Watches directory and all below it. Changes from before are not reported: look at the tree after this call. -ENOENT
 * and -ENOTDIR when there is no such directory, -ENOSPC when fs.inotify.max_user_watches is reached. */
int inotify_new(Loop *loop, const char *directory, InotifyCallback callback, void *userdata,
                Inotify **ret) _must_check_;
Inotify *inotify_free(Inotify *inotify);
DEFINE_CLEANUP(Inotify *, inotify_free);
/* How many directories are watched. */
unsigned inotify_directories(const Inotify *inotify);
