/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A file is walked against the table: the walk carries the dotted path so far, and a value belongs to the row whose
 * name that path is; a path that is only the beginning of names must be a map. So the table needs no tree, and an
 * unknown key is one under which no row lies.
 *
 * Values are kept in one flat object, name → value, already in the form that the getters return: durations in
 * microseconds and sizes in bytes as integers.
 */
#include "doc/conf.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "doc/document.h"
#include "doc/json.h"

#include "doc/conf_keys.h"

#define FILE_MAX   ((size_t)1024 * 1024)
#define SECRET_MAX 4096

struct Conf {
    Buffer exposed;         /* conf_exposed */
    char *file, *directory; /* where it came from; NULL: none */
    json_t *values;         /* what files gave */
    json_t *defaults;       /* the rest */
    json_t *empty_map, *empty_list;
};

typedef struct Walk {
    Conf *conf;
    const Document *document;
    Diag *diag;
} Walk;

/* --- reading one value --- */

typedef struct Unit {
    const char *name;
    int64_t factor;
} Unit;

static const Unit duration_units[] = {
    {"us", 1},         {"ms", 1000},       {"s", 1000000},
    {"sec", 1000000},  {"m", 60000000},    {"min", 60000000},
    {"h", 3600000000}, {"d", 86400000000}, {},
};
static const Unit iso_units[] = {{"S", 1000000}, {"M", 60000000}, {"H", 3600000000}, {}};
static const Unit size_units[] = {
    {"KiB", 1024},
    {"MiB", 1048576},
    {"GiB", 1073741824},
    {"K", 1024},
    {"M", 1048576},
    {"G", 1073741824},
    {"KB", 1000},
    {"MB", 1000000},
    {"GB", 1000000000},
    {"B", 1},
    {},
};

/* A number with an optional fraction and one of the units at *p; false when it is none or too large. */
static bool take_quantity(const char **p, const Unit *units, int64_t *ret)
{
    int64_t whole = 0, fraction = 0, scale = 1;
    const char *start = *p;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(whole, 10, &whole) || __builtin_add_overflow(whole, **p - '0', &whole))
            return false;
    if (*p == start)
        return false;
    if (**p == '.')
        for ((*p)++; **p >= '0' && **p <= '9' && scale < 1000000; (*p)++, scale *= 10)
            fraction = fraction * 10 + (**p - '0');
    while (**p == ' ')
        (*p)++;
    size_t length = strspn(*p, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ");
    if (units == iso_units)
        length = MIN(length, (size_t)1);
    for (const Unit *unit = units; unit->name; unit++)
        if (strlen(unit->name) == length && strncmp(unit->name, *p, length) == 0) {
            *p += length;
            int64_t more = fraction * (unit->factor / scale) + fraction * (unit->factor % scale) / scale;
            return !__builtin_mul_overflow(whole, unit->factor, ret) && !__builtin_add_overflow(*ret, more, ret);
        }
    return false;
}

static bool parse_duration(const char *text, int64_t *ret)
{
    int64_t days = 0, total = 0, part;
    if (*text != 'P')
        return take_quantity(&text, duration_units, ret) && !*text;
    text++;
    if (*text != 'T') {
        static const Unit day[] = {{"D", 86400000000}, {"DT", 86400000000}, {}};
        if (!take_quantity(&text, day, &days))
            return false;
        total = days;
        if (text[-1] != 'T') {
            *ret = total;
            return !*text;
        }
        text--;
    }
    for (text++; *text; total += part)
        if (!take_quantity(&text, iso_units, &part) || part > INT64_MAX / 4 || total > INT64_MAX / 4)
            return false;
    *ret = total;
    return text[-1] != 'T';
}

static json_t *read_boolean(const json_t *value)
{
    if (json_is_boolean(value))
        return json_boolean(json_is_true(value));
    const char *text = json_string_value(value); /* quoted, or from an environment variable of a container */
    if (text && (streq(text, "true") || streq(text, "false")))
        return json_boolean(streq(text, "true"));
    return NULL;
}

