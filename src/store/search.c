/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL of searches is put together from constant pieces; what a user gives is bound or looked up in a table, never
 * pasted. Such statements are not prepared: their plans depend on the values.
 */
#include "store/search.h"

#include "base/clock.h"
#include "model/log_entry.h"
#include "model/state.h"
#include "when/duration.h"

#define FILTER_VALUES_MAX 1000

void search_init(Search *search, Diag *diag)
{
    *search = (Search){.parameters = pg_parameters_new(), .diag = diag, .system_namespace = "system"};
}

void search_done(Search *search)
{
    buffer_done(&search->where);
    search->parameters = pg_parameters_free(search->parameters);
}

static void invalid(Search *search, const char *path, const char *message)
{
    search->invalid = true;
    diag_error(search->diag, path, 0, 0, "%s", message);
}

/* Appends a condition; every ? becomes the parameter that was bound last. */
static void append(Search *search, const char *sql)
{
    buffer_append(&search->where, search->where.length ? " AND (" : " WHERE (");
    for (const char *c = sql; *c; c++) {
        if (*c == '?')
            buffer_printf(&search->where, "$%u", pg_parameters_count(search->parameters));
        else
            buffer_append_char(&search->where, *c);
    }
    buffer_append_char(&search->where, ')');
}

void search_raw(Search *search, const char *sql)
{
    append(search, sql);
}

void search_text(Search *search, const char *sql, const char *value)
{
    if (!value)
        return;
    pg_add_text(search->parameters, value);
    append(search, sql);
}

void search_instant(Search *search, const char *sql, usec_t value)
{
    if (!value)
        return;
    pg_add_instant(search->parameters, value);
    append(search, sql);
}

void search_integer(Search *search, const char *sql, int64_t value)
{
    pg_add_integer(search->parameters, value);
    append(search, sql);
}

void search_texts(Search *search, const char *sql, const char *const *values, size_t count)
{
    PgArray *array = pg_add_array(search->parameters, PG_TEXT);
    for (size_t i = 0; i < count; i++)
        pg_array_text(array, values[i]);
    append(search, sql);
}

void search_words(Search *search, const char *vector, const char *q)
{
    if (!q || !*q || streq(q, "*"))
        return;
    _cleanup_free_ char *sql = xasprintf("%s @@ kestra_query(?)", vector);
    search_text(search, sql, q);
}

/* "Below" is a range in byte order ('/' follows '.'), so that the index serves it. */
void search_namespace(Search *search, const char *namespace, bool exact)
{
    search_text(search, exact ? "namespace = ?" : "namespace = ? OR namespace >= ? || '.' AND namespace < ? || '/'",
                namespace);
}

void search_scope(Search *search, StoreScope scope)
{
    if (scope != STORE_SCOPE_ALL)
        search_text(search, scope == STORE_SCOPE_SYSTEM ? "namespace = ?" : "namespace <> ?", search->system_namespace);
}

static void label_condition(Search *search, const char *sql, const char *key, const char *value)
{
    _cleanup_json_ json_t *object = json_object();
    json_set_text(object, key, value);
    _cleanup_free_ char *text = json_text(object);
    pg_add_typed_text(search->parameters, PG_JSONB, text);
    append(search, sql);
}

void search_labels(Search *search, const StoreLabel *labels, size_t count)
{
    for (size_t i = 0; i < count; i++)
        label_condition(search, "labels @> ?", labels[i].key, labels[i].value);
}

/* --- filters[field][OP]=value --- */

/* %s is the column; ? the value. What is not here is refused. */
typedef struct OperatorRow {
    const char *name, *sql;
    bool is_list;
} OperatorRow;
static const OperatorRow text_operators[] = {
    {"EQUALS", "%s = ?", false},
    {"NOT_EQUALS", "%s IS DISTINCT FROM ?", false},
    {"IN", "%s = ANY (?)", true},
    {"NOT_IN", "%s <> ALL (?)", true},
    {"STARTS_WITH", "starts_with(%s, ?)", false},
    {"ENDS_WITH", "right(%s, length(?)) = ?", false},
    {"CONTAINS", "strpos(%s, ?) > 0", false},
    {"REGEX", "%s ~ ?", false},
    {"PREFIX", "%1$s = ? OR starts_with(%1$s, ? || '.')", false},
    {},
};
static const OperatorRow instant_operators[] = {
    {"EQUALS", "%s = ?", false},
    {"NOT_EQUALS", "%s <> ?", false},
    {"GREATER_THAN", "%s > ?", false},
    {"GREATER_THAN_OR_EQUAL_TO", "%s >= ?", false},
    {"LESS_THAN", "%s < ?", false},
    {"LESS_THAN_OR_EQUAL_TO", "%s <= ?", false},
    {},
};

