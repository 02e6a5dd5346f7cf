/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * The settings: kestra.yaml and the files of kestra.d, checked against the table in conf_keys.h.
 *
 * Files are merged in this order: the file, then the directory's *.yaml in order of their names; a later one wins, maps
 * are merged key by key. A wrapper `kestra:` around everything is accepted, as Kestra's own files have it; so are
 * dotted keys (`server.listen: …`) and Kestra's free spelling of names (basePath, base_path, base-path). JSON is YAML
 * here.
 *
 * A secret setting that no file gives is read from $CREDENTIALS_DIRECTORY/NAME (LoadCredential= of the unit).
 */
#include <jansson.h>

#include "base/buffer.h"
#include "base/diag.h"

typedef struct Conf Conf;

typedef enum ConfKind {
    CONF_TEXT,
    CONF_ENUM,    /* one of .values */
    CONF_INTEGER, /* within .minimum and .maximum */
    CONF_BOOLEAN,
    CONF_DURATION,    /* "3s", "500ms", "5m", "1h", "2d", "PT3S", or a number of seconds */
    CONF_THOUSANDTHS, /* a decimal number, kept in thousandths */
    CONF_SIZE,        /* bytes: a number, or "512KiB", "10MiB", "1GiB" (also K, M, G) */
    CONF_MAP,
    CONF_LIST,
    CONF_TEXTS, /* a list of texts */
    CONF_PATHS, /* a list of absolute paths: conf_is_plain_path() */
} ConfKind;

typedef enum ConfFlags {
    CONF_RELOADABLE = 1 << 0, /* a reload of the role applies it */
    CONF_SECRET = 1 << 1,     /* never shown */
    CONF_FOREIGN = 1 << 2,    /* only so that Kestra's own files are accepted; not in the sample file */
} ConfFlags;

typedef struct ConfKey {
    const char *name; /* "server.listen" */
    ConfKind kind;
    const char *fallback;     /* as it would be written in the file; NULL: not set */
    int64_t minimum, maximum; /* integers, bytes, microseconds; both 0: no limit */
    unsigned flags;
    const char *const *values; /* CONF_ENUM; ends with NULL */
    const char *doc;
} ConfKey;

enum {
    CONF_E_INVALID = 1, /* the Diag says what, with file, line and column */
};

#define CONF_FILE      SYSCONFDIR "/kestra/kestra.yaml"
#define CONF_DIRECTORY SYSCONFDIR "/kestra/kestra.d"

/* Reads file and the directory's *.yaml; either may be NULL. A missing file is an error of the Diag, a missing
 * directory is empty. All problems are reported, not the first. */
int conf_load(const char *file, const char *directory, Conf **ret, Diag *diag) _must_check_;
/* What a running role does when it is told to read its settings again: reads what `running` was read from. 0: *ret has
 * the new ones, the level of the log is set, and what only a restart changes is named in the journal. Else the reason
 * is in the journal, with file, line and column, and the role goes on with what it has. */
int conf_reload(const Conf *running, Conf **ret) _must_check_;
/* Only defaults; for tests and tools. */
Conf *conf_new(void);
Conf *conf_free(Conf *conf);
DEFINE_CLEANUP(Conf *, conf_free);

/* `name` must be in the table with a fitting kind: anything else is a programmer's mistake and aborts. */
/* NULL when not set and without default. Borrowed. Also for CONF_ENUM. */
const char *conf_text(const Conf *conf, const char *name);
/* CONF_INTEGER, CONF_SIZE and CONF_THOUSANDTHS. */
int64_t conf_integer(const Conf *conf, const char *name);
bool conf_boolean(const Conf *conf, const char *name);
usec_t conf_usec(const Conf *conf, const char *name);
/* Any kind; an empty map or list when not set, NULL for others without a default. Borrowed. */
const json_t *conf_value(const Conf *conf, const char *name);
/* Whether a file (or credential) gave it. */
bool conf_is_set(const Conf *conf, const char *name);
/* Files with a secret that everybody may read, one sentence a line; NULL: none. Borrowed. */
const char *conf_exposed(const Conf *conf);
/* Names of the settings that differ and that no reload applies; a comma-separated text, empty when there are none. */
void conf_not_reloadable(const Conf *running, const Conf *wanted, Buffer *ret);

/* Reads a value as a setting of an integer kind is read; false when it does not fit. */
bool conf_read(ConfKind kind, const json_t *value, int64_t *ret);
/* Whether it is absolute and has no part that is empty, '.' or '..', so that paths can be compared as texts; one '/' at
 * the end is allowed. NULL is none. */
bool conf_is_plain_path(const char *path);
/* "size", "number"… for messages. */
const char *conf_kind_word(ConfKind kind);

/* The rows; ends with a NULL name. */
extern const ConfKey conf_keys[];
/* The row for `name` in its exact spelling, or NULL. */
const ConfKey *conf_key(const char *name);
/* kestra.yaml with every setting commented out at its default. */
void conf_print_yaml(Buffer *ret);
/* kestra.yaml(5) in man(7) macros. */
void conf_print_man(Buffer *ret);