static json_t *read_integer(const json_t *value)
{
    static const Unit plain[] = {{"", 1}, {}};
    int64_t number;
    if (json_is_integer(value))
        return json_integer(json_integer_value(value));
    const char *text = json_string_value(value);
    return text && !strchr(text, '.') && take_quantity(&text, plain, &number) && !*text ? json_integer(number) : NULL;
}

static json_t *read_duration(const json_t *value)
{
    int64_t usec;
    if (json_is_number(value)) {
        double seconds = json_number_value(value);
        return seconds >= 0 && seconds < 1e12 ? json_integer((json_int_t)(seconds * 1e6 + 0.5)) : NULL;
    }
    return json_is_string(value) && parse_duration(json_string_value(value), &usec) ? json_integer(usec) : NULL;
}

static json_t *read_size(const json_t *value)
{
    int64_t bytes;
    if (json_is_integer(value))
        return json_integer(json_integer_value(value));
    const char *text = json_string_value(value);
    return text && take_quantity(&text, size_units, &bytes) && !*text ? json_integer(bytes) : read_integer(value);
}

static json_t *read_thousandths(const json_t *value)
{
    static const Unit thousand[] = {{"", 1000}, {}};
    int64_t number;
    double real = json_number_value(value);
    if (json_is_number(value))
        return real >= 0 && real < 1e12 ? json_integer((json_int_t)(real * 1000 + 0.5)) : NULL;
    const char *text = json_string_value(value);
    return text && take_quantity(&text, thousand, &number) && !*text ? json_integer(number) : NULL;
}

static json_t *read_text(const json_t *value)
{
    return json_is_string(value) ? json_copy((json_t *)(uintptr_t)value) : NULL;
}

static json_t *read_map(const json_t *value)
{
    return json_is_object(value) ? json_deep_copy(value) : NULL;
}

static json_t *read_list(const json_t *value)
{
    return json_is_array(value) ? json_deep_copy(value) : NULL;
}

bool conf_is_plain_path(const char *path)
{
    return path && *path == '/' && !strstr(path, "//") && !strstr(path, "/./") && !strstr(path, "/../") &&
           !ends_with(path, "/.") && !ends_with(path, "/..");
}

static bool is_any_text(const char *text)
{
    return text != NULL;
}

static bool is_list_of(const json_t *list, bool (*fits)(const char *text))
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (!fits(json_string_value(item)))
            return false;
    return json_is_array(list);
}

static json_t *read_texts(const json_t *value)
{
    return is_list_of(value, is_any_text) ? json_deep_copy(value) : NULL;
}

static json_t *read_paths(const json_t *value)
{
    return is_list_of(value, conf_is_plain_path) ? json_deep_copy(value) : NULL;
}

/* How a kind is read (NULL: the value does not fit) and called in messages and the man page. */
static const struct {
    json_t *(*read)(const json_t *value);
    const char *expected, *word;
} kinds[] = {
    [CONF_TEXT] = {read_text, "must be a text", "text"},
    [CONF_ENUM] = {read_text, "must be a text", "word"},
    [CONF_INTEGER] = {read_integer, "must be a whole number", "number"},
    [CONF_BOOLEAN] = {read_boolean, "must be true or false", "true or false"},
    [CONF_DURATION] = {read_duration, "must be a duration such as 3s, 5m or PT3S", "duration"},
    [CONF_THOUSANDTHS] = {read_thousandths, "must be a number such as 2 or 0.5", "number"},
    [CONF_SIZE] = {read_size, "must be a number of bytes such as 4096 or 10MiB", "size"},
    [CONF_MAP] = {read_map, "must be a map", "map"},
    [CONF_LIST] = {read_list, "must be a list", "list"},
    [CONF_TEXTS] = {read_texts, "must be a list of texts", "list of texts"},
    [CONF_PATHS] = {read_paths, "must be a list of absolute paths without '.' and '..'", "list of paths"},
};

static bool is_listed(const ConfKey *key, const char *text)
{
    for (const char *const *value = key->values; *value; value++)
        if (streq(*value, text))
            return true;
    return false;
}