/* Fields whose values mean something: only the same or another. */
static const OperatorRow equality_operators[] = {
    {"EQUALS", NULL, false},
    {"NOT_EQUALS", NULL, false},
    {},
};
static const OperatorRow equals_operator[] = {
    {"EQUALS", NULL, false},
    {},
};
static const OperatorRow set_operators[] = {
    {"EQUALS", NULL, true}, {"NOT_EQUALS", NULL, true}, {"IN", NULL, true}, {"NOT_IN", NULL, true}, {},
};

/* The row; NULL: refused. */
static const OperatorRow *find_operator(Search *search, const OperatorRow *rows, const StoreFilter *filter)
{
    for (; rows->name; rows++)
        if (streq(rows->name, filter->op))
            return rows;
    invalid(search, filter->field, "Unknown operator of a filter");
    return NULL;
}

static bool is_negated(const StoreFilter *filter)
{
    return starts_with(filter->op, "NOT_");
}

/* The values of a list, cut at commas. False: refused. */
static bool split_values(Search *search, const char *value, Texts *ret)
{
    for (const char *start = value; ret->count < FILTER_VALUES_MAX; start++) {
        size_t length = strcspn(start, ",");
        vec_push(ret, xstrndup(start, length));
        start += length;
        if (!*start)
            return true;
    }
    invalid(search, "filters", "Too many values in a filter");
    return false;
}

static void bind_texts(Search *search, const Texts *texts)
{
    PgArray *array = pg_add_array(search->parameters, PG_TEXT);
    for (size_t i = 0; i < texts->count; i++)
        pg_array_text(array, texts->items[i]);
}

static void filter_text(Search *search, const SearchField *field, const StoreFilter *filter)
{
    const OperatorRow *op = find_operator(search, text_operators, filter);
    _cleanup_texts_ Texts values = {};
    if (!op || (op->is_list && !split_values(search, filter->value, &values)))
        return;
    if (op->is_list)
        bind_texts(search, &values);
    else
        pg_add_text(search->parameters, filter->value);
    _cleanup_free_ char *sql = xasprintf(op->sql, field->sql);
    append(search, sql);
}

/* A misspelt state is refused: with NOT_EQUALS it would select everything. */
static void filter_state(Search *search, const SearchField *field, const StoreFilter *filter)
{
    _cleanup_texts_ Texts values = {};
    const OperatorRow *op = find_operator(search, set_operators, filter);
    if (!op || !split_values(search, filter->value, &values))
        return;
    for (size_t i = 0; i < values.count; i++)
        if (state_from_string(values.items[i]) < 0) {
            invalid(search, filter->field, "Unknown state");
            return;
        }
    bind_texts(search, &values);
    _cleanup_free_ char *sql = xasprintf(is_negated(filter) ? "%s <> ALL (?)" : "%s = ANY (?)", field->sql);
    append(search, sql);
}

static void filter_instant(Search *search, const SearchField *field, const StoreFilter *filter)
{
    const OperatorRow *op = find_operator(search, instant_operators, filter);
    usec_t instant;
    if (!op)
        return;
    if (instant_parse(filter->value, &instant) != 0) {
        invalid(search, filter->field, "Not a date");
        return;
    }
    pg_add_instant(search->parameters, MAX(instant, (usec_t)1));
    _cleanup_free_ char *sql = xasprintf(op->sql, field->sql);
    append(search, sql);
}

static void filter_words(Search *search, const SearchField *field, const StoreFilter *filter)
{
    if (find_operator(search, equals_operator, filter))
        search_words(search, field->sql, filter->value);
}

/* --- labels --- */

/* One label as a condition; %s is the column. */
#define LABEL_IS    "%s @> ?"
#define LABEL_ISNT  "NOT %s @> ?"
#define LABEL_IN    "EXISTS (SELECT FROM unnest(?::text[]) AS pair WHERE %s @> pair::jsonb)"
#define LABEL_NOTIN "NOT EXISTS (SELECT FROM unnest(?::text[]) AS pair WHERE %s @> pair::jsonb)"
static const OperatorRow label_operators[] = {
    {"EQUALS", LABEL_IS, false},   {"NOT_EQUALS", LABEL_ISNT, false}, {"IN", LABEL_IN, true},
    {"NOT_IN", LABEL_NOTIN, true}, {"CONTAINS", NULL, false},         {},
};

/* {"key": "value"} of "key:value", or of the value when the key is given; NULL: neither. Caller frees. */
static char *label_text(const char *key, const char *value)
{
    const char *colon = strchr(value, ':');
    if (!key && (!colon || colon == value))
        return NULL;
    _cleanup_free_ char *own = key ? xstrdup(key) : xstrndup(value, (size_t)(colon - value));
    _cleanup_json_ json_t *object = json_object();
    json_set_text(object, own, key ? value : colon + 1);
    return json_text(object);
}

