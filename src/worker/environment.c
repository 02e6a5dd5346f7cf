/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The environment of a service holds more than one thinks of: where its secrets are, sockets of its supervisor,
 * settings of whoever started it by hand. A task sees none of it, and so a flow behaves the same under systemd, in a
 * container and from a terminal. What the administrator wants every task to see is declared in worker.environment.
 */
#include "worker/environment.h"

#include <unistd.h>

#include "base/private_env.h"
#include "worker/task_user.h"

json_t *environment_base(const json_t *of_settings)
{
    json_t *base = json_object();
    json_set_text(base, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
    _cleanup_free_ char *home = task_user_home();
    json_set_text(base, "HOME", home);
    json_set_text(base, "LANG", "C.UTF-8");
    (void)json_object_update(base, (json_t *)of_settings); /* nothing when NULL */
    return base;
}

char **environment_make(const json_t *base, const json_t *of_task)
{
    _cleanup_json_ json_t *all = json_copy((json_t *)base);
    (void)json_object_update(all, (json_t *)of_task); /* nothing when NULL */
    char **environment = xnew_n(char *, json_object_size(all) + 1);
    size_t count = 0;
    const char *name;
    json_t *value;
    json_object_foreach (all, name, value) {
        _cleanup_free_ char *text = json_is_string(value) ? NULL : json_text(value);
        environment[count++] = xasprintf("%s=%s", name, text ? text : json_string_value(value));
    }
    environment[count] = NULL;
    return environment;
}

char **environment_of_runner(void)
{
    /* the last ones are of sanitizers, in tests */
    static const char *const names[] = {"PATH=",           "LANG=",         "TZ=",
                                        "HOME=",           "TMPDIR=",       "CREDENTIALS_DIRECTORY=",
                                        "JOURNAL_STREAM=", "http_proxy=",   "https_proxy=",
                                        "HTTPS_PROXY=",    "all_proxy=",    "ALL_PROXY=",
                                        "no_proxy=",       "NO_PROXY=",     "SSL_CERT_DIR=",
                                        "SSL_CERT_FILE=",  "AWS_",          "GOOGLE_",
                                        "AZURE_",          "GCE_",          "INVOCATION_ID=",
                                        "ASAN_OPTIONS=",   "LSAN_OPTIONS=", "UBSAN_OPTIONS="};
    size_t count = 0, used = 0;
    while (environ && environ[count])
        count++;
    char **environment = xnew_n(char *, count + 1);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < ELEMENTS(names); k++)
            if (starts_with(environ[i], names[k]) && !private_env_is(environ[i])) {
                environment[used++] = xstrdup(environ[i]);
                break;
            }
    environment[used] = NULL;
    return environment;
}

json_t *environment_secrets(void)
{
    json_t *secrets = json_object();
    const char *entry;
    for (size_t i = 0; (entry = private_env_entry(i)); i++) {
        const char *equals = strchr(entry, '=');
        _cleanup_free_ char *name = xstrndup(entry, (size_t)(equals - entry));
        json_set_text(secrets, name, equals + 1);
    }
    return secrets;
}

char **environment_free(char **environment)
{
    for (char **text = environment; text && *text; text++)
        free(*text);
    free(environment);
    return NULL;
}
