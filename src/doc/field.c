/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The check of an object against a table. Two sorts of problems, because Kestra's clients see them differently: a value
 * that cannot be read at all (unknown property, a list where a text belongs) is a problem of form; a readable value
 * that breaks a rule (missing, too long, no match) is a violation. Both are collected, never only the first.
 *
 * Values are read as generously as Jackson reads them: a number is a text, "5" is an integer, "true" a boolean.
 */
#include "doc/field.h"

#include <assert.h>
#include <stdarg.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "doc/json.h"

static void check_value(const FieldCheck *check, const Field *field, const json_t *object, json_t *value,
                        const char *path);

void field_patterns_done(FieldPatterns *patterns)
{
    for (size_t i = 0; i < patterns->items.count; i++)
        pcre2_code_free(patterns->items.items[i].code);
    vec_free(&patterns->items);
}

static pcre2_code *compile(const char *pattern)
{
    int error;
    PCRE2_SIZE offset;
    return pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED,
                         &error, &offset, NULL);
}

static bool matches(FieldPatterns *patterns, const char *pattern, const char *text)
{
    pcre2_code *code = NULL;
    for (size_t i = 0; patterns && !code && i < patterns->items.count; i++)
        if (patterns->items.items[i].pattern == pattern)
            code = patterns->items.items[i].code;
    bool keep = code != NULL;
    if (!code) {
        code = compile(pattern);
        assert(code); /* the tables hold only patterns that compile; their test says so */
        keep = patterns != NULL;
        if (keep)
            vec_push(&patterns->items, (FieldPattern){pattern, code});
    }
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    int r = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, NULL);
    pcre2_match_data_free(data);
    if (!keep)
        pcre2_code_free(code);
    return r >= 0;
}

/* "tasks[0]" + "message"; the property alone at the top. */
static char *join(const char *path, const char *key)
{
    if (!key)
        return xstrdup(path ? path : "");
    return path && *path ? xasprintf("%s.%s", path, key) : xstrdup(key);
}

static void report(const FieldCheck *check, const json_t *object, const char *key, const char *path, bool is_form,
                   const char *message)
{
    if (diag_is_full(check->diag))
        return;
    unsigned line = 0, column = 0;
    const json_t *member = key && object ? json_object_get(object, key) : NULL;
    if (object) /* a missing member is reported where its object begins */
        document_position(check->document, object, member ? key : NULL, 0, &line, &column);
    _cleanup_free_ char *full = join(path, key);
    diag_error(check->diag, *full ? full : NULL, line, column, "%s", message);
    _cleanup_free_ char *name = check->name ? join(check->name, key) : NULL;
    diag_mark(check->diag, name, is_form);
}

static char *format_message(const char *format, va_list arguments)
{
    _cleanup_(arena_freep) Arena *arena = arena_new();
    return xstrdup(arena_vprintf(arena, format, arguments));
}

void field_report(const FieldCheck *check, const json_t *object, const char *key, const char *path, const char *format,
                  ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *message = format_message(format, arguments);
    va_end(arguments);
    report(check, object, key, path, false, message);
}

void field_report_form(const FieldCheck *check, const json_t *object, const char *key, const char *path,
                       const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    _cleanup_free_ char *message = format_message(format, arguments);
    va_end(arguments);
    report(check, object, key, path, true, message);
}

static bool is_scalar(const json_t *value)
{
    return !json_is_object(value) && !json_is_array(value);
}

static bool fits_string(const Field *field, const json_t *value)
{
    return is_scalar(value);
}

/* What Jackson trims. */
static const char *skip_blanks(const char *text, size_t *ret_length)
{
    text += strspn(text, " \t\r\n");
    size_t length = strlen(text);
    while (length && strchr(" \t\r\n", text[length - 1]))
        length--;
    *ret_length = length;
    return text;
}

/* Without blanks around it: is it this word? */
static bool is_word(const char *text, const char *word)
{
    size_t length;
    text = skip_blanks(text, &length);
    return length == strlen(word) && memcmp(text, word, length) == 0;
}

/* A text that a property which is no text reads as nothing. */
static bool is_blank_word(const char *text)
{
    return is_word(text, "") || is_word(text, "null");
}

/* A text with a whole number of 32 bits. */
static bool text_is_integer(const char *text)
{
    size_t length;
    text = skip_blanks(text, &length);
    size_t begin = *text == '-' || *text == '+';
    if (length == begin || length > 20 || strspn(text + begin, "0123456789") < length - begin)
        return false;
    intmax_t number = strtoimax(text, NULL, 10);
    return number >= INT32_MIN && number <= INT32_MAX;
}