/* A part of the value of the label `key`, or of "key:part"; a bare text is part of any key or value. */
static void labels_contain(Search *search, const SearchField *field, const StoreFilter *filter)
{
    const char *value = filter->value, *colon = filter->key ? NULL : strchr(value, ':');
    _cleanup_free_ char *key = filter->key ? xstrdup(filter->key) : NULL, *sql = NULL;
    if (colon)
        key = xstrndup(value, (size_t)(colon - value));
    if (key) {
        /* its placeholder is spelt out, because ? is the parameter that is bound last */
        pg_add_text(search->parameters, key);
        sql = xasprintf("strpos(%s ->> $%u, ?) > 0", field->sql, pg_parameters_count(search->parameters));
    } else {
        sql = xasprintf("EXISTS (SELECT FROM jsonb_each_text(%s) AS label WHERE strpos(label.key, ?) > 0"
                        " OR strpos(label.value, ?) > 0)",
                        field->sql);
    }
    pg_add_text(search->parameters, colon ? colon + 1 : value);
    append(search, sql);
}

static void filter_labels(Search *search, const SearchField *field, const StoreFilter *filter)
{
    const OperatorRow *op = find_operator(search, label_operators, filter);
    if (!op)
        return;
    if (!op->sql) {
        labels_contain(search, field, filter);
        return;
    }
    _cleanup_texts_ Texts values = {}, labels = {};
    if (!op->is_list)
        vec_push(&values, xstrdup(filter->value));
    else if (!split_values(search, filter->value, &values))
        return;
    for (size_t i = 0; i < values.count; i++) {
        char *label = label_text(filter->key, values.items[i]);
        if (!label) {
            invalid(search, filter->field, "A filter on labels needs key:value");
            return;
        }
        vec_push(&labels, label);
    }
    if (op->is_list)
        bind_texts(search, &labels);
    else
        pg_add_typed_text(search->parameters, PG_JSONB, labels.items[0]);
    _cleanup_free_ char *sql = xasprintf(op->sql, field->sql);
    append(search, sql);
}

/* --- the others --- */

static void filter_range(Search *search, const SearchField *field, const StoreFilter *filter)
{
    usec_t range;
    if (!find_operator(search, equals_operator, filter))
        return;
    if (duration_parse(filter->value, &range) != 0) {
        invalid(search, filter->field, "Not a duration");
        return;
    }
    _cleanup_free_ char *sql = xasprintf("%s >= ?", field->sql);
    search_instant(search, sql, search->now > range ? search->now - range : 1);
}

static void filter_scope(Search *search, const SearchField *field _unused_, const StoreFilter *filter)
{
    _cleanup_texts_ Texts values = {};
    bool user = false, system = false;
    if (!find_operator(search, set_operators, filter) || !split_values(search, filter->value, &values))
        return;
    for (size_t i = 0; i < values.count; i++) {
        bool is_user = streq(values.items[i], "USER");
        if (!is_user && !streq(values.items[i], "SYSTEM")) {
            invalid(search, filter->field, "Unknown scope");
            return;
        }
        user |= is_user;
        system |= !is_user;
    }
    if (user != system)
        search_scope(search, user != is_negated(filter) ? STORE_SCOPE_USER : STORE_SCOPE_SYSTEM);
    else if (is_negated(filter))
        append(search, "false");
}

static void filter_child(Search *search, const SearchField *field, const StoreFilter *filter)
{
    bool child = streq(filter->value, "CHILD");
    if (!find_operator(search, equality_operators, filter))
        return;
    if (!child && !streq(filter->value, "MAIN")) {
        invalid(search, filter->field, "Unknown child filter");
        return;
    }
    if (is_negated(filter))
        child = !child;
    _cleanup_free_ char *sql = xasprintf(child ? "%s IS NOT NULL" : "%s IS NULL", field->sql);
    append(search, sql);
}

/* Exactly this level, all but it, or from a level on. */
static const OperatorRow level_operators[] = {
    {"EQUALS", "%s = ?", false},
    {"NOT_EQUALS", "%s <> ?", false},
    {"GREATER_THAN_OR_EQUAL_TO", "%s >= ?", false},
    {},
};
static const OperatorRow level_min_operators[] = {
    {"EQUALS", "%s >= ?", false},
    {"GREATER_THAN_OR_EQUAL_TO", "%s >= ?", false},
    {},
};

static void filter_level(Search *search, const SearchField *field, const StoreFilter *filter)
{
    int level = log_level_from_string(filter->value);
    const OperatorRow *op =
        find_operator(search, field->kind == SEARCH_LEVEL ? level_operators : level_min_operators, filter);
    if (!op)
        return;
    if (level < 0) {
        invalid(search, filter->field, "Unknown level");
        return;
    }
    _cleanup_free_ char *sql = xasprintf(op->sql, field->sql);
    search_integer(search, sql, level);
}

