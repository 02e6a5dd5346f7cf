/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The types of inputs and typed outputs, one row each: how a value is read and how it is checked. Texts of refusals are
 * Kestra's; where Kestra shows a Java library's text, ours says the same in its own words after the same beginning.
 *
 * Source: io.kestra.core.runners.FlowInputOutput.parseType and the input classes' validate.
 */
#include "model/input_value.h"

#include <math.h>
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "model/encryption.h"
#include "model/temporal.h"

enum {
    VALUE_BYTES_MAX = 10 * 1024 * 1024,
};

/* What a row's functions get. */
typedef struct Reading {
    const char *type, *item_type;
    const json_t *value;
    const char *text; /* of a scalar; NULL for lists and maps */
    const char *encryption_key;
    Buffer *reason;
} Reading;

typedef struct ValueType {
    const char *name;
    int (*parse)(const Reading *reading, InputValue *ret);
    int (*check)(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                 Buffer *reason); /* may be NULL */
} ValueType;

void input_value_done(InputValue *value)
{
    json_decref(value->stored);
    json_decref(value->shown);
}

static void append_value(Buffer *text, const json_t *value)
{
    size_t i;
    const char *key;
    json_t *item;
    if (json_is_string(value)) {
        buffer_append(text, json_string_value(value));
    } else if (json_is_array(value)) {
        buffer_append_char(text, '[');
        json_array_foreach (value, i, item) {
            buffer_append(text, i ? ", " : "");
            append_value(text, item);
        }
        buffer_append_char(text, ']');
    } else if (json_is_object(value)) {
        const char *separator = "{";
        json_object_foreach ((json_t *)(uintptr_t)value, key, item) {
            buffer_printf(text, "%s%s=", separator, key);
            append_value(text, item);
            separator = ", ";
        }
        buffer_append(text, json_object_size(value) ? "}" : "{}");
    } else {
        json_append(text, value);
    }
}

char *input_value_text(const json_t *value)
{
    Buffer text = {};
    append_value(&text, value);
    return buffer_take(&text);
}

static int refuse_type(const Reading *reading, const char *why)
{
    _cleanup_free_ char *value = input_value_text(reading->value);
    buffer_printf(reading->reason, "Expected `%s` but received `%s` with errors:\n```\n%s\n```", reading->type, value,
                  why);
    return INPUT_VALUE_E_REFUSED;
}

static int parse_text(const Reading *reading, InputValue *ret)
{
    if (!reading->text && (json_is_array(reading->value) || json_is_object(reading->value)))
        return refuse_type(reading, "a text is needed");
    ret->stored = json_string(reading->text);
    return ret->stored ? 0 : refuse_type(reading, "the text is not valid UTF-8");
}

/* The digits of every script as 0 to 9, as Java's Character.digit reads them; the rest as it is. New. */
static char *ascii_digits(const char *text)
{
    Buffer ascii = {};
    int32_t length = (int32_t)strlen(text);
    for (int32_t at = 0; at < length;) {
        int32_t begin = at;
        UChar32 character;
        U8_NEXT(text, at, length, character);
        int32_t digit = character < 0 ? -1 : u_charDigitValue(character);
        if (digit >= 0 && u_charType(character) == U_DECIMAL_DIGIT_NUMBER)
            buffer_append_char(&ascii, (char)('0' + digit));
        else
            buffer_append_n(&ascii, text + begin, (size_t)(at - begin));
    }
    return buffer_take(&ascii);
}

static int parse_int(const Reading *reading, InputValue *ret)
{
    const char *given = reading->text ? reading->text : "";
    _cleanup_free_ char *text = strlen(given) < 64 ? ascii_digits(given) : xstrdup(given);
    const char *digits = text + (*text == '-' || *text == '+');
    bool fits = *digits && strspn(digits, "0123456789") == strlen(digits);
    digits += strspn(digits, "0");
    fits = fits && strlen(digits) <= 10;
    int64_t number = fits ? (int64_t)strtoimax(text, NULL, 10) : 0;
    if (!fits || number < INT32_MIN || number > INT32_MAX) {
        buffer_printf(reading->reason, "For input string: \"%s\"", given);
        return INPUT_VALUE_E_REFUSED;
    }
    ret->stored = json_integer(number);
    return 0;
}

/* The decimal number with the fewest digits that is the same 32-bit number, as Java writes a float. */
static double shortest_float(float number)
{
    char text[40];
    for (int precision = 1; precision <= 9; precision++) {
        (void)snprintf(text, sizeof(text), "%.*e", precision, (double)number);
        if (strtof(text, NULL) == number)
            break;
    }
    return strtod(text, NULL);
}

