/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/fields.h"

const char *const fields_log_levels[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE", NULL};

const Field fields_namespace_files[] = {
    {"enabled", FIELD_BOOLEAN, FIELD_EXPRESSION, .fallback = "true",
     .doc = "Whether the namespace's files are put there."},
    {"include", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING,
     .doc = "Globs of what is wanted; default: everything."},
    {"exclude", FIELD_LIST, FIELD_EXPRESSION, .item = FIELD_STRING, .doc = "Globs of what is left out."},
    {},
};
