/* SPDX-License-Identifier: Apache-2.0 */
/*
 * SQL of searches is put together from constant pieces; what a user gives is bound or looked up in a table, never
 * pasted. Such statements are not prepared: their plans depend on the values.
 */
#include "store/search.h"

#include "base/clock.h"
#include "model/log_entry.h"
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

static const OperatorRow *find_operator(const OperatorRow *rows, const char *name)
{
    for (; rows->name; rows++)
        if (streq(rows->name, name))
            return rows;
    return NULL;
}

static void bind_list(Search *search, const char *value)
{
    PgArray *array = pg_add_array(search->parameters, PG_TEXT);
    const char *start = value;
    for (unsigned i = 0; i < FILTER_VALUES_MAX; i++) {
        size_t length = strcspn(start, ",");
        _cleanup_free_ char *item = xstrndup(start, length);
        pg_array_text(array, item);
        if (!start[length])
            return;
        start += length + 1;
    }
    invalid(search, "filters", "Too many values in a filter");
}

static void filter_text(Search *search, const SearchField *field, const StoreFilter *filter)
{
    const OperatorRow *op = find_operator(text_operators, filter->op);
    if (!op) {
        invalid(search, filter->field, "Unknown operator of a filter");
        return;
    }
    if (op->is_list)
        bind_list(search, filter->value);
    else
        pg_add_text(search->parameters, filter->value);
    _cleanup_free_ char *sql = xasprintf(op->sql, field->sql);
    append(search, sql);
}

static void filter_instant(Search *search, const SearchField *field, const StoreFilter *filter)
{
    const OperatorRow *op = find_operator(instant_operators, filter->op);
    usec_t instant;
    if (!op || instant_parse(filter->value, &instant) != 0) {
        invalid(search, filter->field, op ? "Not a date" : "Unknown operator of a filter");
        return;
    }
    pg_add_instant(search->parameters, MAX(instant, (usec_t)1));
    _cleanup_free_ char *sql = xasprintf(op->sql, field->sql);
    append(search, sql);
}

static void filter_namespace(Search *search, const SearchField *field, const StoreFilter *filter)
{
    StoreFilter below = *filter;
    if (streq(filter->op, "EQUALS"))
        below.op = "PREFIX";
    filter_text(search, field, &below);
}

static void filter_words(Search *search, const SearchField *field, const StoreFilter *filter)
{
    if (streq(filter->op, "EQUALS"))
        search_words(search, field->sql, filter->value);
    else
        invalid(search, filter->field, "Unknown operator of a filter");
}

static void filter_labels(Search *search, const SearchField *field, const StoreFilter *filter)
{
    _cleanup_free_ char *key = NULL;
    const char *value = filter->value, *colon = strchr(value, ':');
    if (filter->key) {
        key = xstrdup(filter->key);
    } else if (colon) {
        key = xstrndup(value, (size_t)(colon - value));
        value = colon + 1;
    }
    bool equals = streq(filter->op, "EQUALS");
    if (!key || (!equals && !streq(filter->op, "NOT_EQUALS"))) {
        invalid(search, filter->field, "A filter on labels needs a key, a value, and EQUALS or NOT_EQUALS");
        return;
    }
    _cleanup_free_ char *sql = xasprintf(equals ? "%s @> ?" : "NOT %s @> ?", field->sql);
    label_condition(search, sql, key, value);
}

static void filter_range(Search *search, const SearchField *field, const StoreFilter *filter)
{
    usec_t range;
    if (duration_parse(filter->value, &range) != 0) {
        invalid(search, filter->field, "Not a duration");
        return;
    }
    _cleanup_free_ char *sql = xasprintf("%s >= ?", field->sql);
    search_instant(search, sql, search->now > range ? search->now - range : 1);
}

static void filter_scope(Search *search, const SearchField *field _unused_, const StoreFilter *filter)
{
    bool user = strstr(filter->value, "USER") != NULL, system = strstr(filter->value, "SYSTEM") != NULL;
    if (!user && !system)
        invalid(search, filter->field, "Unknown scope");
    bool negated = streq(filter->op, "NOT_EQUALS");
    if (user != system)
        search_scope(search, user != negated ? STORE_SCOPE_USER : STORE_SCOPE_SYSTEM);
}

static void filter_child(Search *search, const SearchField *field, const StoreFilter *filter)
{
    bool child = streq(filter->value, "CHILD");
    if (!child && !streq(filter->value, "MAIN")) {
        invalid(search, filter->field, "Unknown child filter");
        return;
    }
    if (streq(filter->op, "NOT_EQUALS"))
        child = !child;
    _cleanup_free_ char *sql = xasprintf(child ? "%s IS NOT NULL" : "%s IS NULL", field->sql);
    append(search, sql);
}

static void filter_level(Search *search, const SearchField *field, const StoreFilter *filter)
{
    int level = log_level_from_string(filter->value);
    if (level < 0) {
        invalid(search, filter->field, "Unknown level");
        return;
    }
    bool exact = field->kind == SEARCH_LEVEL && streq(filter->op, "EQUALS");
    bool other = streq(filter->op, "NOT_EQUALS");
    _cleanup_free_ char *sql = xasprintf(exact ? "%s = ?" : other ? "%s <> ?" : "%s >= ?", field->sql);
    search_integer(search, sql, level);
}

static void (*const filter_kinds[])(Search *, const SearchField *, const StoreFilter *) = {
    [SEARCH_TEXT] = filter_text,       [SEARCH_INSTANT] = filter_instant, [SEARCH_NAMESPACE] = filter_namespace,
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
        if (field->name)
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
