/* SPDX-License-Identifier: Apache-2.0 */
#include "base/private_env.h"

#include <stdlib.h>
#include <unistd.h>

static const char *const prefixes[] = {"SECRET_",
                                       "AWS_SECRET_ACCESS_KEY=",
                                       "AWS_SESSION_TOKEN=",
                                       "AWS_CONTAINER_AUTHORIZATION_TOKEN=",
                                       "AZURE_CLIENT_SECRET=",
                                       "AZURE_STORAGE_KEY=",
                                       "AZURE_STORAGE_CONNECTION_STRING="};

/* Of the process, as the environment is. */
static VEC(char *) taken;

bool private_env_is(const char *entry)
{
    for (size_t i = 0; i < ELEMENTS(prefixes); i++)
        if (starts_with(entry, prefixes[i]))
            return true;
    return false;
}

void private_env_take(void)
{
    char **kept = environ;
    for (char **entry = environ; entry && *entry; entry++) {
        char *equals = private_env_is(*entry) ? strchr(*entry, '=') : NULL;
        if (!equals) {
            *kept++ = *entry;
            continue;
        }
        vec_push(&taken, xstrdup(*entry));
        explicit_bzero(equals + 1, strlen(equals + 1));
    }
    if (kept)
        *kept = NULL;
}

const char *private_env_get(const char *name)
{
    size_t length = strlen(name);
    for (size_t i = taken.count; i > 0; i--) /* the last one wins */
        if (strncmp(taken.items[i - 1], name, length) == 0 && taken.items[i - 1][length] == '=')
            return taken.items[i - 1] + length + 1;
    return getenv(name);
}

void private_env_set(const char *name, const char *value)
{
    size_t length = strlen(name);
    for (size_t i = 0; i < taken.count; i++)
        if (strncmp(taken.items[i], name, length) == 0 && taken.items[i][length] == '=') {
            explicit_bzero(taken.items[i], strlen(taken.items[i]));
            free(taken.items[i]);
            taken.items[i] = xasprintf("%s=%s", name, value);
            return;
        }
    vec_push(&taken, xasprintf("%s=%s", name, value));
}

const char *private_env_entry(size_t i)
{
    return i < taken.count ? taken.items[i] : NULL;
}

char **private_env_whole(void)
{
    size_t count = 0;
    while (environ && environ[count])
        count++;
    char **whole = xnew_n(char *, count + taken.count + 1);
    if (count)
        memcpy(whole, environ, count * sizeof *whole);
    for (size_t i = 0; i < taken.count; i++)
        whole[count + i] = taken.items[i];
    whole[count + taken.count] = NULL;
    return whole;
}