static void list_values(const ConfKey *key, const char *separator, Buffer *ret)
{
    for (const char *const *value = key->values; *value; value++)
        buffer_printf(ret, "%s%s", value == key->values ? "" : separator, *value);
}

static void print_quantity(ConfKind kind, int64_t value, Buffer *ret)
{
    if (kind == CONF_THOUSANDTHS) {
        buffer_printf(ret, "%g", (double)value / 1000);
        return;
    }
    const Unit *units = kind == CONF_DURATION ? duration_units : size_units;
    const Unit *best = NULL;
    for (const Unit *unit = units; unit->name && kind != CONF_INTEGER; unit++)
        if (value && value % unit->factor == 0 && unit->factor > (best ? best->factor : 0))
            best = unit;
    buffer_printf(ret, "%" PRIi64 "%s", best ? value / best->factor : value, best ? best->name : "");
}

static bool is_list(ConfKind kind)
{
    return kind == CONF_LIST || kind == CONF_TEXTS || kind == CONF_PATHS;
}

/* The value in its final form, or NULL with the reason in `problem`. New. */
static json_t *read_value(const ConfKey *key, const json_t *value, Buffer *problem)
{
    _cleanup_json_ json_t *read = kinds[key->kind].read(value);
    if (!read) {
        buffer_append(problem, kinds[key->kind].expected);
        return NULL;
    }
    if (key->kind == CONF_ENUM && !is_listed(key, json_string_value(read))) {
        buffer_append(problem, "must be one of ");
        list_values(key, ", ", problem);
        return NULL;
    }
    json_int_t number = json_integer_value(read);
    if (json_is_integer(read) && (key->minimum || key->maximum) && (number < key->minimum || number > key->maximum)) {
        buffer_append(problem, "must be between ");
        print_quantity(key->kind, key->minimum, problem);
        buffer_append(problem, " and ");
        print_quantity(key->kind, key->maximum, problem);
        return NULL;
    }
    return json_incref(read);
}

/* --- the walk --- */

const ConfKey *conf_key(const char *name)
{
    for (const ConfKey *key = conf_keys; key->name; key++)
        if (streq(key->name, name))
            return key;
    return NULL;
}

/* Kestra's free spelling: case, '-' and '_' do not matter. Returns how much of `name` the path covers, 0: it differs.
 */
static size_t match_path(const char *name, const char *path)
{
    const char *p = name;
    for (; *path; path++) {
        if (*path == '-' || *path == '_')
            continue;
        while (*p == '-')
            p++;
        char c = *path >= 'A' && *path <= 'Z' ? (char)(*path - 'A' + 'a') : *path;
        if (*p != c)
            return 0;
        p++;
    }
    return *p == 0 || *p == '.' ? (size_t)(p - name) : 0;
}

/* The row that the path names, or NULL; *ret_inner: rows lie below the path. */
static const ConfKey *find_key(const char *path, bool *ret_inner)
{
    const ConfKey *found = NULL;
    *ret_inner = false;
    for (const ConfKey *key = conf_keys; key->name; key++) {
        size_t covered = match_path(key->name, path);
        if (covered && !key->name[covered])
            found = key;
        else if (covered)
            *ret_inner = true;
    }
    return found;
}

static void report(const Walk *walk, const json_t *parent, const char *key, const char *path, const char *text)
{
    unsigned line, column;
    document_position(walk->document, parent, key, 0, &line, &column);
    diag_error(walk->diag, path, line, column, "%s", text);
}

static void store(const Walk *walk, const ConfKey *row, const json_t *parent, const char *key, const json_t *value)
{
    _cleanup_buffer_ Buffer problem = {};
    if (json_is_null(value))
        return; /* `key:` with nothing behind it, as a commented-out value leaves it */
    json_t *read = read_value(row, value, &problem);
    if (!read) {
        report(walk, parent, key, row->name, buffer_text(&problem));
        return;
    }
    const json_t *before = json_object_get(walk->conf->values, row->name);
    if (before && row->kind == CONF_MAP) {
        json_t *merged = json_merged(before, read);
        json_decref(read);
        read = merged;
    }
    json_object_set_new(walk->conf->values, row->name, read);
}