/* A number with a fraction loses it. */
static bool fits_integer(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    if (text)
        return is_blank_word(text) || text_is_integer(text);
    double number = json_number_value(value);
    return json_is_number(value) && number > INT32_MIN - 1.0 && number < INT32_MAX + 1.0;
}

static bool fits_number(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return json_is_number(value);
    static const char *const words[] = {"NaN", "INF", "Infinity", "-INF", "-Infinity"};
    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (is_word(text, words[i]))
            return true;
    if (is_blank_word(text))
        return true;
    size_t length;
    text = skip_blanks(text, &length);
    char *end = NULL;
    (void)strtod(text, &end); /* only how far it reads counts */
    return end == text + length && strspn(text, "+-.0123456789eE") >= length;
}

static bool fits_boolean(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return json_is_boolean(value) || json_is_integer(value);
    static const char *const words[] = {"true", "True", "TRUE", "false", "False", "FALSE"};
    for (size_t i = 0; i < ELEMENTS(words); i++)
        if (is_word(text, words[i]))
            return true;
    return is_blank_word(text);
}

/* One number with its unit letter, as in 12H; fraction only for seconds. */
static bool skip_part(const char **text, char unit, bool fraction)
{
    const char *at = *text + (**text == '-' || **text == '+');
    size_t digits = strspn(at, "0123456789");
    at += digits;
    if (digits && fraction && (*at == '.' || *at == ',')) {
        at++;
        at += strspn(at, "0123456789");
    }
    if (!digits || (*at != unit && *at != unit + ('a' - 'A')))
        return false;
    *text = at + 1;
    return true;
}

/* java.time.Duration.parse's form. */
static bool text_is_duration(const char *text)
{
    text += *text == '-' || *text == '+';
    if (*text != 'P' && *text != 'p')
        return false;
    text++;
    bool any = skip_part(&text, 'D', false);
    if (*text == 'T' || *text == 't') {
        text++;
        bool hours = skip_part(&text, 'H', false);
        bool minutes = skip_part(&text, 'M', false);
        bool seconds = skip_part(&text, 'S', true);
        any = hours || minutes || seconds;
    }
    return any && *text == '\0';
}

/* [sign]digits with points anywhere: io.kestra.core.serializers.DurationDeserializer._isFloat. */
static bool text_is_seconds(const char *text)
{
    text += *text == '-' || *text == '+';
    const char *point = strchr(text, '.');
    bool one_point = !point || !strchr(point + 1, '.');
    return one_point && strpbrk(text, "0123456789") && text[strspn(text, ".0123456789")] == '\0';
}

static bool fits_duration(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return json_is_number(value);
    size_t length;
    const char *begin = skip_blanks(text, &length);
    _cleanup_free_ char *trimmed = xstrndup(begin, length);
    return !*trimmed || text_is_seconds(trimmed) || text_is_duration(trimmed);
}

static bool fits_date_time(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    usec_t instant;
    return json_is_number(value) || (text && (is_word(text, "") || instant_parse(text, &instant) == 0));
}

static bool fits_enum(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    for (size_t i = 0; text && field->values && field->values[i]; i++)
        if (is_word(text, field->values[i]))
            return true;
    return text && (is_word(text, "") || !field->values);
}

static bool fits_list(const Field *field, const json_t *value)
{
    return json_is_array(value);
}

static bool fits_object(const Field *field, const json_t *value)
{
    return json_is_object(value);
}

static bool fits_any(const Field *field, const json_t *value)
{
    return true;
}

static bool fits_text_or_list(const Field *field, const json_t *value)
{
    return !json_is_object(value);
}

static bool fits_map_or_list(const Field *field, const json_t *value)
{
    return !is_scalar(value);
}

