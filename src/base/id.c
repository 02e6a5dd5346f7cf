/* SPDX-License-Identifier: Apache-2.0 */
#include "base/id.h"

#include <sys/random.h>

uint64_t random_bits(void)
{
    /* One system call per 512 bytes; getrandom for so few bytes cannot fail or be short once booted. */
    static _Thread_local uint64_t pool[64];
    static _Thread_local unsigned left;
    if (left == 0) {
        ssize_t n = getrandom(pool, sizeof(pool), 0);
        if (n != (ssize_t)sizeof(pool))
            abort();
        left = ELEMENTS(pool);
    }
    return pool[--left];
}

void id_from_bits(uint64_t high, uint64_t low, char ret_id[static ID_BYTES])
{
    static const char digits[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    char reversed[ID_BYTES];
    unsigned length = 0;
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);     /* version 4 */
    low = (low & ~(UINT64_C(3) << 62)) | (UINT64_C(2) << 62); /* variant */
    unsigned __int128 number = (unsigned __int128)high << 64 | low;
    do {
        reversed[length++] = digits[(unsigned)(number % 62)];
        number /= 62;
    } while (number);
    for (unsigned i = 0; i < length; i++)
        ret_id[i] = reversed[length - 1 - i];
    ret_id[length] = 0;
}

void id_new(char ret_id[static ID_BYTES])
{
    uint64_t high = random_bits();
    id_from_bits(high, random_bits(), ret_id);
}

uint64_t text_hash(const char *text)
{
    uint64_t hash = UINT64_C(14695981039346656037);
    for (; *text; text++)
        hash = (hash ^ (unsigned char)*text) * UINT64_C(1099511628211);
    return hash;
}

unsigned shard_of(const char *key)
{
    uint64_t hash = text_hash(key);
    return (unsigned)((hash ^ hash >> 32) % SHARD_COUNT);
}
