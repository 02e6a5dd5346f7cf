/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A field is a list of parts: `*`, `n`, `a-b`, each with an optional `/step`. The messages are those of the Java
 * library, because users and recorded cases know them; the order of the checks follows from that.
 */
#include "when/cron_field.h"

#include <ctype.h>
#include <unicode/uchar.h>
#include <unicode/utf8.h>

#include "when/cron.h"

typedef struct Part {
    unsigned from, to, step;
    bool is_any;
} Part;

static int invalid(Diag *diag, const char *format, const char *detail, const char *more)
{
    diag_error(diag, NULL, 0, 0, format, detail, more);
    return CRON_E_INVALID;
}

/* What remains of text without everything that may stand in a field: the culprits. */
static char *invalid_characters(const CronFieldKind *kind, const char *text)
{
    char *rest = xmalloc(strlen(text) + 1);
    size_t length = 0;
    while (*text) {
        size_t skip = strchr("#?/*0123456789,- \t", *text) ? 1 : 0;
        for (const char *const *name = kind->names; !skip && name && *name; name++)
            if (starts_with(text, *name) && !isalpha((unsigned char)text[strlen(*name)]))
                skip = strlen(*name);
        if (skip)
            text += skip;
        else
            rest[length++] = *text++;
    }
    rest[length] = 0;
    return rest;
}

/* Decimal digits of any script, as Integer.parseInt takes them. */
static bool number_parse(const char *text, unsigned *ret)
{
    int32_t at = 0, length = (int32_t)strlen(text);
    uint64_t value = 0;
    while (at < length) {
        UChar32 c;
        U8_NEXT(text, at, length, c);
        int digit = c < 0 ? -1 : u_charDigitValue(c);
        if (digit < 0 || (value = value * 10 + (unsigned)digit) > INT32_MAX)
            return false;
    }
    *ret = (unsigned)value;
    return length > 0;
}

static int value_parse(const CronFieldKind *kind, const char *text, unsigned *ret, Diag *diag)
{
    for (unsigned i = 0; kind->names && kind->names[i]; i++)
        if (streq(text, kind->names[i])) {
            *ret = kind->names_first + i;
            return 0;
        }
    if (number_parse(text, ret))
        return 0;
    _cleanup_free_ char *culprits = invalid_characters(kind, text);
    return invalid(diag,
                   "Failed to parse cron expression. Invalid chars in expression! Expression: %s Invalid chars: %s",
                   text, culprits);
}

static int range_check(const CronFieldKind *kind, const char *what, unsigned value, Diag *diag)
{
    bool period = streq(what, "Period");
    if (value <= kind->last && (period ? value > 0 : value >= kind->first))
        return 0;
    diag_error(diag, NULL, 0, 0, "Failed to parse cron expression. %s %u not in range [%u, %u]", what, value,
               kind->first, kind->last);
    return CRON_E_INVALID;
}

/* "base/step": cuts text at the slash and reads the step. */
static int step_cut(char *text, const char *whole, unsigned *ret_step, Diag *diag)
{
    char *slash = strchr(text, '/');
    *ret_step = 1;
    if (!slash)
        return 0;
    if (strchr(slash + 1, '/'))
        return invalid(diag, "Failed to parse cron expression. Invalid expression: %s", whole, "");
    if (!slash[1])
        return invalid(diag, "Failed to parse cron expression. Missing steps for expression: %s", whole, "");
    if (!number_parse(slash + 1, ret_step))
        return invalid(diag, "Failed to parse cron expression. For input string: \"%s\"", slash + 1, "");
    *slash = 0;
    return 0;
}

static int range_parse(const CronFieldKind *kind, char *text, Part *ret, Diag *diag)
{
    _cleanup_free_ char *whole = xstrdup(text);
    char *dash = strchr(text, '-');
    if (!dash[1] || strchr(dash + 1, '-'))
        return invalid(diag, "Failed to parse cron expression. Missing values for range: %s", whole, "");
    if (dash == text)
        return invalid(diag,
                       "Failed to parse cron expression. Invalid expression! Expression: %s does not describe a range. "
                       "Negative numbers are not allowed.",
                       whole, "");
    *dash = 0;
    if (streq(text, "L"))
        return invalid(diag,
                       "Failed to parse cron expression. Invalid chars in expression! Expression: %s Invalid chars: %s",
                       whole, "L");
    int r = value_parse(kind, text, &ret->from, diag);
    if (!r)
        r = step_cut(dash + 1, whole, &ret->step, diag);
    if (!r)
        r = value_parse(kind, dash + 1, &ret->to, diag);
    return r;
}

static int part_parse(const CronFieldKind *kind, char *text, Part *ret, Diag *diag)
{
    *ret = (Part){.from = kind->first, .to = kind->last, .step = 1};
    bool plain = !strpbrk(text, "/-");
    if (plain && strpbrk(text, "?#"))
        return invalid(diag, "Failed to parse cron expression. Invalid expression: %s", text, "");
    if (strchr(text, '-'))
        return range_parse(kind, text, ret, diag);
    _cleanup_free_ char *whole = xstrdup(text);
    int r = step_cut(text, whole, &ret->step, diag);
    if (r)
        return r;
    if (streq(text, "*") || (!plain && !*text)) {
        ret->is_any = ret->step == 1;
        return 0;
    }
    r = value_parse(kind, text, &ret->from, diag);
    ret->to = plain ? ret->from : kind->last;
    return r;
}

static int part_check(const CronFieldKind *kind, const Part *part, Diag *diag)
{
    int r = range_check(kind, "Value", part->from, diag);
    if (!r)
        r = range_check(kind, "Value", part->to, diag);
    if (!r && part->from > part->to) {
        diag_error(diag, NULL, 0, 0, "Failed to parse cron expression. Invalid range! [%u,%u]", part->from, part->to);
        r = CRON_E_INVALID;
    }
    return r ? r : range_check(kind, "Period", part->step, diag);
}

int cron_field_parse(const CronFieldKind *kind, const char *text, CronField *ret, Diag *diag)
{
    size_t length = strlen(text);
    if (length && text[length - 1] == ',')
        return invalid(diag, "Invalid field value! Trailing commas not permitted! '%s'", text, "");
    _cleanup_free_ char *copy = xstrdup(text);
    *ret = (CronField){};
    unsigned parts = 0;
    for (char *rest = copy, *text_of_part; (text_of_part = strsep(&rest, ",")); parts++) {
        Part part;
        int r = part_parse(kind, text_of_part, &part, diag);
        if (!r)
            r = part_check(kind, &part, diag);
        if (r)
            return r;
        for (unsigned value = part.from; value <= part.to; value += part.step)
            ret->set |= UINT64_C(1) << value;
        ret->is_any = part.is_any && parts == 0 && !rest;
    }
    return 0;
}