static int parse_float(const Reading *reading, InputValue *ret)
{
    const char *text = reading->text ? reading->text : "";
    _cleanup_free_ char *trimmed = xstrdup(text + strspn(text, " \t\r\n"));
    size_t length = strlen(trimmed);
    while (length && strchr(" \t\r\n", trimmed[length - 1]))
        trimmed[--length] = '\0';
    if (length && strchr("fFdD", trimmed[length - 1]) && !starts_with(trimmed, "0x"))
        trimmed[--length] = '\0';
    char *end = trimmed;
    float number = length ? strtof(trimmed, &end) : 0;
    const char *first = trimmed + strspn(trimmed, "+-");
    bool is_word = starts_with(first, "NaN") || starts_with(first, "Infinity");
    bool is_number = (*first >= '0' && *first <= '9') || *first == '.';
    bool is_hex = *first == '0' && (first[1] == 'x' || first[1] == 'X');
    is_number = is_number && (!is_hex || strpbrk(first, "pP")); /* Java's need the exponent */
    if (length == 0 || *end || !(is_word || is_number)) {
        buffer_printf(reading->reason, "For input string: \"%s\"", text);
        return INPUT_VALUE_E_REFUSED;
    }
    double value = isfinite(number) ? shortest_float(number) : 0;
    /* Stored as jsonb, a number that Java writes with an exponent and without fraction comes back as an integer. */
    if (isfinite(number) && fabs(value) >= 1e7 && fabs(value) < 1e15 && value == trunc(value)) {
        ret->stored = json_integer((json_int_t)value);
        ret->shown = json_real(value);
    } else if (isfinite(number)) {
        ret->stored = json_real(value);
    } else {
        ret->stored = json_string(isnan(number) ? "NaN" : number < 0 ? "-Infinity" : "Infinity");
    }
    return 0;
}

static int parse_boolean(const Reading *reading, InputValue *ret)
{
    ret->stored = json_boolean(reading->text && strcasecmp(reading->text, "true") == 0);
    return 0;
}

static int parse_date_time(const Reading *reading, InputValue *ret)
{
    Temporal instant;
    if (!reading->text || !temporal_parse_date_time(reading->text, &instant))
        return refuse_type(reading, "a date and time such as 2024-01-15T10:30:00Z is needed");
    char text[TEMPORAL_BYTES];
    temporal_format_stored(instant, text);
    ret->stored = json_string(text);
    temporal_format_instant(instant, text);
    ret->shown = json_string(text);
    return 0;
}

static int parse_date(const Reading *reading, InputValue *ret)
{
    Temporal date;
    if (!reading->text || !temporal_parse_date(reading->text, &date))
        return refuse_type(reading, "a date such as 2024-01-15 is needed");
    ret->stored = json_string(reading->text);
    return 0;
}

static int parse_time(const Reading *reading, InputValue *ret)
{
    Temporal time;
    if (!reading->text || !temporal_parse_time(reading->text, &time))
        return refuse_type(reading, "a time such as 10:30:00 is needed");
    char text[TEMPORAL_BYTES];
    temporal_format_time(time, text);
    ret->stored = json_string(text);
    return 0;
}

static int parse_duration(const Reading *reading, InputValue *ret)
{
    Temporal duration;
    if (!reading->text || !temporal_parse_duration(reading->text, &duration))
        return refuse_type(reading, "Text cannot be parsed to a Duration");
    char text[TEMPORAL_BYTES];
    temporal_format_duration(duration, text);
    ret->stored = json_real((double)duration.seconds + (double)duration.nanoseconds / 1e9);
    ret->shown = json_string(text);
    return 0;
}

static int parse_file(const Reading *reading, InputValue *ret)
{
    if (!reading->text || !starts_with(reading->text, "kestra:"))
        return refuse_type(reading, "a file of the internal storage (kestra:///…) is needed");
    ret->stored = json_string(reading->text);
    return 0;
}

/* Reads one JSON value at the beginning of the text; what follows it is left out, as Jackson does. */
static json_t *read_json(const char *text)
{
    if (strlen(text) > VALUE_BYTES_MAX)
        return NULL;
    size_t flags = JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK;
    json_error_t error;
    json_t *value = json_loads(text, flags, &error);
    if (!value && json_error_code(&error) == json_error_numeric_overflow)
        value = json_loads(text, flags | JSON_DECODE_INT_AS_REAL, &error);
    char next = value ? text[error.position] : '\0';
    if (!json_is_number(value) || !next || strchr(" \t\r\n", next))
        return value;
    json_decref(value); /* 1f: the number is not at its end */
    return NULL;
}

