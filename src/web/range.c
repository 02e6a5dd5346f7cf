/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A header that is not understood is left alone, as the standard wants it: the answer is the whole file. If-Range is
 * not compared with anything, since files have no validators here, so it always means the whole.
 */
#include "web/range.h"

#define UNIT "bytes="

bool range_is_asked(const HttpRequest *request)
{
    const char *value = http_header(request, "Range");
    return value && strncasecmp(value, UNIT, strlen(UNIT)) == 0 && !strchr(value, ',') &&
           !http_header(request, "If-Range");
}

/* Digits, -1 for none; *p is moved behind them. False: too many. */
static bool take_number(const char **p, int64_t *ret)
{
    *ret = **p >= '0' && **p <= '9' ? 0 : -1;
    for (; **p >= '0' && **p <= '9'; (*p)++)
        if (__builtin_mul_overflow(*ret, 10, ret) || __builtin_add_overflow(*ret, **p - '0', ret))
            return false;
    return true;
}

static int within(int64_t size, int64_t first, int64_t last, int64_t *ret_offset, int64_t *ret_length)
{
    if (first < 0) { /* the last so many */
        first = last > size ? 0 : size - last;
        last = size - 1;
    }
    if (last < 0 || last >= size)
        last = size - 1;
    if (first > last)
        return RANGE_E_OUTSIDE;
    *ret_offset = first;
    *ret_length = last - first + 1;
    return 0;
}

int range_of(const HttpRequest *request, int64_t size, int64_t *ret_offset, int64_t *ret_length)
{
    if (!range_is_asked(request))
        return RANGE_E_NONE;
    const char *p = http_header(request, "Range") + strlen(UNIT);
    int64_t first, last;
    if (!take_number(&p, &first) || *p++ != '-' || !take_number(&p, &last) || *p)
        return RANGE_E_NONE;
    if ((first < 0 && last < 0) || (first >= 0 && last >= 0 && last < first))
        return RANGE_E_NONE;
    return within(size, first, last, ret_offset, ret_length);
}
