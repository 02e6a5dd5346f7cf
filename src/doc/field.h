/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * Field tables: one table describes the properties of a thing (a task type, an input, a trigger, the flow itself).
 * Out of it come the check with line and column, the JSON Schema for the editor and the documentation page.
 */
#include "doc/document.h"

typedef enum FieldKind {
    FIELD_STRING,
    FIELD_INTEGER,
    FIELD_NUMBER,
    FIELD_BOOLEAN,
    FIELD_DURATION, /* ISO-8601, or a number of seconds */
    FIELD_DATE_TIME,
    FIELD_ENUM,   /* .values */
    FIELD_LIST,   /* of .item, described by .fields when it is FIELD_OBJECT */
    FIELD_MAP,    /* text → .item */
    FIELD_OBJECT, /* .fields */
    FIELD_ANY,
    FIELD_TEXT_OR_LIST, /* a text or a list of texts */
    FIELD_MAP_OR_LIST,  /* labels: map, or list of {key, value} */
    FIELD_TASK,         /* one task */
    FIELD_TASKS,        /* a list of tasks */
    FIELD_TASK_CASES,   /* text → list of tasks (Switch) */
    FIELD_DAG_TASKS,    /* list of {task, dependsOn} */
    FIELD_CONDITIONS,   /* a list of conditions */
    FIELD_TRIGGERS,     /* a list of triggers */
    FIELD_INPUTS,       /* a list of inputs (flow, Pause.onResume) */
    FIELD_TASK_RUNNER,  /* one task runner */
    _FIELD_KIND_MAX,
} FieldKind;

typedef enum FieldFlags {
    FIELD_REQUIRED = 1 << 0,
    FIELD_DYNAMIC = 1 << 1, /* is rendered before it is read: any text passes the check of its kind */
    FIELD_DEPRECATED = 1 << 2,
    FIELD_NOT_EMPTY = 1 << 3, /* text, list or map not empty, and not absent; a required text must not be blank */
    FIELD_HAS_MINIMUM = 1 << 4,
    FIELD_HAS_MAXIMUM = 1 << 5,
    FIELD_NOT_NULL_ITEMS = 1 << 6,
    FIELD_POSITIVE = 1 << 7,
    FIELD_EXPRESSION = 1 << 8, /* may be an expression: a text with {{ or {% passes the check of its kind */
    FIELD_IGNORED = 1 << 9, /* accepted because flows have it; means nothing here, and the check of the flow says so */
} FieldFlags;

typedef struct Field Field;
struct Field {
    const char *name; /* NULL ends a table */
    FieldKind kind;
    unsigned flags;
    const char *fallback;       /* the default as JSON text ("\"INFO\"", "1", "true"), or NULL */
    const char *doc;            /* one line */
    FieldKind item;             /* FIELD_LIST, FIELD_MAP */
    const Field *fields;        /* FIELD_OBJECT, or the items when item is FIELD_OBJECT */
    const char *const *values;  /* FIELD_ENUM; ends with NULL */
    const char *pattern;        /* PCRE2, must match the whole text */
    double minimum, maximum;    /* with FIELD_HAS_MINIMUM / _MAXIMUM, both inclusive; texts: least length */
    unsigned length_max;        /* texts, in UTF-16 units; 0 = none */
    const char *const *aliases; /* other accepted names; ends with NULL */
};

/* Called for values that the table cannot check itself (FIELD_TASK… FIELD_TASK_RUNNER): the model does. */
typedef void (*FieldVisitor)(void *userdata, const Field *field, const json_t *parent, json_t *value, const char *path);

/* Compiled patterns of one parse, so that a pattern is compiled once. {} is empty. */
typedef struct FieldPattern {
    const char *pattern; /* borrowed from the table */
    struct pcre2_real_code_8 *code;
} FieldPattern;
typedef struct FieldPatterns {
    VEC(FieldPattern) items;
} FieldPatterns;
void field_patterns_done(FieldPatterns *patterns);

typedef struct FieldCheck {
    const Document *document; /* for positions; may be NULL */
    Diag *diag;
    FieldVisitor visit; /* may be NULL */
    void *userdata;
    const char *class_name;  /* for messages about unknown properties */
    const char *name;        /* of the object for people (a task's id), or NULL */
    FieldPatterns *patterns; /* may be NULL */
    /* True when a missing property has a value from elsewhere (plugin defaults). May be NULL. */
    bool (*has_default)(void *userdata, const json_t *object, const char *property);
    bool lenient; /* unknown properties are no error */
    bool spelled; /* a text property is what is written: 010 is "010"; else its value's text, "8" */
} FieldCheck;

/* Reports a broken rule at property `key` of `object` (NULL: the object itself, which stands at `path`). */
void field_report(const FieldCheck *check, const json_t *object, const char *key, const char *path, const char *format,
                  ...) _printf_(5, 6);
/* The same for a value that cannot be read as what it should be. */
void field_report_form(const FieldCheck *check, const json_t *object, const char *key, const char *path,
                       const char *format, ...) _printf_(5, 6);

/*
 * Checks `object` against table (and `common`, may be NULL: properties that every task or trigger has). Reports every
 * unknown, missing, mistyped, out-of-range property to check->diag, at path-prefixed positions. Unknown property text:
 * `Unrecognized field "x" (class C), not marked as ignorable (known properties: a, b)`.
 */
void field_check(const FieldCheck *check, const Field *table, const Field *common, const json_t *object,
                 const char *path);
/* Whether a text has something to render. */
bool field_is_expression(const char *text);
/* The row for name (or an alias), or NULL. */
const Field *field_find(const Field *table, const char *name);
/* JSON Schema draft 2019-09 of the table, in the form of spec/types: {"properties":{…},"required":[…]}. New. */
json_t *field_schema(const Field *table, const Field *common);