static void report_unknown(const Walk *walk, const json_t *parent, const char *key, const char *path)
{
    for (size_t i = 0; i < ELEMENTS(foreign_keys); i++)
        if (streq(foreign_keys[i].name, path)) {
            _cleanup_free_ char *text = xasprintf("is a setting of Kestra on Java; here %s", foreign_keys[i].instead);
            report(walk, parent, key, path, text);
            return;
        }
    report(walk, parent, key, path, "no such setting");
}

static void walk_map(const Walk *walk, json_t *map, const char *prefix)
{
    const char *key;
    json_t *value;
    json_object_foreach (map, key, value) {
        _cleanup_free_ char *path = xasprintf("%s%s%s", prefix, *prefix ? "." : "", key);
        bool inner, top = !*prefix && streq(key, "kestra");
        const ConfKey *row = find_key(path, &inner);
        if (row && !(inner && json_is_object(value)))
            store(walk, row, map, key, value);
        else if ((inner || top) && json_is_object(value))
            walk_map(walk, value, top ? "" : path);
        else if (inner || top) {
            if (!json_is_null(value))
                report(walk, map, key, path, "must be a map");
        } else
            report_unknown(walk, map, key, path);
    }
}

/* --- files --- */

static int read_file(const char *path, size_t bytes_max, char **ret_text, size_t *ret_length)
{
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) < 0)
        return -errno;
    if (S_ISDIR(info.st_mode))
        return -EISDIR;
    _cleanup_free_ char *text = xmalloc(bytes_max + 2);
    size_t length = 0;
    while (length <= bytes_max) {
        ssize_t n = read(fd, text + length, bytes_max + 1 - length);
        if (n < 0)
            return -errno;
        if (n == 0)
            break;
        length += (size_t)n;
    }
    if (length > bytes_max)
        return -EFBIG;
    text[length] = 0;
    *ret_text = TAKE_PTR(text);
    *ret_length = length;
    return 0;
}

/* A connection string is one only with a password in it: "password=…", or "//user:…@host". */
static bool holds_secret(const ConfKey *key, const char *text)
{
    if (!streq(key->name, "postgresql.dsn"))
        return key->flags & CONF_SECRET;
    return strstr(text, "password=") || (strstr(text, "://") && strchr(text, '@'));
}

/* before: values as they were before this file. */
static void note_exposed(Conf *conf, const char *path, const json_t *before)
{
    struct stat info;
    if (stat(path, &info) < 0 || !(info.st_mode & S_IROTH))
        return;
    for (const ConfKey *key = conf_keys; key->name; key++) {
        const json_t *value = json_object_get(conf->values, key->name);
        const char *text = json_string_value(value);
        if (text && *text && holds_secret(key, text) && value != json_object_get(before, key->name))
            buffer_printf(&conf->exposed, "%s%s holds %s, a secret, and everybody may read it: chmod o= %s",
                          conf->exposed.length ? "\n" : "", path, key->name, path);
    }
}

const char *conf_exposed(const Conf *conf)
{
    return conf->exposed.length ? conf->exposed.text : NULL;
}

static int load_file(Conf *conf, const char *path, Diag *diag)
{
    _cleanup_json_ json_t *before = json_copy(conf->values);
    _cleanup_free_ char *text = NULL;
    _cleanup_(document_freep) Document *document = NULL;
    size_t length = 0, first = diag->entries.count;
    int r = read_file(path, FILE_MAX, &text, &length);
    if (r < 0) {
        errno = -r;
        diag_error(diag, NULL, 0, 0, "cannot be read: %m");
    } else {
        r = document_parse(text, length, NULL, &document, diag);
        if (r < 0)
            return trace(r);
        json_t *root = r == 0 ? document_root(document) : NULL;
        Walk walk = {.conf = conf, .document = document, .diag = diag};
        if (json_is_object(root))
            walk_map(&walk, root, "");
        else if (root && !json_is_null(root))
            diag_error(diag, NULL, 1, 1, "must be a map of settings");
    }
    diag_set_source(diag, first, path);
    note_exposed(conf, path, before);
    return 0;
}

