/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bench-expr: renders per second and allocations per render of typical templates, on one core. Allocations are counted
 * by wrapping malloc for this program only (ld --wrap).
 */
#include <jansson.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "expr/expr.h"

#define MEASURE_USEC (USEC_PER_SEC / 2)

static uint64_t allocations;

void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    allocations++;
    return __real_malloc(size);
}
void *__real_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_calloc(size_t count, size_t size)
{
    allocations++;
    return __real_calloc(count, size);
}
void *__real_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size);
void *__wrap_realloc(void *old, size_t size)
{
    allocations++;
    return __real_realloc(old, size);
}

static void measure(const char *name, const char *source, const ExprContext *context)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(expr_unrefp) Expr *expr = NULL;
    if (expr_compile(source, strlen(source), &expr, &diag) != 0) {
        printf("%-28s %s\n", name, diag_first(&diag));
        return;
    }
    char *text;
    uint64_t rounds = 0;
    for (unsigned i = 0; i < 10; i++) { /* warm up: the thread's workspace grows to its size */
        if (expr_render(expr, context, &text, &diag) != 0) {
            printf("%-28s %s\n", name, diag_first(&diag));
            return;
        }
        free(text);
    }
    uint64_t allocated = allocations;
    usec_t start = clock_monotonic(), elapsed = 0;
    do {
        for (unsigned i = 0; i < 64; i++, rounds++) {
            if (expr_render(expr, context, &text, &diag) == 0)
                free(text);
        }
        elapsed = clock_monotonic() - start;
    } while (elapsed < MEASURE_USEC);
    printf("%-28s %10.0f renders/s %8.1f allocations/render\n", name, (double)rounds * 1e6 / (double)elapsed,
           (double)(allocations - allocated) / (double)rounds);
}

int main(void)
{
    json_t *variables =
        json_loads("{\"outputs\":{\"a\":{\"value\":\"some text\"}},\"inputs\":{\"name\":\"  World of Words \"},"
                   "\"items\":[]}",
                   0, NULL);
    for (int i = 0; i < 100; i++)
        json_array_append_new(json_object_get(variables, "items"), json_integer(i));
    ExprContext context = {.variables = variables};
    _cleanup_buffer_ Buffer big = {};
    while (big.length < 10240)
        buffer_append(
            &big, "A line of plain text in a script\necho {{ outputs.a.value }} {{ inputs.name | trim | upper }}\n");
    measure("literal", "a plain text without any expression", &context);
    measure("{{ outputs.a.value }}", "{{ outputs.a.value }}", &context);
    measure("5 filters", "{{ inputs.name | trim | lower | capitalize | substringBefore('of') | upper }}", &context);
    measure("loop of 100", "{% for i in items %}{{ i }},{% endfor %}", &context);
    measure("10 KB template", big.text, &context);
    json_decref(variables);
    return 0;
}