static int parse_json(const Reading *reading, InputValue *ret)
{
    if (!reading->text)
        ret->stored = json_incref((json_t *)(uintptr_t)reading->value);
    else
        ret->stored = read_json(reading->text);
    return ret->stored ? 0 : refuse_type(reading, "this is not JSON");
}

static int parse_yaml(const Reading *reading, InputValue *ret)
{
    if (!reading->text) /* a default written as a map, too */
        return refuse_type(reading, "a text was expected");
    DocumentParts parts = {};
    document_split(reading->text, strlen(reading->text), &parts);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(document_freep) Document *document = NULL;
    if (parts.count == 0)
        ret->stored = json_null();
    else if (document_parse(parts.items[0].text, parts.items[0].length, &document_limits_flow, &document, &diag) == 0)
        ret->stored = json_incref(document_root(document));
    vec_free(&parts);
    return ret->stored ? 0 : refuse_type(reading, diag_first(&diag));
}

static bool matches(const char *pattern, const char *text)
{
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code =
        pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED,
                      PCRE2_UTF | PCRE2_ANCHORED | PCRE2_ENDANCHORED | PCRE2_DOLLAR_ENDONLY, &error, &offset, NULL);
    if (!code)
        return false;
    pcre2_match_data *data = pcre2_match_data_create(1, NULL);
    pcre2_match_context *limits = pcre2_match_context_create(NULL);
    pcre2_set_match_limit(limits, 1000000);
    int r = pcre2_match(code, (PCRE2_SPTR)text, strlen(text), 0, 0, data, limits);
    pcre2_match_context_free(limits);
    pcre2_match_data_free(data);
    pcre2_code_free(code);
    return r >= 0;
}

static int parse_uri(const Reading *reading, InputValue *ret)
{
    static const char pattern[] = "[a-z]+://(?:www\\.)?[-a-zA-Z0-9@:%._+~#=]{1,256}\\.[a-zA-Z0-9()]{1,6}\\b"
                                  "[-a-zA-Z0-9()@:%_+.~#?&/=]*";
    if (reading->text && matches(pattern, reading->text))
        return parse_text(reading, ret);
    _cleanup_free_ char *value = input_value_text(reading->value);
    buffer_printf(reading->reason, "Expected `URI` but received `%s`", value);
    return INPUT_VALUE_E_REFUSED;
}

static int parse_secret(const Reading *reading, InputValue *ret)
{
    if (!reading->text)
        return refuse_type(reading, "a text is needed");
    if (!reading->encryption_key) {
        buffer_append(reading->reason, "a SECRET needs the setting `kestra.encryption.secret-key`");
        return INPUT_VALUE_E_REFUSED;
    }
    _cleanup_free_ char *sealed = NULL;
    int r = encryption_seal(reading->encryption_key, reading->text, &sealed);
    if (r < 0)
        return trace(r);
    if (r > 0)
        return refuse_type(reading, "the setting `kestra.encryption.secret-key` is not a key in base64");
    ret->stored = json_string(sealed);
    return 0;
}

static int parse_item(const Reading *reading, const json_t *item, InputValue *ret)
{
    if (json_is_null(item)) {
        ret->stored = json_null();
        return 0;
    }
    _cleanup_buffer_ Buffer reason = {};
    const char *type = reading->item_type ? reading->item_type : "STRING";
    bool is_container = json_is_object(item) || json_is_array(item);
    int r = INPUT_VALUE_E_REFUSED;
    if (streq(type, "STRING"))
        ret->stored = json_incref((json_t *)(uintptr_t)item);
    else if (!(is_container || (streq(type, "BOOLEAN") && json_is_number(item))))
        r = input_value_parse(type, NULL, item, reading->encryption_key, ret, &reason);
    if (r < 0 || ret->stored)
        return MIN(r, 0);
    _cleanup_free_ char *text = input_value_text(item);
    buffer_printf(reading->reason, "Unable to parse array element as `%s` on `%s`", type, text);
    return INPUT_VALUE_E_REFUSED;
}

