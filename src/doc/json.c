/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jansson's own writer has no Java numbers and needs a buffer copy; this one writes into a Buffer. Reals follow
 * java.lang.Double.toString, since clients compare texts: the shortest digits that read back as the same number, at
 * least one digit after the point, exponent form below 10^-3 and from 10^7.
 */
#include "doc/json.h"

#include <math.h>

enum {
    BYTES_MAX_DEFAULT = 64 * 1024 * 1024,
};

int json_parse(const char *text, size_t length, size_t bytes_max, json_t **ret, Diag *diag)
{
    if (bytes_max == 0)
        bytes_max = BYTES_MAX_DEFAULT;
    if (length > bytes_max) {
        diag_error(diag, NULL, 0, 0, "the text has %zu bytes; at most %zu are allowed", length, bytes_max);
        return JSON_E_INVALID;
    }
    json_error_t error;
    json_t *value = json_loadb(text, length, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (!value) {
        diag_error(diag, NULL, error.line > 0 ? (unsigned)error.line : 0, error.column > 0 ? (unsigned)error.column : 0,
                   "%s", error.text);
        return JSON_E_INVALID;
    }
    *ret = value;
    return 0;
}

/* Digits without point, and the decimal exponent of the first one. Whatever the locale's point is, it is left out. */
static size_t shortest_digits(double value, char ret_digits[static 24], int *ret_exponent)
{
    char text[40];
    for (int precision = 1; precision <= 16; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, value);
        if (strtod(text, NULL) == value)
            break;
    }
    size_t count = 0;
    const char *at = text;
    for (; *at && *at != 'e'; at++)
        if (*at >= '0' && *at <= '9')
            ret_digits[count++] = *at;
    bool negative = at[0] == 'e' && at[1] == '-';
    int exponent = 0;
    for (at += 2; *at; at++)
        exponent = exponent * 10 + (*at - '0');
    *ret_exponent = negative ? -exponent : exponent;
    while (count > 1 && ret_digits[count - 1] == '0')
        count--;
    ret_digits[count] = '\0';
    return count;
}

static void append_real(Buffer *buffer, double value)
{
    if (!isfinite(value)) {
        buffer_append(buffer, isnan(value) ? "\"NaN\"" : value < 0 ? "\"-Infinity\"" : "\"Infinity\"");
        return;
    }
    if (signbit(value))
        buffer_append_char(buffer, '-');
    if (value == 0) {
        buffer_append(buffer, "0.0");
        return;
    }
    char digits[24];
    int exponent;
    size_t count = shortest_digits(fabs(value), digits, &exponent);
    if (exponent < -3 || exponent >= 7) {
        buffer_append_char(buffer, digits[0]);
        buffer_append_char(buffer, '.');
        buffer_append(buffer, count > 1 ? digits + 1 : "0");
        buffer_printf(buffer, "E%d", exponent);
    } else if (exponent < 0) {
        buffer_append(buffer, "0.");
        for (int i = -1; i > exponent; i--)
            buffer_append_char(buffer, '0');
        buffer_append(buffer, digits);
    } else {
        size_t whole = (size_t)exponent + 1;
        for (size_t i = 0; i < whole; i++)
            buffer_append_char(buffer, i < count ? digits[i] : '0');
        buffer_append_char(buffer, '.');
        buffer_append(buffer, count > whole ? digits + whole : "0");
    }
}

static void append_array(Buffer *buffer, const json_t *value)
{
    size_t i;
    const json_t *item;
    buffer_append_char(buffer, '[');
    json_array_foreach (value, i, item) {
        if (i > 0)
            buffer_append_char(buffer, ',');
        json_append(buffer, item);
    }
    buffer_append_char(buffer, ']');
}

static void append_object(Buffer *buffer, const json_t *value)
{
    const char *key;
    json_t *item;
    bool first = true;
    buffer_append_char(buffer, '{');
    json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
        if (!first)
            buffer_append_char(buffer, ',');
        first = false;
        buffer_append_json(buffer, key);
        buffer_append_char(buffer, ':');
        json_append(buffer, item);
    }
    buffer_append_char(buffer, '}');
}

