/* SPDX-License-Identifier: Apache-2.0 */
/* The declaration of inputs: one row a type, with its own properties. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "model/flow_private.h"
#include "model/input.h"
#include "model/temporal.h"

static const Field depends_on_fields[] = {
    {"inputs", FIELD_LIST, .item = FIELD_STRING, .doc = "Ids of inputs that are asked before this one."},
    {"condition", FIELD_STRING, FIELD_DYNAMIC, .doc = "Expression; the input is left out unless it gives true."},
    {},
};

const Field fields_of_every_input[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .pattern = "^[a-zA-Z0-9][.a-zA-Z0-9_-]*",
     .doc = "Name of the input.", .aliases = (const char *const[]){"name", NULL}},
    {"type", FIELD_STRING, FIELD_REQUIRED, .doc = "What is asked for."},
    {"description", FIELD_STRING, .doc = "What it is for; Markdown."},
    {"dependsOn", FIELD_OBJECT, .fields = depends_on_fields, .doc = "Other inputs that it needs."},
    {"required", FIELD_BOOLEAN, .fallback = "true", .doc = "Whether it must be given."},
    {"displayName", FIELD_STRING, .length_max = 64, .doc = "Name for people."},
    {},
};

#define DEFAULTS(kind)                                                                                                 \
    {"defaults", kind, FIELD_EXPRESSION, .doc = "Value when none is given; may be an expression."},                    \
    {                                                                                                                  \
        "prefill", kind, FIELD_EXPRESSION, .doc = "What a form shows at first; not a default."                         \
    }
#define BOUNDS(kind, low, high)                                                                                        \
    {low, kind, .doc = "Smallest value."},                                                                             \
    {                                                                                                                  \
        high, kind, .doc = "Largest value."                                                                            \
    }

static const Field string_fields[] = {
    DEFAULTS(FIELD_STRING),
    {"validator", FIELD_STRING, .doc = "Regular expression that the whole text must match."},
    {},
};
static const Field enum_fields[] = {
    DEFAULTS(FIELD_STRING),
    {"values", FIELD_LIST, FIELD_REQUIRED, .item = FIELD_STRING, .doc = "The allowed values."},
    {},
};
static const Field select_fields[] = {
    DEFAULTS(FIELD_STRING),
    {"values", FIELD_LIST, .item = FIELD_STRING, .doc = "The allowed values."},
    {"expression", FIELD_STRING, FIELD_DYNAMIC, .doc = "Expression that gives the list of allowed values."},
    {"allowCustomValue", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether other values are allowed."},
    {"isRadio", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether a form shows radio buttons."},
    {},
};
static const Field multiselect_fields[] = {
    {"defaults", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING, .doc = "Values when none are given."},
    {"prefill", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING, .doc = "What a form shows at first."},
    {"values", FIELD_LIST, .item = FIELD_STRING, .doc = "The allowed values."},
    {"options", FIELD_LIST, FIELD_DEPRECATED, .item = FIELD_STRING, .doc = "Deprecated name of values."},
    {"expression", FIELD_STRING, FIELD_DYNAMIC, .doc = "Expression that gives the list of allowed values."},
    {"itemType", FIELD_ENUM, .values = names_of_value_types, .fallback = "\"STRING\"", .doc = "Type of the values."},
    {"allowCustomValue", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether other values are allowed."},
    {},
};
static const Field int_fields[] = {DEFAULTS(FIELD_INTEGER), BOUNDS(FIELD_INTEGER, "min", "max"), {}};
static const Field float_fields[] = {DEFAULTS(FIELD_NUMBER), BOUNDS(FIELD_NUMBER, "min", "max"), {}};
static const Field duration_fields[] = {DEFAULTS(FIELD_DURATION), BOUNDS(FIELD_DURATION, "min", "max"), {}};
static const Field date_time_fields[] = {DEFAULTS(FIELD_DATE_TIME), BOUNDS(FIELD_DATE_TIME, "after", "before"), {}};
static const Field day_fields[] = {DEFAULTS(FIELD_STRING), BOUNDS(FIELD_STRING, "after", "before"), {}};
static const Field boolean_fields[] = {DEFAULTS(FIELD_BOOLEAN), {}};
static const Field any_fields[] = {DEFAULTS(FIELD_ANY), {}};
static const Field text_fields[] = {DEFAULTS(FIELD_STRING), {}};
static const Field file_fields[] = {
    DEFAULTS(FIELD_ANY),
    {"extension", FIELD_STRING, .fallback = "\".upl\"", .doc = "End of the stored file's name."},
    {},
};
static const Field array_fields[] = {
    {"defaults", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "Values when none are given."},
    {"prefill", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_ANY, .doc = "What a form shows at first."},
    {"itemType", FIELD_ENUM, FIELD_REQUIRED, .values = names_of_value_types, .doc = "Type of the items."},
    {},
};

static void check_pattern(const FieldCheck *check, const json_t *input, const char *path)
{
    const char *pattern = json_get_text(input, "validator", NULL);
    if (!pattern)
        return;
    int error;
    PCRE2_SIZE offset;
    pcre2_code *code = pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, PCRE2_UTF, &error, &offset, NULL);
    pcre2_code_free(code);
    if (!code)
        field_report(check, input, "validator", path, "invalid pattern [%s]", pattern);
}

/* The members that hold a day or a time: what java.time reads. Numbers are days since 1970; a time is no number. */
static void check_temporal(const FieldCheck *check, const json_t *input, const char *path, bool days,
                           bool (*parse)(const char *text, Temporal *ret), const char *what)
{
    static const char *const members[] = {"defaults", "after", "before"};
    for (size_t i = 0; i < ELEMENTS(members); i++) {
        const json_t *value = json_object_get(input, members[i]);
        if (!value || json_is_null(value) || (days && json_is_integer(value)))
            continue;
        Temporal parsed;
        const char *text = json_string_value(value);
        if (text && (text[strspn(text, " \t\r\n")] == '\0' || field_is_expression(text) || parse(text, &parsed)))
            continue;
        _cleanup_free_ char *found = json_text(value);
        field_report_form(check, input, members[i], path, "expected %s but found %s", what, found);
    }
}

