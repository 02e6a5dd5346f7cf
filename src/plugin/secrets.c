/* SPDX-License-Identifier: Apache-2.0 */
#include "plugin/secrets.h"

#include <ctype.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/identity.h"
#include "base/private_env.h"

enum { FILE_BYTES_MAX = 1024 * 1024 };

static int digit_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (int)(found - digits) : -1;
}

int secrets_decode(const char *base64, char **ret)
{
    _cleanup_buffer_ Buffer text = {};
    uint32_t bits = 0;
    unsigned count = 0, padding = 0;
    for (const char *c = base64; *c; c++) {
        if (*c == '\n' || *c == '\r')
            continue;
        int digit = digit_of(*c);
        if (*c == '=') {
            padding++;
            continue;
        }
        if (digit < 0 || padding > 0)
            return SECRETS_E_BROKEN;
        bits = (bits << 6 | (uint32_t)digit) & 0xFFFFFF;
        if (++count % 4 != 1)
            buffer_append_char(&text, (char)(bits >> (6 - 2 * ((count - 1) % 4))));
    }
    bool is_whole = count % 4 != 1 && (padding == 0 || (count + padding) % 4 == 0);
    if (!is_whole || (text.text && strlen(text.text) != text.length))
        return SECRETS_E_BROKEN;
    *ret = buffer_take(&text);
    return 0;
}

static char *name_of(const char *key)
{
    char *name = xasprintf("SECRET_%s", key);
    for (char *c = name; *c; c++)
        *c = (char)toupper((unsigned char)*c);
    return name;
}

static int read_credential(const char *directory, const char *name, char **ret)
{
    _as_(IDENTITY_OWN);
    _cleanup_free_ char *path = xasprintf("%s/%s", directory, name);
    _cleanup_(close_fdp) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? SECRETS_E_NONE : SECRETS_E_BROKEN;
    _cleanup_free_ char *text = xmalloc(FILE_BYTES_MAX + 1);
    ssize_t n = read(fd, text, FILE_BYTES_MAX);
    if (n < 0 || memchr(text, '\0', (size_t)n))
        return SECRETS_E_BROKEN;
    text[n] = '\0';
    if (n > 0 && text[n - 1] == '\n')
        text[n - 1] = '\0';
    *ret = xstrdup(text);
    explicit_bzero(text, (size_t)n);
    return 0;
}

int secrets_get(const char *key, char **ret)
{
    if (strchr(key, '/'))
        return SECRETS_E_NONE;
    _cleanup_free_ char *name = name_of(key);
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    int r = directory ? read_credential(directory, name, ret) : SECRETS_E_NONE;
    if (r != SECRETS_E_NONE)
        return r;
    const char *value = private_env_get(name);
    return value ? secrets_decode(value, ret) : SECRETS_E_NONE;
}

char *secrets_credential(const char *name, const char *fallback)
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    char *text;
    if (directory && read_credential(directory, name, &text) == 0 && *text)
        return text;
    return fallback && *fallback ? xstrdup(fallback) : NULL;
}