/* One row for each kind: what a value must be, and what the model's visitor checks. */
static const struct {
    bool (*fits)(const Field *field, const json_t *value);
    const char *what;
    bool visited;
} kinds[_FIELD_KIND_MAX] = {
    [FIELD_STRING] = {fits_string, "a text", false},
    [FIELD_INTEGER] = {fits_integer, "an integer", false},
    [FIELD_NUMBER] = {fits_number, "a number", false},
    [FIELD_BOOLEAN] = {fits_boolean, "true or false", false},
    [FIELD_DURATION] = {fits_duration, "an ISO-8601 duration such as PT30S", false},
    [FIELD_DATE_TIME] = {fits_date_time, "an ISO-8601 date and time", false},
    [FIELD_ENUM] = {fits_enum, "one of", false},
    [FIELD_LIST] = {fits_list, "a list", false},
    [FIELD_MAP] = {fits_object, "a map", false},
    [FIELD_OBJECT] = {fits_object, "a map", false},
    [FIELD_ANY] = {fits_any, "a value", false},
    [FIELD_TEXT_OR_LIST] = {fits_text_or_list, "a text or a list of texts", false},
    [FIELD_MAP_OR_LIST] = {fits_map_or_list, "a map or a list", true},
    [FIELD_TASK] = {fits_object, "a task", true},
    [FIELD_TASKS] = {fits_list, "a list of tasks", true},
    [FIELD_TASK_CASES] = {fits_object, "a map of lists of tasks", true},
    [FIELD_DAG_TASKS] = {fits_list, "a list of tasks with dependencies", true},
    [FIELD_CONDITIONS] = {fits_list, "a list of conditions", true},
    [FIELD_TRIGGERS] = {fits_list, "a list of triggers", true},
    [FIELD_INPUTS] = {fits_list, "a list of inputs", true},
    [FIELD_TASK_RUNNER] = {fits_object, "a task runner", true},
};

static const char *const json_words[] = {
    [JSON_OBJECT] = "a map",    [JSON_ARRAY] = "a list", [JSON_STRING] = "the text", [JSON_INTEGER] = "the number",
    [JSON_REAL] = "the number", [JSON_TRUE] = "true",    [JSON_FALSE] = "false",     [JSON_NULL] = "null",
};

/* Bytes of the beginning that a message shows; never half a character. */
static size_t shown_length(const char *text)
{
    size_t length = strnlen(text, 60);
    while (length > 0 && text[length] && ((unsigned char)text[length] & 0xC0) == 0x80)
        length--;
    return length;
}

/* "expected an integer but found the text 'x'". */
static void append_mismatch(Buffer *text, const Field *field, const json_t *value)
{
    buffer_printf(text, "expected %s", kinds[field->kind].what);
    for (size_t i = 0; field->kind == FIELD_ENUM && field->values && field->values[i]; i++)
        buffer_printf(text, "%s %s", i ? "," : "", field->values[i]);
    buffer_printf(text, " but found %s", json_words[json_typeof(value)]);
    if (json_is_string(value)) {
        const char *found = json_string_value(value);
        buffer_printf(text, " '%.*s'", (int)shown_length(found), found);
    } else if (json_is_number(value)) {
        _cleanup_free_ char *number = json_text(value);
        buffer_printf(text, " %s", number);
    }
}

static void report_kind(const FieldCheck *check, const Field *field, const json_t *object, const json_t *value,
                        const char *path)
{
    if (field->kind == FIELD_OBJECT && !field->fields) { /* its `type` would say what it is */
        field_report_form(check, object, field->name, path, "Invalid type: null");
        return;
    }
    _cleanup_buffer_ Buffer text = {};
    append_mismatch(&text, field, value);
    field_report_form(check, object, field->name, path, "%s", buffer_text(&text));
}

bool field_is_expression(const char *text)
{
    return strstr(text, "{{") || strstr(text, "{%");
}

/* Texts of a dynamic property are expressions or are read when they are rendered. */
static bool is_read_later(const Field *field, const json_t *value)
{
    const char *text = json_string_value(value);
    if (!text)
        return false;
    return (field->flags & FIELD_DYNAMIC) || ((field->flags & FIELD_EXPRESSION) && field_is_expression(text));
}

static size_t utf16_length(const char *text)
{
    size_t length = 0;
    for (; *text; text++)
        if ((*text & 0xC0) != 0x80)
            length += ((unsigned char)*text & 0xF8) == 0xF0 ? 2 : 1;
    return length;
}

