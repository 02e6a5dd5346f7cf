/* SPDX-License-Identifier: Apache-2.0 */
#include "web/secret_keys.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/map.h"
#include "plugin/secret_digest.h"
#include "plugin/secrets.h"

#define KEEP_USEC  (60 * USEC_PER_SEC)
#define AGAIN_USEC (5 * USEC_PER_SEC)

typedef struct Key {
    SecretDigest digest;
    bool exists;
    usec_t asked; /* monotonic */
} Key;

struct SecretKeys {
    pthread_mutex_t lock;
    Map *keys; /* name of the secret → Key */
};

SecretKeys *secret_keys_new(void)
{
    SecretKeys *keys = xnew(SecretKeys);
    (void)pthread_mutex_init(&keys->lock, NULL); /* cannot fail without attributes */
    keys->keys = map_new();
    return keys;
}

SecretKeys *secret_keys_free(SecretKeys *keys)
{
    if (!keys)
        return NULL;
    map_destroy(keys->keys, free);
    (void)pthread_mutex_destroy(&keys->lock); /* nobody holds it */
    free(keys);
    return NULL;
}

static bool fits(const Key *key, const char *text, size_t length)
{
    return key->exists && secret_digest_is_of(&key->digest, text, length);
}

/* What is known. True: it is to be asked for, and nobody else does so for a while. */
static bool look(SecretKeys *keys, const char *name, const char *text, size_t length, Key *ret, bool *ret_known)
{
    usec_t now = clock_monotonic();
    pthread_mutex_lock(&keys->lock);
    Key *key = map_get(keys->keys, name);
    *ret_known = key != NULL;
    bool ask = !key || now - key->asked >= (fits(key, text, length) ? KEEP_USEC : AGAIN_USEC);
    if (key) {
        *ret = *key;
        key->asked = ask ? now : key->asked;
    }
    pthread_mutex_unlock(&keys->lock);
    return ask;
}

static void keep(SecretKeys *keys, const char *name, Key key)
{
    Key *copy = xnew(Key);
    *copy = key;
    pthread_mutex_lock(&keys->lock);
    free(map_put(keys->keys, name, copy));
    pthread_mutex_unlock(&keys->lock);
}

int secret_keys_check(SecretKeys *keys, const Blob *gateway, const char *name, const char *text, size_t length)
{
    Key key = {};
    bool known;
    if (look(keys, name, text, length, &key, &known)) {
        Key asked = {.asked = clock_monotonic()};
        int r = secret_digest_ask(gateway, name, &asked.digest);
        if (r < 0 && !known)
            return trace(r);
        if (r >= 0) { /* otherwise what was known holds on */
            asked.exists = r == 0;
            keep(keys, name, asked);
            key = asked;
        }
    }
    return fits(&key, text, length) ? 0 : SECRET_KEYS_E_OTHER;
}