static int is_yaml(const struct dirent *entry)
{
    return entry->d_name[0] != '.' && (ends_with(entry->d_name, ".yaml") || ends_with(entry->d_name, ".yml"));
}

static int compare_names(const struct dirent **a, const struct dirent **b)
{
    return strcmp((*a)->d_name, (*b)->d_name); /* the same order in every locale */
}

static int load_directory(Conf *conf, const char *directory, Diag *diag)
{
    struct dirent **entries;
    int count = scandir(directory, &entries, is_yaml, compare_names), r = 0;
    if (count < 0 && (errno == ENOENT || errno == ENOTDIR))
        return 0;
    if (count < 0) {
        size_t first = diag->entries.count;
        diag_error(diag, NULL, 0, 0, "cannot be read: %m");
        diag_set_source(diag, first, directory);
        return 0;
    }
    for (int i = 0; i < count; i++) {
        _cleanup_free_ char *path = xasprintf("%s/%s", directory, entries[i]->d_name);
        if (r >= 0)
            r = load_file(conf, path, diag);
        free(entries[i]);
    }
    free(entries);
    return r;
}

static void load_credentials(Conf *conf)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    for (const ConfKey *key = conf_keys; directory && key->name; key++) {
        if (!(key->flags & CONF_SECRET) || json_object_get(conf->values, key->name))
            continue;
        _cleanup_free_ char *path = xasprintf("%s/%s", directory, key->name), *text = NULL;
        size_t length;
        if (read_file(path, SECRET_MAX, &text, &length) < 0)
            continue; /* not passed */
        text[strcspn(text, "\n")] = 0;
        json_object_set_new(conf->values, key->name, json_string(text));
    }
}

/* Rules between settings. */
static void check_relations(const Conf *conf, Diag *diag)
{
    if (conf_usec(conf, "lease.time") < 2 * conf_usec(conf, "heartbeat.interval"))
        diag_error(diag, "lease.time", 0, 0, "must be at least twice heartbeat.interval");
}

/* A setting that has Kestra's name beside its own: the own name wins. */
static void apply_aliases(Conf *conf)
{
    static const char *const aliases[][2] = {{"url", "server.url"}, {"tasks.tmp-dir.path", "worker.tmp-directory"}};
    for (size_t i = 0; i < ELEMENTS(aliases); i++) {
        json_t *value = json_object_get(conf->values, aliases[i][0]);
        if (value && !json_object_get(conf->values, aliases[i][1]))
            json_object_set(conf->values, aliases[i][1], value);
    }
}

Conf *conf_new(void)
{
    Conf *conf = xnew(Conf);
    conf->values = json_object();
    conf->defaults = json_object();
    conf->empty_map = json_object();
    conf->empty_list = json_array();
    for (const ConfKey *key = conf_keys; key->name; key++) {
        if (!key->fallback)
            continue;
        _cleanup_buffer_ Buffer problem = {};
        _cleanup_json_ json_t *text = json_string(key->fallback);
        json_t *value = read_value(key, text, &problem);
        if (!value) { /* a mistake in the table, which the unit test finds */
            (void)fprintf(stderr, "conf_keys.h: %s: default %s\n", key->name, buffer_text(&problem));
            abort();
        }
        json_object_set_new(conf->defaults, key->name, value);
    }
    return conf;
}

Conf *conf_free(Conf *conf)
{
    if (!conf)
        return NULL;
    free(conf->file);
    free(conf->directory);
    json_decref(conf->values);
    json_decref(conf->defaults);
    json_decref(conf->empty_map);
    json_decref(conf->empty_list);
    buffer_done(&conf->exposed);
    free(conf);
    return NULL;
}

