/* SPDX-License-Identifier: Apache-2.0 */
/* now */
#include "expr/date.h"
#include "base/clock.h"
#include "expr/calls.h"

static int function_now(Call *call, Value *ret)
{
    const ExprServices *services = call->eval->context->services;
    usec_t now = services && services->now ? services->now(services->userdata) : clock_realtime();
    Value format = call_argument(call, 0), zone = call_argument(call, 1), locale = call_argument(call, 3);
    DateStyle style;
    int r = date_style(call->eval, &zone, &locale, &style);
    if (r)
        return r;
    Date date = {.kind = DATE_ZONED,
                 .seconds = (int64_t)(now / USEC_PER_SEC),
                 .nanos = (uint32_t)(now % USEC_PER_SEC) * 1000,
                 .zone = style.zone};
    return date_print(call->eval, &date, &format, &style, ret);
}

static const char *const now_arguments[] = {"format", "timeZone", "existingFormat", "locale", NULL};

const CallRow functions_date[] = {
    {"now", function_now, now_arguments, 0, NULL},
    {},
};
