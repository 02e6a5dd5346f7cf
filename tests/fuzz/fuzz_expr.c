/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fuzz target for the expression engine: a template, a NUL byte, and optionally a JSON context. Rendering twice must
 * give the same text.
 */
#include "fuzz.h"

#include "doc/json.h"
#include "expr/expr.h"

static const char default_context[] =
    "{\"inputs\":{\"name\":\"Ada\",\"n\":3,\"d\":2.5,\"list\":[1,\"b\",null,[2]],\"at\":\"2024-03-05T08:15:30Z\"},"
    "\"outputs\":{\"a\":{\"value\":\"{{ inputs.n "
    "}}\"}},\"s\":\"text\",\"i\":1,\"m\":{\"k\":{\"l\":1}},\"e\":[],\"nil\":null}";

/* libjq 1.6 loses memory when a program does not compile. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:libjq\n";
}

static usec_t fixed_time(void *userdata)
{
    return UINT64_C(1700000000000000);
}
static uint64_t fixed_random(void *userdata)
{
    return 42;
}

static int render(const Expr *expr, const json_t *variables, bool recursive, char **ret)
{
    static const ExprServices services = {.now = fixed_time, .random = fixed_random};
    static const ExprLimits limits = {
        .depth_max = 32, .output_bytes_max = 1 << 16, .steps_max = 20000, .memory_bytes_max = 16 << 20};
    ExprContext context = {.variables = variables, .services = &services, .limits = &limits, .recursive = recursive};
    return expr_render(expr, &context, ret, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > FUZZ_INPUT_MAX)
        return 0;
    const uint8_t *end = memchr(data, 0, size);
    size_t length = end ? (size_t)(end - data) : size;
    _cleanup_json_ json_t *variables = NULL, *typed = NULL;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    if (!end || json_parse((const char *)end + 1, size - length - 1, 0, &variables, NULL) != 0)
        variables = json_loads(default_context, 0, NULL);
    if (expr_compile((const char *)data, length, &expr, NULL) != 0)
        return 0;
    _cleanup_free_ char *first = NULL, *second = NULL, *third = NULL;
    int r = render(expr, variables, false, &first), again = render(expr, variables, false, &second);
    bool is_random = memmem(data, length, "encrypt", 7) != NULL;
    bool is_timed = memmem(data, length, "jq", 2) != NULL; /* what jq spends of the budget is processor time */
    if ((r != again && !is_timed) || (r == 0 && again == 0 && !is_random && !streq(first, second)))
        abort();
    ExprContext context = {.variables = variables};
    int recursive = render(expr, variables, true, &third), as_value = expr_render_typed(expr, &context, &typed, NULL);
    if ((recursive == 0) != (third != NULL) || (as_value == 0) != (typed != NULL))
        abort();
    return 0;
}
