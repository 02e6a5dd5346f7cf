/* SPDX-License-Identifier: Apache-2.0 */
/* uuid, id, randomInt. */
#include "base/id.h"
#include "expr/calls.h"

static uint64_t random_of(const Call *call)
{
    const ExprServices *services = call->eval->context->services;
    return services && services->random ? services->random(services->userdata) : random_bits();
}

static int function_uuid(Call *call, Value *ret)
{
    uint64_t high = (random_of(call) & ~UINT64_C(0xF000)) | 0x4000;
    uint64_t low = (random_of(call) & UINT64_C(0x3FFFFFFFFFFFFFFF)) | UINT64_C(0x8000000000000000);
    const char *text = arena_printf(call->eval->arena, "%08x-%04x-%04x-%04x-%012" PRIx64, (unsigned)(high >> 32),
                                    (unsigned)(high >> 16 & 0xFFFF), (unsigned)(high & 0xFFFF), (unsigned)(low >> 48),
                                    low & UINT64_C(0xFFFFFFFFFFFF));
    *ret = value_text(text, strlen(text));
    return 0;
}

static int function_id(Call *call, Value *ret)
{
    char id[ID_BYTES];
    uint64_t high = (random_of(call) & ~UINT64_C(0xF000)) | 0x4000;
    uint64_t low = (random_of(call) & UINT64_C(0x3FFFFFFFFFFFFFFF)) | UINT64_C(0x8000000000000000);
    id_from_bits(high, low, id);
    *ret = value_text(arena_strdup(call->eval->arena, id), strlen(id));
    return 0;
}

/* Kestra takes 32-bit integers only, and a literal is a long: such a call has always been refused. */
static int bound(Call *call, size_t index, const char *name, int64_t *ret)
{
    Value value = call_argument(call, index);
    if (!call_has(call, index))
        return call_fail(call, "The 'GenerateRandomNumber' function expects an argument %s", name);
    if (value.kind != VALUE_INTEGER)
        return call_fail(call, "The 'GenerateRandomNumber' function expects an argument %swith type Integer.", name);
    *ret = value.integer;
    return 0;
}

static int function_random_int(Call *call, Value *ret)
{
    int64_t lower, upper;
    int r = bound(call, 0, "lower", &lower);
    if (!r)
        r = bound(call, 1, "upper", &upper);
    if (r)
        return r;
    if (upper < lower)
        return call_fail(call, "In 'GenerateRandomNumber' upper is less than lower");
    uint64_t span = (uint64_t)(upper - lower);
    *ret = value_long(lower + (int64_t)(span ? random_of(call) % span : 0));
    return 0;
}

static const char *const no_arguments[] = {NULL};
static const char *const bounds_arguments[] = {"lower", "upper", NULL};

const CallRow functions_random[] = {
    {"id", function_id, no_arguments, 0, NULL},
    {"randomInt", function_random_int, bounds_arguments, 0, NULL},
    {"uuid", function_uuid, no_arguments, 0, NULL},
    {},
};