static void check_day(const FieldCheck *check, const json_t *input, const char *path)
{
    check_temporal(check, input, path, true, temporal_parse_declared_date, "a date such as 2024-01-15");
}

static void check_time(const FieldCheck *check, const json_t *input, const char *path)
{
    check_temporal(check, input, path, false, temporal_parse_declared_time, "a time such as 10:30:00");
}

static void check_file(const FieldCheck *check, const json_t *input, const char *path)
{
    const json_t *defaults = json_object_get(input, "defaults");
    if (defaults && !json_is_null(defaults))
        field_report(check, input, NULL, path, "no `defaults` can be set for inputs of type 'FILE'");
}

static void check_array(const FieldCheck *check, const json_t *input, const char *path)
{
    if (streq(json_get_text(input, "itemType", ""), "ARRAY"))
        field_report(check, input, NULL, path, "`itemType` cannot be `ARRAY`");
}

#define CLASS(name) "io.kestra.core.models.flows.input." name "Input"
const Variant input_variants[] = {
    {"STRING", CLASS("String"), string_fields, check_pattern, false},
    {"ENUM", CLASS("Enum"), enum_fields, NULL, true},
    {"SELECT", CLASS("Select"), select_fields, NULL, false},
    {"INT", CLASS("Int"), int_fields, NULL, false},
    {"FLOAT", CLASS("Float"), float_fields, NULL, false},
    {"BOOLEAN", CLASS("Boolean"), boolean_fields, NULL, false},
    {"BOOL", CLASS("Bool"), boolean_fields, NULL, false},
    {"DATETIME", CLASS("DateTime"), date_time_fields, NULL, false},
    {"DATE", CLASS("Date"), day_fields, check_day, false},
    {"TIME", CLASS("Time"), day_fields, check_time, false},
    {"DURATION", CLASS("Duration"), duration_fields, NULL, false},
    {"FILE", CLASS("File"), file_fields, check_file, false},
    {"JSON", CLASS("Json"), any_fields, NULL, false},
    {"URI", CLASS("URI"), text_fields, NULL, false},
    {"SECRET", CLASS("Secret"), string_fields, check_pattern, false},
    {"ARRAY", CLASS("Array"), array_fields, check_array, false},
    {"MULTISELECT", CLASS("Multiselect"), multiselect_fields, NULL, false},
    {"YAML", CLASS("Yaml"), any_fields, NULL, false},
    {"EMAIL", CLASS("Email"), text_fields, NULL, false},
    {},
};

json_t *input_schema(const char *type)
{
    for (const Variant *variant = input_variants; variant->type; variant++)
        if (streq(variant->type, type))
            return field_schema(variant->fields, fields_of_every_input);
    return NULL;
}
