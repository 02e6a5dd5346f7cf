/* SPDX-License-Identifier: Apache-2.0 */
/* Keys: [<flow>_]states_tasks-states_<name>[_<hash of the ForEach value>]; the hash is Murmur3 (x64, 128 bits), as in Kestra. */
#include "plugin/core/state/state_task.h"

#include "base/clock.h"

static uint64_t rotate(uint64_t value, unsigned by)
{
    return value << by | value >> (64 - by);
}

static uint64_t mix(uint64_t value)
{
    value ^= value >> 33;
    value *= UINT64_C(0xff51afd7ed558ccd);
    value ^= value >> 33;
    value *= UINT64_C(0xc4ceb9fe1a85ec53);
    return value ^ value >> 33;
}

/* Up to eight bytes, the first the lowest. */
static uint64_t load(const char *bytes, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < MIN(length, (size_t)8); i++)
        value |= (uint64_t)(unsigned char)bytes[i] << (8 * i);
    return value;
}

/* Mixes one block of up to 16 bytes into the two halves. */
static void take_block(const char *bytes, size_t length, uint64_t halves[static 2])
{
    const uint64_t c1 = UINT64_C(0x87c37b91114253d5), c2 = UINT64_C(0x4cf5ad432745937f);
    uint64_t k1 = load(bytes, length), k2 = length > 8 ? load(bytes + 8, length - 8) : 0;
    k1 = rotate(k1 * c1, 31) * c2;
    k2 = rotate(k2 * c2, 33) * c1;
    halves[0] ^= k1;
    if (length < 16) {
        halves[1] ^= k2;
        return;
    }
    halves[0] = (rotate(halves[0], 27) + halves[1]) * 5 + 0x52dce729;
    halves[1] ^= k2;
    halves[1] = (rotate(halves[1], 31) + halves[0]) * 5 + 0x38495ab5;
}

static char *hash_text(const char *text)
{
    uint64_t halves[2] = {};
    size_t length = strlen(text);
    for (size_t at = 0; at < length; at += 16)
        take_block(text + at, MIN(length - at, (size_t)16), halves);
    halves[0] ^= length;
    halves[1] ^= length;
    halves[0] += halves[1];
    halves[1] += halves[0];
    halves[0] = mix(halves[0]);
    halves[1] = mix(halves[1]);
    halves[0] += halves[1];
    halves[1] += halves[0];
    Buffer hex = {};
    for (unsigned i = 0; i < 16; i++)
        buffer_printf(&hex, "%02x", (unsigned)(halves[i / 8] >> (8 * (i % 8)) & 0xFF));
    return buffer_take(&hex);
}

const char *state_task_namespace(const RunContext *run)
{
    return json_get_text(json_object_get(run->job, "flow"), "namespace", "");
}

int state_task_key(RunContext *run, char **ret_key)
{
    _cleanup_free_ char *name = NULL, *hash = NULL;
    bool of_namespace, of_value;
    if (!run->storage)
        return run_fail(run, "Internal storage is not available here");
    int r = run_text(run, "name", &name);
    if (r == 0)
        r = run_boolean(run, "namespace", false, &of_namespace);
    if (r == 0)
        r = run_boolean(run, "taskrunValue", true, &of_value);
    if (r != 0)
        return r;
    const char *value = json_get_text(run->job, "value", NULL);
    _cleanup_free_ char *flow = blob_slug(json_get_text(json_object_get(run->job, "flow"), "id", ""));
    if (of_value && value)
        hash = hash_text(value);
    _cleanup_free_ char *key = xasprintf("%s%sstates_tasks-states_%s%s%s", of_namespace ? "" : flow, of_namespace ? "" : "_",
                                         name ? name : "default", hash ? "_" : "", hash ? hash : "");
    if (!kv_key_is_valid(key))
        return run_fail(run, "'%s' cannot be the name of a state", name ? name : "");
    *ret_key = TAKE_PTR(key);
    return 0;
}

int state_task_load(RunContext *run, const char *key, bool *ret_exists, json_t **ret)
{
    json_t *value = NULL;
    int r = kv_get(run->storage, state_task_namespace(run), key, clock_realtime(), &value);
    if (r != 0 && r != KV_E_NONE && r != KV_E_EXPIRED)
        return run_fail(run, "State '%s' cannot be read", key);
    if (ret_exists)
        *ret_exists = r == 0;
    if (!json_is_object(value)) {
        json_decref(value);
        value = json_object();
    }
    *ret = value;
    return 0;
}