static void check_text(const FieldCheck *check, const Field *field, const json_t *object, const json_t *value,
                       const char *path)
{
    const char *spelling = check->spelled ? document_spelling(check->document, object, field->name) : NULL;
    _cleanup_free_ char *other = json_is_string(value) || spelling ? NULL : json_text(value);
    const char *text = spelling ? spelling : other ? other : json_string_value(value);
    size_t length = utf16_length(text);
    unsigned least = field->flags & FIELD_HAS_MINIMUM ? (unsigned)field->minimum : 0;
    if (field->length_max && (length < least || length > field->length_max))
        field_report(check, object, field->name, path, "size must be between %u and %u", least, field->length_max);
    if (field->pattern && !matches(check->patterns, field->pattern, text))
        field_report(check, object, field->name, path, "must match \"%s\"", field->pattern);
    if ((field->flags & FIELD_NOT_EMPTY) && (field->flags & FIELD_REQUIRED) && text[strspn(text, " \t\r\n")] == '\0')
        field_report(check, object, field->name, path, "must not be blank");
    else if ((field->flags & FIELD_NOT_EMPTY) && !*text)
        field_report(check, object, field->name, path, "must not be empty");
}

static void check_number(const FieldCheck *check, const Field *field, const json_t *object, const json_t *value,
                         const char *path)
{
    double number = json_number_value(value);
    if (json_is_string(value))
        number = strtod(json_string_value(value), NULL);
    if ((field->flags & FIELD_HAS_MINIMUM) && number < field->minimum)
        field_report(check, object, field->name, path, "must be greater than or equal to %.15g", field->minimum);
    if ((field->flags & FIELD_HAS_MAXIMUM) && number > field->maximum)
        field_report(check, object, field->name, path, "must be less than or equal to %.15g", field->maximum);
    if ((field->flags & FIELD_POSITIVE) && number <= 0)
        field_report(check, object, field->name, path, "must be greater than 0");
}

/* "Dag" + "tasks" → "Dag$Tasks": the class name of an inner object in messages. */
static char *inner_class(const FieldCheck *check, const Field *field)
{
    char *name = xasprintf("%s$%s", check->class_name ? check->class_name : "", field->name);
    char *first = strrchr(name, '$') + 1;
    if (*first >= 'a' && *first <= 'z')
        *first = (char)(*first - 'a' + 'A');
    return name;
}

static void check_inner(const FieldCheck *check, const Field *field, const json_t *object, const char *path)
{
    if (!field->fields)
        return;
    _cleanup_free_ char *class_name = inner_class(check, field);
    FieldCheck inner = *check;
    inner.class_name = class_name;
    inner.name = NULL;
    field_check(&inner, field->fields, NULL, object, path);
}

/* What stands in a list or map: the same row with the item's kind. */
static void check_item(const FieldCheck *check, const Field *field, const json_t *container, const char *key,
                       size_t index, json_t *value, const char *path)
{
    Field item = *field;
    item.kind = field->item;
    item.flags = field->flags & (FIELD_DYNAMIC | FIELD_EXPRESSION);
    item.pattern = NULL;
    if (kinds[item.kind].fits(&item, value) || is_read_later(&item, value)) {
        if (item.kind == FIELD_OBJECT)
            check_inner(check, field, value, path);
        else if (kinds[item.kind].visited && check->visit)
            check->visit(check->userdata, &item, container, value, path);
        return;
    }
    unsigned line, column;
    document_position(check->document, container, key, index, &line, &column);
    _cleanup_buffer_ Buffer text = {};
    append_mismatch(&text, &item, value);
    diag_error(check->diag, path, line, column, "%s", buffer_text(&text));
    diag_mark(check->diag, NULL, true);
}

static void check_items(const FieldCheck *check, const Field *field, const json_t *object, json_t *value,
                        const char *path)
{
    _cleanup_free_ char *base = join(path, field->name);
    if (json_is_array(value)) {
        size_t i;
        json_t *item;
        json_array_foreach (value, i, item) {
            _cleanup_free_ char *item_path = xasprintf("%s[%zu]", base, i);
            if (!json_is_null(item))
                check_item(check, field, value, NULL, i, item, item_path);
            else if (field->flags & FIELD_NOT_NULL_ITEMS)
                diag_error(check->diag, item_path, 0, 0, "must not be null");
        }
        return;
    }
    const char *key;
    json_t *item;
    json_object_foreach (value, key, item) {
        _cleanup_free_ char *item_path = xasprintf("%s.%s", base, key);
        if (!json_is_null(item))
            check_item(check, field, value, key, 0, item, item_path);
    }
}