int conf_load(const char *file, const char *directory, Conf **ret, Diag *diag)
{
    Diag own = DIAG_INIT; /* counted, even when the caller does not want the texts */
    _cleanup_(conf_freep) Conf *conf = conf_new();
    conf->file = xstrdup_null(file);
    conf->directory = xstrdup_null(directory);
    int r = file ? load_file(conf, file, &own) : 0;
    if (r >= 0 && directory)
        r = load_directory(conf, directory, &own);
    if (r >= 0) {
        load_credentials(conf);
        apply_aliases(conf);
        check_relations(conf, &own);
    }
    bool invalid = own.errors > 0;
    if (diag)
        diag_move(diag, &own);
    diag_done(&own);
    if (r < 0)
        return trace(r);
    if (invalid)
        return CONF_E_INVALID;
    *ret = TAKE_PTR(conf);
    return 0;
}

int conf_reload(const Conf *running, Conf **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int r = conf_load(running->file, running->directory, ret, &diag);
    if (r != 0) {
        _cleanup_free_ char *text = diag_format(&diag, NULL);
        log_event(SETTINGS_INVALID, "Settings are wrong and stay as they were: %s", *text ? text : strerrordesc_np(-r));
        return r;
    }
    _cleanup_buffer_ Buffer names = {};
    conf_not_reloadable(running, *ret, &names);
    if (names.length)
        log_notice("Only a restart changes: %s", names.text);
    log_set_level(log_level_parse(conf_text(*ret, "log.level")));
    return 0;
}

/* --- getters --- */

static const json_t *value_of(const Conf *conf, const char *name, unsigned kinds_allowed)
{
    const ConfKey *key = conf_key(name);
    if (!key || !(kinds_allowed & 1U << key->kind)) {
        (void)fprintf(stderr, "conf: %s is not a setting of this kind\n", name);
        abort();
    }
    const json_t *value = json_object_get(conf->values, name);
    if (!value)
        value = json_object_get(conf->defaults, name);
    if (!value && key->kind == CONF_MAP)
        value = conf->empty_map;
    if (!value && is_list(key->kind))
        value = conf->empty_list;
    return value;
}

const char *conf_text(const Conf *conf, const char *name)
{
    return json_string_value(value_of(conf, name, 1U << CONF_TEXT | 1U << CONF_ENUM));
}

int64_t conf_integer(const Conf *conf, const char *name)
{
    return json_integer_value(value_of(conf, name, 1U << CONF_INTEGER | 1U << CONF_SIZE | 1U << CONF_THOUSANDTHS));
}

bool conf_boolean(const Conf *conf, const char *name)
{
    return json_is_true(value_of(conf, name, 1U << CONF_BOOLEAN));
}

usec_t conf_usec(const Conf *conf, const char *name)
{
    return (usec_t)json_integer_value(value_of(conf, name, 1U << CONF_DURATION));
}

bool conf_read(ConfKind kind, const json_t *value, int64_t *ret)
{
    _cleanup_json_ json_t *read = kinds[kind].read(value);
    if (!json_is_integer(read))
        return false;
    *ret = json_integer_value(read);
    return true;
}

const char *conf_kind_word(ConfKind kind)
{
    return kinds[kind].word;
}

const json_t *conf_value(const Conf *conf, const char *name)
{
    return value_of(conf, name, ~0U);
}

bool conf_is_set(const Conf *conf, const char *name)
{
    (void)value_of(conf, name, ~0U); /* only to refuse a wrong name */
    return json_object_get(conf->values, name) != NULL;
}

void conf_not_reloadable(const Conf *running, const Conf *wanted, Buffer *ret)
{
    for (const ConfKey *key = conf_keys; key->name; key++) {
        const json_t *before = conf_value(running, key->name), *after = conf_value(wanted, key->name);
        if (key->flags & CONF_RELOADABLE || before == after || json_equal(before, after))
            continue;
        buffer_printf(ret, "%s%s", ret->length ? ", " : "", key->name);
    }
}

/* --- texts made from the table --- */

/* The texts are checked in, so they name the place of the package wherever this build is to be installed. */
static char *printed_fallback(const ConfKey *key)
{
    return starts_with(key->fallback, PKGDATADIR "/")
               ? xasprintf("/usr/share/kestra%s", key->fallback + strlen(PKGDATADIR))
               : xstrdup(key->fallback);
}

