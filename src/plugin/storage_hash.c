/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/storage_hash.h"

#include "base/buffer.h"

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

char *storage_hash(const char *value)
{
    uint64_t halves[2] = {};
    size_t length = strlen(value);
    for (size_t at = 0; at < length; at += 16)
        take_block(value + at, MIN(length - at, (size_t)16), halves);
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