void json_append(Buffer *buffer, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        append_object(buffer, value);
        break;
    case JSON_ARRAY:
        append_array(buffer, value);
        break;
    case JSON_STRING:
        buffer_append_json(buffer, json_string_value(value));
        break;
    case JSON_INTEGER:
        buffer_printf(buffer, "%" JSON_INTEGER_FORMAT, json_integer_value(value));
        break;
    case JSON_REAL:
        append_real(buffer, json_real_value(value));
        break;
    case JSON_TRUE:
        buffer_append(buffer, "true");
        break;
    case JSON_FALSE:
        buffer_append(buffer, "false");
        break;
    case JSON_NULL:
        buffer_append(buffer, "null");
        break;
    }
}

char *json_text(const json_t *value)
{
    Buffer buffer = {};
    json_append(&buffer, value);
    return buffer_take(&buffer);
}

const char *json_get_text(const json_t *object, const char *key, const char *fallback)
{
    const char *text = json_string_value(json_object_get(object, key));
    return text ? text : fallback;
}

int64_t json_get_integer(const json_t *object, const char *key, int64_t fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_integer(value) ? (int64_t)json_integer_value(value) : fallback;
}

bool json_get_boolean(const json_t *object, const char *key, bool fallback)
{
    const json_t *value = json_object_get(object, key);
    return json_is_boolean(value) ? json_is_true(value) : fallback;
}

void json_set_text(json_t *object, const char *key, const char *text)
{
    if (text)
        (void)json_object_set_new(object, key, json_string(text)); /* fails for invalid UTF-8: then it stays absent */
    else
        (void)json_object_del(object, key); /* may be absent */
}

void json_set_present(json_t *object, const char *key, json_t *value)
{
    if (value && !json_is_null(value)) {
        (void)json_object_set_new(object, key, value);
        return;
    }
    json_decref(value);
    (void)json_object_del(object, key); /* may be absent */
}

/* "[2]" at *path: the item, with *path moved behind it. */
static json_t *step_index(const json_t *value, const char **path)
{
    size_t index = 0;
    const char *at = *path + 1;
    if (*at < '0' || *at > '9')
        return NULL;
    for (; *at >= '0' && *at <= '9'; at++)
        if (__builtin_mul_overflow(index, 10, &index) || __builtin_add_overflow(index, (size_t)(*at - '0'), &index))
            return NULL;
    if (*at != ']')
        return NULL;
    *path = at + 1;
    return json_array_get(value, index);
}

json_t *json_at(const json_t *root, const char *path)
{
    json_t *value = (json_t *)(uintptr_t)root;
    while (*path && value) {
        if (*path == '[') {
            value = step_index(value, &path);
            continue;
        }
        if (*path == '.')
            path++;
        size_t length = strcspn(path, ".[");
        value = json_object_getn(value, path, length);
        path += length;
    }
    return value;
}

json_t *json_merged(const json_t *base, const json_t *over)
{
    if (!over || json_is_null(over))
        return base ? json_deep_copy(base) : json_null();
    if (json_is_object(base) && json_is_object(over)) {
        json_t *merged = json_deep_copy(base);
        const char *key;
        json_t *value;
        json_object_foreach ((json_t *)(uintptr_t)over, key, value) {
            const json_t *before = json_object_get(base, key);
            if (!json_is_null(value) || !before)
                (void)json_object_set_new(merged, key, json_merged(before, value));
        }
        return merged;
    }
    if (json_is_array(base) && json_is_array(over)) {
        json_t *merged = json_deep_copy(base);
        _cleanup_json_ json_t *tail = json_deep_copy(over);
        (void)json_array_extend(merged, tail);
        return merged;
    }
    return json_deep_copy(over);
}

/* What is left of `bytes` after the value's text; 0: it does not fit. */
static size_t fit(const json_t *value, size_t bytes)
{
    size_t index, own = json_is_string(value) ? json_string_length(value) + 2 : 4;
    const char *key;
    json_t *member;
    bytes = bytes > own ? bytes - own : 0;
    json_array_foreach (value, index, member) {
        if (bytes == 0)
            return 0;
        bytes = fit(member, bytes);
    }
    json_object_foreach ((json_t *)(uintptr_t)value, key, member) {
        size_t name = strlen(key) + 4;
        if (bytes <= name)
            return 0;
        bytes = fit(member, bytes - name);
    }
    return bytes;
}

size_t json_size(const json_t *value, size_t bytes_max)
{
    return bytes_max - fit(value, bytes_max);
}

bool json_exceeds(const json_t *value, size_t bytes)
{
    return fit(value, bytes + 1) == 0;
}
