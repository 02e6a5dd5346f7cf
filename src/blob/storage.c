/* SPDX-License-Identifier: Apache-2.0 */
#include "blob/storage.h"

#include "blob/azure.h"
#include "blob/gcs.h"
#include "blob/s3.h"
#include "doc/json.h"

#define PART_MULTIPLE ((size_t)256 * 1024)

static json_t *value_of(const Conf *conf, const ConfKey *key)
{
    const char *text;
    switch (key->kind) {
    case CONF_INTEGER:
    case CONF_SIZE:
        return json_integer(conf_integer(conf, key->name));
    case CONF_BOOLEAN:
        return json_boolean(conf_boolean(conf, key->name));
    case CONF_DURATION:
        return json_integer((json_int_t)conf_usec(conf, key->name));
    case CONF_TEXT:
    case CONF_ENUM:
        text = conf_text(conf, key->name);
        return text && *text ? json_string(text) : NULL;
    case CONF_THOUSANDTHS:
    case CONF_MAP:
    case CONF_LIST:
    case CONF_TEXTS:
    case CONF_PATHS:
        break;
    }
    return NULL;
}

json_t *storage_settings(const Conf *conf)
{
    json_t *settings = json_object();
    for (const ConfKey *key = conf_keys; key->name; key++)
        if (starts_with(key->name, "storage."))
            json_set_present(settings, key->name, value_of(conf, key));
    return settings;
}

static int open_local(json_t *settings, const RemoteBlobSettings *remote, Blob **ret)
{
    int r = blob_local_new(remote->spool_directory, ret);
    if (r < 0)
        blob_set_reason("Directory %s cannot be opened: %m", remote->spool_directory);
    return r;
}

/* Types of storage, and what has to be set for each. */
static const struct {
    const char *type;
    const char *required[3];
    int (*open)(json_t *settings, const RemoteBlobSettings *remote, Blob **ret);
} types[] = {
    {"local", {}, open_local},
    {"s3", {"storage.s3.bucket", "storage.s3.region"}, s3_new},
    {"gcs", {"storage.gcs.bucket"}, gcs_new},
    {"azure", {"storage.azure.container"}, azure_new},
};

static RemoteBlobSettings common_settings(const json_t *settings)
{
    size_t part = (size_t)json_get_integer(settings, "storage.part-size", 8 * 1024 * 1024);
    return (RemoteBlobSettings){
        .part_bytes = (part + PART_MULTIPLE - 1) / PART_MULTIPLE * PART_MULTIPLE,
        .spool_directory = json_get_text(settings, "storage.local.base-path", ""),
        .http = {.ca_file = json_get_text(settings, "storage.ca-file", NULL),
                 .trusts_any = !json_get_boolean(settings, "storage.tls-verify", true),
                 .connect_timeout_usec = (usec_t)json_get_integer(settings, "storage.connect-timeout", 10000000),
                 .timeout_usec = (usec_t)json_get_integer(settings, "storage.timeout", 60000000),
                 .attempts_max = (unsigned)json_get_integer(settings, "storage.attempts", 5)},
    };
}

int storage_open(json_t *settings, Blob **ret, char **ret_error)
{
    const char *type = json_get_text(settings, "storage.type", "local");
    const RemoteBlobSettings remote = common_settings(settings);
    for (size_t i = 0; i < ELEMENTS(types); i++) {
        if (!streq(types[i].type, type))
            continue;
        for (const char *const *required = types[i].required; *required; required++)
            if (!json_get_text(settings, *required, NULL)) {
                *ret_error = xasprintf("storage.type is %s, but %s is not set", type, *required);
                return STORAGE_E_INVALID;
            }
        blob_set_reason("%s", "");
        int r = types[i].open(settings, &remote, ret);
        if (r != 0)
            *ret_error = blob_explain(r);
        return r > 0 ? STORAGE_E_INVALID : r;
    }
    *ret_error = xasprintf("storage.type is '%s', not local, s3, gcs or azure", type);
    return STORAGE_E_INVALID;
}