static int parse_array(const Reading *reading, InputValue *ret)
{
    _cleanup_json_ json_t *list = json_is_array(reading->value) ? json_incref((json_t *)(uintptr_t)reading->value)
                                  : reading->text               ? read_json(reading->text)
                                                                : NULL;
    if (!json_is_array(list))
        return refuse_type(reading, "a list, or JSON text of one, is needed");
    InputValue items = {json_array(), json_array()};
    size_t i;
    const json_t *item;
    int r = 0;
    json_array_foreach (list, i, item) {
        InputValue value = {};
        r = parse_item(reading, item, &value);
        if (r != 0)
            break;
        (void)json_array_append(items.stored, value.stored); /* no failure but memory */
        (void)json_array_append(items.shown, value.shown ? value.shown : value.stored);
        input_value_done(&value);
    }
    if (r == 0)
        *ret = items;
    else
        input_value_done(&items);
    return r;
}

static int check_pattern(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                         Buffer *reason)
{
    const char *pattern = json_get_text(declaration, "validator", NULL);
    if (!pattern)
        return 0;
    _cleanup_free_ char *text = input_value_text(given);
    if (matches(pattern, text))
        return 0;
    buffer_printf(reason, "it must match the pattern `%s`", pattern);
    return INPUT_VALUE_E_REFUSED;
}

static int check_email(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                       Buffer *reason)
{
    const char *text = json_string_value(parsed->stored);
    if (!*text || matches("[a-zA-Z0-9_!#$%&*+/=?`{|}~^.’-]+@[a-zA-Z0-9.-]+", text))
        return 0;
    buffer_append(reason, "The input must be a valid email");
    return INPUT_VALUE_E_REFUSED;
}

static int refuse_bound(Buffer *reason, const char *what, const json_t *bound)
{
    _cleanup_free_ char *text = input_value_text(bound);
    buffer_printf(reason, "%s `%s`", what, text);
    return INPUT_VALUE_E_REFUSED;
}

static double number_of(const json_t *value)
{
    return json_is_string(value) ? strtod(json_string_value(value), NULL) : json_number_value(value);
}

/* Float.compareTo: -0.0 is less than 0.0, NaN greater than all. Integers compare as they are. */
static int compare_numbers(double a, double b)
{
    if (a < b || a > b)
        return a < b ? -1 : 1;
    if (isnan(a) || isnan(b))
        return !!isnan(a) - !!isnan(b);
    return !!signbit(b) - !!signbit(a);
}

static int check_number(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                        Buffer *reason)
{
    static const struct {
        const char *name, *refusal;
        int wrong;
    } bounds[] = {{"min", "it must be more than", -1}, {"max", "it must be less than", 1}};
    bool is_float = streq(json_get_text(declaration, "type", ""), "FLOAT");
    for (size_t i = 0; i < ELEMENTS(bounds); i++) {
        const json_t *declared = json_object_get(declaration, bounds[i].name);
        if (!declared || json_is_null(declared))
            continue;
        double bound = is_float ? shortest_float((float)number_of(declared)) : trunc(number_of(declared));
        if (compare_numbers(number_of(parsed->stored), bound) != bounds[i].wrong)
            continue;
        _cleanup_json_ json_t *shown = is_float ? json_real(bound) : json_integer((json_int_t)bound);
        return refuse_bound(reason, bounds[i].refusal, shown);
    }
    return 0;
}

/* Which of two bounds is broken: their names, how both are read and what a refusal says. */
typedef struct Bounds {
    const char *low, *high;
    bool (*parse)(const char *text, Temporal *ret);
    void (*format)(Temporal value, char ret_text[static TEMPORAL_BYTES]); /* NULL: as declared */
    const char *low_text, *high_text;
} Bounds;

static int check_bound(const Bounds *bounds, const json_t *declaration, Temporal value, bool high, Buffer *reason)
{
    const char *text = json_get_text(declaration, high ? bounds->high : bounds->low, NULL);
    Temporal bound;
    if (!text || !bounds->parse(text, &bound))
        return 0;
    int order = temporal_compare(value, bound);
    if (high ? order <= 0 : order >= 0)
        return 0;
    char formatted[TEMPORAL_BYTES];
    if (bounds->format)
        bounds->format(bound, formatted);
    size_t length = bounds->format ? strlen(formatted) : 0;
    if (bounds->format == temporal_format_time && length == 8 && ends_with(formatted, ":00"))
        formatted[5] = '\0'; /* java.time.LocalTime leaves zero seconds out */
    buffer_printf(reason, "%s `%s`", high ? bounds->high_text : bounds->low_text, bounds->format ? formatted : text);
    return INPUT_VALUE_E_REFUSED;
}

static int check_bounds(const Bounds *bounds, const json_t *declaration, const InputValue *parsed, Buffer *reason)
{
    const char *text = json_string_value(parsed->shown ? parsed->shown : parsed->stored);
    Temporal value;
    if (!text || !bounds->parse(text, &value))
        return 0;
    int r = check_bound(bounds, declaration, value, false, reason);
    return r != 0 ? r : check_bound(bounds, declaration, value, true, reason);
}

