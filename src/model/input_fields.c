/* SPDX-License-Identifier: Apache-2.0 */
/* The declaration of inputs: one row a type, with its own properties. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "model/flow_private.h"
#include "model/input.h"

static const Field depends_on_fields[] = {
    {"inputs", FIELD_LIST, .doc = "Ids of inputs that are asked before this one."},
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
    {"defaults", kind, FIELD_DYNAMIC, .doc = "Value when none is given; may be an expression."},                       \
    {                                                                                                                  \
        "prefill", kind, FIELD_DYNAMIC, .doc = "What a form shows at first; not a default."                            \
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
    {"values", FIELD_LIST, FIELD_REQUIRED, .doc = "The allowed values."},
    {},
};
static const Field select_fields[] = {
    DEFAULTS(FIELD_STRING),
    {"values", FIELD_LIST, .doc = "The allowed values."},
    {"expression", FIELD_STRING, FIELD_DYNAMIC, .doc = "Expression that gives the list of allowed values."},
    {"allowCustomValue", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether other values are allowed."},
    {"isRadio", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether a form shows radio buttons."},
    {},
};
static const Field multiselect_fields[] = {
    DEFAULTS(FIELD_ANY),
    {"values", FIELD_LIST, .doc = "The allowed values.", .aliases = (const char *const[]){"options", NULL}},
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
    DEFAULTS(FIELD_ANY),
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
    {"DATE", CLASS("Date"), day_fields, NULL, false},
    {"TIME", CLASS("Time"), day_fields, NULL, false},
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