static void check_value(const FieldCheck *check, const Field *field, const json_t *object, json_t *value,
                        const char *path)
{
    if (!kinds[field->kind].fits(field, value)) {
        if (!is_read_later(field, value))
            report_kind(check, field, object, value, path);
        return;
    }
    if (is_scalar(value) && field->kind == FIELD_STRING)
        check_text(check, field, object, value, path);
    if ((field->kind == FIELD_INTEGER || field->kind == FIELD_NUMBER) && !is_read_later(field, value))
        check_number(check, field, object, value, path);
    bool is_empty = (json_is_array(value) && json_array_size(value) == 0) ||
                    (json_is_object(value) && json_object_size(value) == 0);
    if ((field->flags & FIELD_NOT_EMPTY) && is_empty)
        field_report(check, object, field->name, path, "must not be empty");
    if (field->kind == FIELD_LIST || field->kind == FIELD_MAP)
        check_items(check, field, object, value, path);
    _cleanup_free_ char *inner_path = NULL;
    if (field->kind == FIELD_OBJECT || kinds[field->kind].visited)
        inner_path = join(path, field->name);
    if (field->kind == FIELD_OBJECT)
        check_inner(check, field, value, inner_path);
    if (kinds[field->kind].visited && check->visit)
        check->visit(check->userdata, field, object, value, inner_path);
}

static void check_missing(const FieldCheck *check, const Field *field, const json_t *object, const char *path)
{
    if (!(field->flags & (FIELD_REQUIRED | FIELD_NOT_EMPTY)) || field->fallback)
        return;
    if (check->has_default && check->has_default(check->userdata, object, field->name))
        return;
    if (field->flags & FIELD_REQUIRED)
        field_report(check, object, field->name, path, "must not be null");
    if (!(field->flags & FIELD_NOT_EMPTY))
        return;
    bool blank = field->kind == FIELD_STRING && field->flags & FIELD_REQUIRED;
    field_report(check, object, field->name, path, "must not be %s", blank ? "blank" : "empty");
}

/* The member of object that the row describes, under its name or an alias. */
static json_t *member_of(const Field *field, const json_t *object)
{
    json_t *value = json_object_get(object, field->name);
    for (size_t i = 0; !value && field->aliases && field->aliases[i]; i++)
        value = json_object_get(object, field->aliases[i]);
    return value;
}

/* Null, or a blank text where no text belongs: Jackson reads it as null. */
static bool is_nothing(const Field *field, const json_t *value)
{
    static const bool no_text[_FIELD_KIND_MAX] = {
        [FIELD_INTEGER] = true,  [FIELD_NUMBER] = true,    [FIELD_BOOLEAN] = true,
        [FIELD_DURATION] = true, [FIELD_DATE_TIME] = true, [FIELD_ENUM] = true,
    };
    const char *text = json_string_value(value);
    return json_is_null(value) ||
           (text && no_text[field->kind] && !(field->flags & FIELD_DYNAMIC) && is_word(text, ""));
}

static void check_table(const FieldCheck *check, const Field *table, const json_t *object, const char *path)
{
    for (const Field *field = table; field && field->name; field++) {
        json_t *value = member_of(field, object);
        if (value && !is_nothing(field, value))
            check_value(check, field, object, value, path);
        else
            check_missing(check, field, object, path);
    }
}

static void append_names(Buffer *names, const Field *table, unsigned *count)
{
    for (const Field *field = table; field && field->name; field++)
        buffer_printf(names, "%s\"%s\"", (*count)++ ? ", " : "", field->name);
}

static void check_unknown(const FieldCheck *check, const Field *table, const Field *common, const json_t *object,
                          const char *path)
{
    const char *key;
    json_t *value;
    json_object_foreach ((json_t *)(uintptr_t)object, key, value) {
        if (field_find(table, key) || field_find(common, key))
            continue;
        if (diag_is_full(check->diag))
            return;
        _cleanup_buffer_ Buffer names = {};
        unsigned count = 0;
        append_names(&names, table, &count);
        append_names(&names, common, &count);
        field_report_form(check, object, key, path,
                          "Unrecognized field \"%s\" (class %s), not marked as ignorable (%u known properties: %s)",
                          key, check->class_name ? check->class_name : "", count, buffer_text(&names));
    }
}

void field_check(const FieldCheck *check, const Field *table, const Field *common, const json_t *object,
                 const char *path)
{
    if (!check->lenient)
        check_unknown(check, table, common, object, path);
    check_table(check, common, object, path);
    check_table(check, table, object, path);
}

const Field *field_find(const Field *table, const char *name)
{
    for (const Field *field = table; field && field->name; field++) {
        if (streq(field->name, name))
            return field;
        for (size_t i = 0; field->aliases && field->aliases[i]; i++)
            if (streq(field->aliases[i], name))
                return field;
    }
    return NULL;
}