#define CHECK_BOUNDS(name, ...)                                                                                        \
    static int name(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,    \
                    Buffer *reason)                                                                                    \
    {                                                                                                                  \
        static const Bounds bounds = {__VA_ARGS__};                                                                    \
        return check_bounds(&bounds, declaration, parsed, reason);                                                     \
    }
CHECK_BOUNDS(check_date_time, "after", "before", temporal_parse_date_time, temporal_format_instant, "it must be after",
             "it must be before")
CHECK_BOUNDS(check_date, "after", "before", temporal_parse_date, NULL, "it must be after", "it must be before")
CHECK_BOUNDS(check_time, "after", "before", temporal_parse_time, temporal_format_time, "it must be after",
             "it must be before")
CHECK_BOUNDS(check_duration, "min", "max", temporal_parse_duration, temporal_format_duration, "It must be more than",
             "It must be less than")

static bool is_among(const json_t *values, const json_t *value)
{
    size_t i;
    const json_t *item;
    json_array_foreach (values, i, item) {
        _cleanup_free_ char *text = input_value_text(item);
        if (json_is_string(value) && streq(text, json_string_value(value)))
            return true;
    }
    return false;
}

static int refuse_choice(const json_t *values, Buffer *reason)
{
    _cleanup_free_ char *text = values ? input_value_text(values) : xstrdup("[]");
    buffer_printf(reason, "it must match the values `%s`", text);
    return INPUT_VALUE_E_REFUSED;
}

static int check_choice(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                        Buffer *reason)
{
    bool required = !json_object_get(declaration, "required") || property_is_true(declaration, "required");
    if (!required || property_is_true(declaration, "allowCustomValue") || is_among(values, parsed->stored))
        return 0;
    return refuse_choice(values, reason);
}

static int check_choices(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                         Buffer *reason)
{
    if (property_is_true(declaration, "allowCustomValue"))
        return 0;
    size_t i;
    const json_t *item;
    json_array_foreach (parsed->stored, i, item) {
        if (!json_is_string(item) && !json_is_null(item)) {
            buffer_append(reason, "the chosen values must be texts");
            return INPUT_VALUE_E_REFUSED;
        }
        if (!is_among(values, item))
            return refuse_choice(values, reason);
    }
    return 0;
}

static const ValueType value_types[] = {
    {"STRING", parse_text, check_pattern},
    {"ENUM", parse_text, check_choice},
    {"SELECT", parse_text, check_choice},
    {"INT", parse_int, check_number},
    {"FLOAT", parse_float, check_number},
    {"BOOLEAN", parse_boolean, NULL},
    {"BOOL", parse_boolean, NULL},
    {"DATETIME", parse_date_time, check_date_time},
    {"DATE", parse_date, check_date},
    {"TIME", parse_time, check_time},
    {"DURATION", parse_duration, check_duration},
    {"FILE", parse_file, NULL},
    {"JSON", parse_json, NULL},
    {"URI", parse_uri, NULL},
    {"SECRET", parse_secret, check_pattern},
    {"ARRAY", parse_array, NULL},
    {"MULTISELECT", parse_array, check_choices},
    {"YAML", parse_yaml, NULL},
    {"EMAIL", parse_text, check_email},
};

static const ValueType *find_type(const char *name)
{
    for (size_t i = 0; i < ELEMENTS(value_types); i++)
        if (streq(value_types[i].name, name))
            return &value_types[i];
    return NULL;
}

int input_value_parse(const char *type, const char *item_type, const json_t *value, const char *encryption_key,
                      InputValue *ret, Buffer *reason)
{
    const ValueType *row = find_type(type);
    if (!row) {
        buffer_printf(reason, "unknown type `%s`", type);
        return INPUT_VALUE_E_REFUSED;
    }
    bool is_container = json_is_object(value) || json_is_array(value);
    _cleanup_free_ char *text = is_container ? NULL : input_value_text(value);
    const Reading reading = {type, item_type, value, text, encryption_key, reason};
    return row->parse(&reading, ret);
}

int input_value_check(const json_t *declaration, const json_t *values, const json_t *given, const InputValue *parsed,
                      Buffer *reason)
{
    const ValueType *row = find_type(json_get_text(declaration, "type", ""));
    if (!row || !row->check || !parsed->stored || json_is_null(parsed->stored))
        return 0;
    return row->check(declaration, values, given, parsed, reason);
}
