/* SPDX-License-Identifier: Apache-2.0 */
/* Statements as text: where they end, and where parameters stand. Both must know what is quoted. */
#include <ctype.h>

#include "base/buffer.h"
#include "doc/json.h"
#include "plugin/sql/sql.h"

/* Behind the delimiter that closes what begins at `at`; the end when nothing does. */
static const char *skip_until(const char *at, const char *close)
{
    const char *end = strstr(at, close);
    return end ? end + strlen(close) : at + strlen(at);
}

static bool is_word(char c)
{
    return isalnum((unsigned char)c) || c == '_';
}

/* "$$…$$" or "$tag$…$tag$" of PostgreSQL and DuckDB; NULL when it is none. */
static const char *skip_dollar_quote(const char *at)
{
    const char *end = at + 1;
    while (is_word(*end))
        end++;
    if (*end != '$' || isdigit((unsigned char)at[1]))
        return NULL;
    _cleanup_free_ char *tag = xstrndup(at, (size_t)(end + 1 - at));
    return skip_until(end + 1, tag);
}

/* Behind the quoted text or comment that begins at `at`; NULL when none does. */
static const char *skip_quoted(const char *begin, const char *at)
{
    if (*at == '\'' || *at == '"' || *at == '`')
        return skip_until(at + 1, (char[]){*at, '\0'}); /* a doubled one begins another text at once */
    if (at[0] == '-' && at[1] == '-')
        return at + strcspn(at, "\n");
    if (at[0] == '/' && at[1] == '*')
        return skip_until(at + 2, "*/");
    if (*at == '$' && (at == begin || !is_word(at[-1])))
        return skip_dollar_quote(at);
    return NULL;
}

/* Behind blanks and comments. */
static const char *skip_blank(const char *at)
{
    for (;;) {
        at += strspn(at, " \t\r\n\f\v");
        if (!(at[0] == '-' && at[1] == '-') && !(at[0] == '/' && at[1] == '*'))
            return at;
        at = skip_quoted(at, at);
    }
}

static void append_statement(json_t *list, const char *begin, const char *end)
{
    _cleanup_free_ char *text = xstrndup(begin, (size_t)(end - begin));
    const char *first = skip_blank(text);
    size_t length = strlen(first);
    while (length > 0 && isspace((unsigned char)first[length - 1]))
        length--;
    if (length > 0)
        json_array_append_new(list, json_stringn(first, length));
}

json_t *sql_split(const char *text)
{
    json_t *list = json_array();
    const char *begin = text, *at = text;
    while (*at) {
        const char *behind = skip_quoted(begin, at);
        if (!behind && *at == ';') {
            append_statement(list, begin, at);
            begin = at + 1;
        }
        at = behind ? behind : at + 1;
    }
    append_statement(list, begin, at);
    return list;
}

static void append_literal(Buffer *out, json_t *value)
{
    if (!value || json_is_null(value)) {
        buffer_append(out, "NULL");
        return;
    }
    _cleanup_json_ json_t *text = run_text_of(value);
    if (json_is_number(value) || json_is_boolean(value)) {
        buffer_append(out, json_string_value(text));
        return;
    }
    buffer_append_char(out, '\'');
    for (const char *c = json_string_value(text); *c; c++) {
        if (*c == '\'')
            buffer_append_char(out, '\'');
        buffer_append_char(out, *c);
    }
    buffer_append_char(out, '\'');
}

static void append_parameter(Buffer *out, json_t *value, const char *placeholder, json_t *values)
{
    if (!placeholder) {
        append_literal(out, value);
        return;
    }
    json_array_append_new(values, value ? json_incref(value) : json_null());
    buffer_printf(out, *placeholder == '?' ? "?%zu" : "$%zu", json_array_size(values));
}

char *sql_bind(const char *sql, const json_t *parameters, const char *placeholder, json_t **ret_values)
{
    Buffer out = {};
    *ret_values = json_array();
    for (const char *at = sql; *at;) {
        const char *behind = skip_quoted(sql, at);
        size_t length = 0;
        bool begins = *at == ':' && (at == sql || at[-1] != ':') && (isalpha((unsigned char)at[1]) || at[1] == '_');
        while (begins && is_word(at[1 + length]))
            length++;
        if (length > 0) {
            _cleanup_free_ char *name = xstrndup(at + 1, length);
            append_parameter(&out, json_object_get(parameters, name), placeholder, *ret_values);
            at += 1 + length;
            continue;
        }
        behind = behind ? behind : at + 1;
        buffer_append_n(&out, at, (size_t)(behind - at));
        at = behind;
    }
    return buffer_take(&out);
}

bool sql_is_query(const char *sql)
{
    static const char *const words[] = {"select", "with",    "from",      "values", "show", "describe", "desc",
                                        "pragma", "explain", "summarize", "table",  "call", "pivot",    "unpivot"};
    const char *at = skip_blank(sql);
    at += strspn(at, "( \t\r\n");
    size_t length = 0;
    while (is_word(at[length]))
        length++;
    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (strlen(words[i]) == length && strncasecmp(words[i], at, length) == 0)
            return true;
    return strcasestr(sql, "returning") != NULL;
}