static void print_yaml_default(const ConfKey *key, Buffer *ret)
{
    if (!key->fallback)
        buffer_append(ret, key->kind == CONF_MAP ? " {}" : is_list(key->kind) ? " []" : "");
    else if (key->kind == CONF_TEXT) {
        _cleanup_free_ char *fallback = printed_fallback(key);
        buffer_append_char(ret, ' ');
        buffer_append_json(ret, fallback);
    } else
        buffer_printf(ret, " %s", key->fallback);
    buffer_append_char(ret, '\n');
}

void conf_print_yaml(Buffer *ret)
{
    buffer_append(ret, "# Settings of kestra; see kestra.yaml(5). Every line shows the default.\n"
                       "# Files in kestra.d/*.yaml are read after this one and win.\n"
                       "# `kestractl config check` tells whether what you wrote is right.\n");
    for (const ConfKey *key = conf_keys; key->name; key++) {
        if (key->flags & CONF_FOREIGN)
            continue;
        buffer_printf(ret, "\n# %s\n", key->doc);
        buffer_printf(ret, "#%s:", key->name); /* dotted, so that one line can be uncommented by itself */
        print_yaml_default(key, ret);
    }
}

static void print_man_text(const char *text, Buffer *ret)
{
    for (; *text; text++) {
        if (*text == '-' || *text == '\\')
            buffer_append_char(ret, '\\');
        buffer_append_char(ret, *text);
    }
}

static void print_man_key(const ConfKey *key, Buffer *ret)
{
    buffer_append(ret, ".TP\n.B ");
    print_man_text(key->name, ret);
    buffer_printf(ret, "\n(%s", kinds[key->kind].word);
    if (key->kind == CONF_ENUM) {
        buffer_append(ret, ": ");
        list_values(key, ", ", ret);
    }
    if (key->minimum || (key->maximum && key->maximum != INT64_MAX)) {
        buffer_append(ret, ", ");
        print_quantity(key->kind, key->minimum, ret);
        buffer_append(ret, " to ");
        print_quantity(key->kind, key->maximum, ret);
    }
    if (key->fallback && *key->fallback) {
        _cleanup_free_ char *fallback = printed_fallback(key);
        buffer_append(ret, "; default ");
        print_man_text(fallback, ret);
    }
    buffer_printf(ret, "%s%s)\n", key->flags & CONF_RELOADABLE ? "; applied by reload" : "",
                  key->flags & CONF_SECRET ? "; secret" : "");
    print_man_text(key->doc, ret);
    buffer_append_char(ret, '\n');
}

void conf_print_man(Buffer *ret)
{
    buffer_append(ret,
                  ".\\\" SPDX-License-Identifier: Apache-2.0\n"
                  ".\\\" Made from src/doc/conf_keys.h by tools/conf-doc\n"
                  ".TH KESTRA.YAML 5 \"\" kestra\n.SH NAME\nkestra.yaml \\- settings of kestra\n"
                  ".SH SYNOPSIS\n/etc/kestra/kestra.yaml\n.br\n/etc/kestra/kestra.d/*.yaml\n"
                  ".SH DESCRIPTION\nEvery role reads these files when it starts and when it is reloaded: first the "
                  "file, then those of the directory in the order of their names. What comes later wins; maps are "
                  "merged. The files are YAML, or JSON. A top\\-level key\n.B kestra\naround everything is accepted, "
                  "and so are dotted keys.\n.PP\nAn unknown setting or a value of the wrong kind is refused with "
                  "file, line and column, and the role does not start;\n.B kestractl config check\nasks beforehand.\n"
                  ".PP\nA secret that no file gives is taken from the systemd credential of the same name.\n"
                  ".SH SETTINGS\n");
    for (const ConfKey *key = conf_keys; key->name; key++)
        print_man_key(key, ret);
    buffer_append(ret, ".SH SEE ALSO\n.BR kestractl (1)\n");
}
