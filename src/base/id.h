/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* Identifiers as Kestra makes them (io.kestra.core.utils.IdUtils, FriendlyId) and the shard of a key. */
#include "base/base.h"

#define ID_BYTES    23 /* up to 22 characters and the terminator */
#define SHARD_COUNT 64

/* A random (version 4) UUID's 128 bits in base 62, digits then capitals then small letters. */
void id_new(char ret_id[static ID_BYTES]);
/* The same from given random bits, for callers whose randomness is passed in (executor core, simulator). */
void id_from_bits(uint64_t high, uint64_t low, char ret_id[static ID_BYTES]);
/* 64 random bits from the kernel. */
uint64_t random_bits(void);
/* FNV-1a, the same everywhere and for ever: it is stored. */
uint64_t text_hash(const char *text);
/* The shard that owns a key (an execution id, a flow uid, a trigger uid): text_hash modulo SHARD_COUNT. */
unsigned shard_of(const char *key);
