/* SPDX-License-Identifier: Apache-2.0 */
#include "executor/locked.h"

#include "base/log.h"

void locked_done(Locked *locked)
{
    for (size_t i = 0; i < locked->keys.count; i++)
        free(locked->keys.items[i]);
    vec_free(&locked->keys);
}

bool locked_has(const Locked *locked, const char *key)
{
    for (size_t i = 0; i < locked->keys.count; i++)
        if (streq(locked->keys.items[i], key))
            return true;
    return false;
}

void locked_add(Locked *locked, const char *const *keys, size_t count, usec_t now)
{
    locked->asked = now;
    for (size_t i = 0; i < count; i++) {
        if (locked_has(locked, keys[i]))
            continue;
        vec_push(&locked->keys, xstrdup(keys[i]));
        log_warning("Execution %s waits: a session that is none of ours holds its rows (pg_locks shows it)", keys[i]);
    }
}

int locked_release(Locked *locked, Queue *queue, usec_t now)
{
    if (!locked->keys.count || now < locked->asked + LOCKED_ASK_USEC)
        return 0;
    locked->asked = now;
    _cleanup_free_ bool *still = xnew_n(bool, locked->keys.count);
    int r = queue_are_locked(queue, (const char *const *)locked->keys.items, locked->keys.count, still);
    if (r != 0)
        return fold(r);
    size_t kept = 0;
    for (size_t i = 0; i < locked->keys.count; i++) {
        char *key = locked->keys.items[i];
        if (still[i]) {
            locked->keys.items[kept++] = key;
            continue;
        }
        log_info("Rows of execution %s are free again: it goes on", key);
        free(key);
    }
    locked->keys.count = kept;
    return 0;
}
