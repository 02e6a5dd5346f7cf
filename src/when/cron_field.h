/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* One field of a cron expression, read as com.cronutils.parser.field.FieldParser does with Kestra's definition. */
#include "base/diag.h"

typedef struct CronFieldKind {
    unsigned first, last;
    const char *const *names; /* upper case, of value names_first onwards; ends with NULL; or NULL */
    unsigned names_first;
} CronFieldKind;

typedef struct CronField {
    uint64_t set; /* bit n: value n matches */
    bool is_any;  /* a bare star, or star with step 1 */
} CronField;

/* text is upper case. CRON_E_INVALID with the reason, in cron-utils' words, in diag. */
int cron_field_parse(const CronFieldKind *kind, const char *text, CronField *ret, Diag *diag) _must_check_;