static void (*const filter_kinds[])(Search *, const SearchField *, const StoreFilter *) = {
    [SEARCH_TEXT] = filter_text,       [SEARCH_INSTANT] = filter_instant, [SEARCH_STATE] = filter_state,
    [SEARCH_WORDS] = filter_words,     [SEARCH_LABELS] = filter_labels,   [SEARCH_RANGE] = filter_range,
    [SEARCH_SCOPE] = filter_scope,     [SEARCH_CHILD] = filter_child,     [SEARCH_LEVEL] = filter_level,
    [SEARCH_LEVEL_MIN] = filter_level,
};

void search_filters(Search *search, const SearchField *fields, const StoreFilter *filters, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const SearchField *field = fields;
        while (field->name && !streq(field->name, filters[i].field))
            field++;
        if (field->name && filters[i].key && field->kind != SEARCH_LABELS)
            invalid(search, filters[i].field, "Only a filter on labels takes a key");
        else if (field->name)
            filter_kinds[field->kind](search, field, &filters[i]);
        else
            invalid(search, filters[i].field, "Unknown field of a filter");
    }
}

/* --- order, pages --- */

void search_order(Search *search, Buffer *sql, const SearchSort *columns, const StorePaging *paging,
                  const char *fallback, const char *tie)
{
    buffer_append(sql, " ORDER BY ");
    for (size_t i = 0; i < paging->sort_count; i++) {
        const char *sort = paging->sorts[i], *colon = strchr(sort, ':');
        size_t length = colon ? (size_t)(colon - sort) : strlen(sort);
        const SearchSort *column = columns;
        while (column->name && !(strlen(column->name) == length && strncmp(column->name, sort, length) == 0))
            column++;
        if (!column->name || !colon || strchr(colon + 1, ':')) {
            invalid(search, "sort", "Invalid sort parameter");
            return;
        }
        buffer_printf(sql, "%s%s, ", column->sql, streq(colon + 1, "asc") ? "" : " DESC");
    }
    if (paging->sort_count == 0)
        buffer_printf(sql, "%s, ", fallback);
    buffer_append(sql, tie);
}

void search_limit(Buffer *sql, const StorePaging *paging)
{
    if (paging->size == 0)
        return;
    uint64_t page = paging->page ? paging->page : 1;
    buffer_printf(sql, " LIMIT %u OFFSET %" PRIu64, paging->size, (page - 1) * paging->size);
}

static int outcome(const Search *search, Pg *pg, int r)
{
    if (r == PG_E_DATA) {
        diag_error(search->diag, NULL, 0, 0, "%s", pg_error(pg));
        return STORE_E_QUERY;
    }
    return fold(r);
}

int search_run(Search *search, Pg *pg, const char *sql, PgRows **ret)
{
    if (search->invalid)
        return STORE_E_QUERY;
    return outcome(search, pg, pg_run(pg, &(PgStatement){.sql = sql}, search->parameters, ret));
}

int search_stream(Search *search, Pg *pg, const char *sql, PgRowFunction *each, void *userdata)
{
    if (search->invalid)
        return STORE_E_QUERY;
    return outcome(search, pg, pg_stream(pg, &(PgStatement){.sql = sql}, search->parameters, each, userdata));
}

/* A first page that is not full tells the total by itself; only else the matches are counted. */
int search_page(Search *search, Pg *pg, const SearchPage *page, const StorePaging *paging, PgRows **ret,
                int64_t *ret_total)
{
    _cleanup_buffer_ Buffer sql = {}, count = {};
    buffer_printf(&sql, "SELECT %s FROM %s%s", page->columns, page->table, buffer_text(&search->where));
    search_order(search, &sql, page->sorts, paging, page->fallback, page->tie);
    search_limit(&sql, paging);
    _cleanup_rows_ PgRows *rows = NULL;
    int r = search_run(search, pg, buffer_text(&sql), &rows);
    if (r != 0)
        return r;
    int64_t total = (int64_t)pg_rows_count(rows);
    bool is_first = paging->page <= 1;
    if (ret_total && paging->size && !(is_first && total < paging->size)) {
        _cleanup_rows_ PgRows *counted = NULL;
        buffer_printf(&count, "SELECT count(*) FROM %s%s", page->table, buffer_text(&search->where));
        r = search_run(search, pg, buffer_text(&count), &counted);
        if (r != 0)
            return r;
        total = pg_value_integer(counted, 0, 0);
    }
    if (ret_total)
        *ret_total = total;
    *ret = TAKE_PTR(rows);
    return 0;
}

void search_take_texts(const PgRows *rows, Texts *ret)
{
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        vec_push(ret, xstrdup(pg_value(rows, i, 0)));
}
