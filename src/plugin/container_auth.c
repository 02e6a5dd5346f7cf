/* SPDX-License-Identifier: Apache-2.0 */
/* Logins at registries, from `credentials` (of the image's registry, or the one that is named) or from the auths of a
 * Docker client's `config`. Kestra: DockerService.createConfig. */
#include "blob/digest.h"
#include "doc/json.h"
#include "plugin/container.h"

#define HUB "docker.io"

/* "registry.example.com:5000/a/b" → its first part, when that is a host; else Docker Hub. Caller frees. */
static char *registry_of(const char *image)
{
    size_t length = strcspn(image, "/");
    _cleanup_free_ char *first = xstrndup(image, length);
    bool is_host = image[length] == '/' && (strpbrk(first, ".:") || streq(first, "localhost"));
    return xstrdup(is_host ? first : HUB);
}

/* "https://index.docker.io/v1/" → "docker.io": how registries are compared. Caller frees. */
static char *plain_registry(const char *text)
{
    static const char *const hubs[] = {"index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"};
    const char *scheme = strstr(text, "://");
    text = scheme ? scheme + 3 : text;
    _cleanup_free_ char *host = xstrndup(text, strcspn(text, "/"));
    for (size_t i = 0; i < ELEMENTS(hubs); i++)
        if (streq(host, hubs[i]))
            return xstrdup(HUB);
    return TAKE_PTR(host);
}

/* --- base64 --- */

static int value_of(char c)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const char *at = c ? strchr(digits, c == '-' ? '+' : c == '_' ? '/' : c) : NULL;
    return at ? (int)(at - digits) : -1;
}

/* A text; NULL when it is none. Caller frees. */
static char *decode(const char *text)
{
    _cleanup_buffer_ Buffer bytes = {};
    unsigned bits = 0, collected = 0;
    for (; *text && *text != '='; text++) {
        int value = value_of(*text);
        if (value < 0)
            return NULL;
        bits = bits << 6 | (unsigned)value;
        collected += 6;
        if (collected >= 8) {
            collected -= 8;
            buffer_append_char(&bytes, (char)(bits >> collected & 0xFF));
        }
    }
    return buffer_take(&bytes);
}

/* As Docker and Podman read it: base64 for URLs, with its padding. */
static char *encode(const json_t *login)
{
    _cleanup_free_ char *text = json_text(login);
    char *encoded = digest_base64(text, strlen(text));
    for (char *c = encoded; *c; c++)
        *c = (char)(*c == '+' ? '-' : *c == '/' ? '_' : *c);
    return encoded;
}

/* --- logins --- */

/* `auth`: user:password in base64. */
static int take_auth(RunContext *run, const char *auth, json_t *login)
{
    _cleanup_free_ char *text = decode(auth);
    char *colon = text ? strchr(text, ':') : NULL;
    if (!colon)
        return run_fail(run, "auth of the registry's credentials must be base64 of user:password");
    *colon = '\0';
    json_set_text(login, "username", text);
    json_set_text(login, "password", colon + 1);
    return 0;
}

/* names: of the members in `source`, as Kestra or as Docker's config spells them. */
static int take_login(RunContext *run, const json_t *source, const char *const names[5], json_t *login)
{
    static const char *const wanted[] = {"username", "password", "registrytoken", "identitytoken"};
    for (size_t i = 0; i < ELEMENTS(wanted); i++)
        json_set_text(login, wanted[i], json_get_text(source, names[i], NULL));
    const char *auth = json_get_text(source, names[4], "");
    return *auth ? take_auth(run, auth, login) : 0;
}

static const char *const names_here[] = {"username", "password", "registryToken", "identityToken", "auth"};
static const char *const names_docker[] = {"username", "password", "registrytoken", "identitytoken", "auth"};

/* The auths of a config.json for this registry; borrowed, or NULL. */
static const json_t *find_login(const json_t *config, const char *registry)
{
    const char *name;
    json_t *login;
    json_object_foreach (json_object_get(config, "auths"), name, login) {
        _cleanup_free_ char *plain = plain_registry(name);
        if (streq(plain, registry))
            return login;
    }
    return NULL;
}

static int read_config(RunContext *run, const json_t *value, json_t **ret)
{
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const char *text = json_string_value(value);
    if (!text) {
        *ret = json_incref((json_t *)value);
        return 0;
    }
    if (json_parse(text, strlen(text), 0, ret, &diag) != 0)
        return run_fail(run, "config of the container engine is no JSON: %s", diag_first(&diag));
    return 0;
}

int container_auth(RunContext *run, const json_t *options, const char *image, char **ret)
{
    _cleanup_json_ json_t *login = json_object(), *config = NULL;
    const json_t *credentials = json_object_get(options, "credentials");
    const char *named = json_get_text(credentials, "registry", "");
    _cleanup_free_ char *registry = *named ? plain_registry(named) : registry_of(image);
    const json_t *config_value = json_object_get(options, "config");
    int r = read_config(run, config_value ? config_value : json_object_get(options, "dockerConfig"), &config);
    const json_t *found = r == 0 ? find_login(config, registry) : NULL;
    if (r == 0 && found)
        r = take_login(run, found, names_docker, login);
    if (r == 0 && credentials)
        r = take_login(run, credentials, names_here, login);
    *ret = NULL;
    if (r != 0 || json_object_size(login) == 0)
        return r;
    json_set_text(login, "serveraddress", streq(registry, HUB) ? "https://index.docker.io/v1/" : registry);
    *ret = encode(login);
    return 0;
}
