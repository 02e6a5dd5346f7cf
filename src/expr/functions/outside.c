/* SPDX-License-Identifier: Apache-2.0 */
/* Functions that need the outside: each goes through a slot of ExprServices, and fails where a role has none. */
#include <ctype.h>

#include "expr/calls.h"

static int not_available(Call *call)
{
    return call_fail(call, "The '%s' function is not available here", call->row->name);
}

/* What a service said, with the template's place added. */
static int service_failed(Call *call, const Diag *diag, bool with_place)
{
    const char *text = diag_first(diag);
    bool is_about_uri = starts_with(text, "Illegal character in"); /* an exception of Java, not of the language */
    return with_place && !is_about_uri ? call_fail(call, "%s", text) : eval_fail_plain(call->eval, "%s", text);
}

static const ExprServices *services(const Call *call)
{
    static const ExprServices none = {};
    return call->eval->context->services ? call->eval->context->services : &none;
}

static int take_text(Call *call, char *text, size_t length, Value *ret)
{
    char *copy = eval_text(call->eval, length);
    if (copy)
        memcpy(copy, text, length);
    free(text);
    if (!copy)
        return EVAL_E_ERROR;
    *ret = value_text(copy, length);
    return 0;
}

static Value deep_copy(Arena *arena, const json_t *json)
{
    Value value = value_from_json(json);
    if (value.kind == VALUE_TEXT)
        value.text = arena_strndup(arena, value.text, value.length);
    if (value.kind == VALUE_LIST) {
        List *list = list_new(arena, json_array_size(json));
        for (size_t i = 0; i < json_array_size(json); i++)
            list_push(arena, list, deep_copy(arena, json_array_get(json, i)));
        value = value_list(list);
    } else if (value.kind == VALUE_MAP) {
        ValueMap *map = map2_new(arena);
        const char *key;
        json_t *member;
        json_object_foreach ((json_t *)(uintptr_t)json, key, member)
            map2_put(arena, map, value_text(arena_strdup(arena, key), strlen(key)), deep_copy(arena, member));
        value = value_map(map);
    }
    return value;
}

static const char *text_of(Call *call, const Value *value)
{
    return arena_strndup(call->eval->arena, value->text, value->length);
}

static int function_secret(Call *call, Value *ret)
{
    if (!call_has(call, 0))
        return call_fail(call, "The 'secret' function expects an argument 'key'.");
    Value key = call_argument(call, 0);
    int r = call_need_text(call, &key);
    if (r)
        return r;
    if (!services(call)->secret)
        return not_available(call);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    char *text;
    r = services(call)->secret(services(call)->userdata, text_of(call, &key), &text, &diag);
    if (r > 0)
        return service_failed(call, &diag, true);
    return r ? r : take_text(call, text, strlen(text), ret);
}

static Value flow_namespace(Call *call)
{
    Value flow, namespace_ = VALUE_NULL_INIT;
    if (eval_variable(call->eval, (Name){"flow", 4}, &flow) && flow.kind == VALUE_MAP)
        (void)value_get(&flow, "namespace", 9, &namespace_); /* absent: null */
    return namespace_;
}

/* KVStore.validateKey */
static int check_key(Call *call, const Value *key)
{
    bool good = key->length && isalnum((unsigned char)key->text[0]);
    if (!key->length)
        return call_fail(call, "Key cannot be null or empty");
    for (uint32_t i = 0; i < key->length; i++)
        good = good && (isalnum((unsigned char)key->text[i]) || memchr("._-", key->text[i], 3));
    return good ? 0
                : call_fail(call, "Key must start with an alphanumeric character (uppercase or lowercase) and can "
                                  "contain alphanumeric characters (uppercase or lowercase), dots (.), underscores "
                                  "(_), and hyphens (-) only.");
}

static int function_kv(Call *call, Value *ret)
{
    if (!call_has(call, 0))
        return call_fail(call, "The 'kv' function expects an argument 'key'.");
    Value key = call_argument(call, 0), namespace_ = call_argument(call, 1), strict = call_argument(call, 2);
    int r = key.kind == VALUE_NULL ? call_fail(call, "Key cannot be null or empty") : call_need_text(call, &key);
    if (!r && namespace_.kind == VALUE_NULL)
        namespace_ = flow_namespace(call);
    if (!r && namespace_.kind != VALUE_NULL)
        r = call_need_text(call, &namespace_);
    if (!r && strict.kind != VALUE_NULL && strict.kind != VALUE_BOOLEAN)
        r = call_wrong_type(call, &strict, "java.lang.Boolean");
    if (!r)
        r = check_key(call, &key);
    if (r)
        return r;
    if (!services(call)->kv)
        return not_available(call);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    json_t *json;
    r = services(call)->kv(services(call)->userdata, text_of(call, &key),
                           namespace_.kind == VALUE_NULL ? NULL : text_of(call, &namespace_),
                           strict.kind == VALUE_BOOLEAN && strict.boolean, &json, &diag);
    if (r > 0)
        return service_failed(call, &diag, true);
    if (r)
        return r;
    *ret = deep_copy(call->eval->arena, json);
    json_decref(json);
    return 0;
}

/* The text at variable.key; false when there is none. */
static bool text_at(Call *call, const char *variable, const char *key, Value *ret)
{
    Value map;
    return eval_variable(call->eval, (Name){variable, (uint32_t)strlen(variable)}, &map) && map.kind == VALUE_MAP &&
           value_get(&map, key, strlen(key), ret) && ret->kind == VALUE_TEXT;
}

/* A kestra:// URI must lie under the current execution, or under the one that started it (blob_execution_uri). */
static bool uri_is_own(Call *call, const Value *uri)
{
    static const struct {
        const char *variable, *namespace_key, *flow_variable, *flow_key, *id_variable, *id_key;
    } owners[] = {{"flow", "namespace", "flow", "id", "execution", "id"},
                  {"trigger", "namespace", "trigger", "flowId", "trigger", "executionId"}};
    for (size_t i = 0; i < ELEMENTS(owners); i++) {
        Value namespace_, flow, id;
        if (!text_at(call, owners[i].variable, owners[i].namespace_key, &namespace_) ||
            !text_at(call, owners[i].flow_variable, owners[i].flow_key, &flow) ||
            !text_at(call, owners[i].id_variable, owners[i].id_key, &id))
            continue;
        _cleanup_buffer_ Buffer prefix = {};
        buffer_append(&prefix, "kestra:///");
        for (uint32_t c = 0; c < namespace_.length; c++)
            buffer_append_char(&prefix, namespace_.text[c] == '.' ? '/' : namespace_.text[c]);
        buffer_append_char(&prefix, '/');
        buffer_append_slug(&prefix, flow.text, flow.length);
        buffer_append(&prefix, "/executions/");
        buffer_append_n(&prefix, id.text, id.length);
        buffer_append_char(&prefix, '/');
        if (uri->length >= prefix.length && memcmp(uri->text, prefix.text, prefix.length) == 0)
            return true;
    }
    return false;
}

static bool path_is_uri(const Value *path, const char *scheme)
{
    size_t length = strlen(scheme);
    return path->kind == VALUE_TEXT && path->length >= length && memcmp(path->text, scheme, length) == 0;
}

static int check_owner(Call *call, const Value *path)
{
    return uri_is_own(call, path)
               ? 0
               : eval_fail_plain(call->eval,
                                 "Unable to read the file '%.*s' as it didn't belong to the current execution",
                                 (int)path->length, path->text);
}

static int need_path(Call *call, const char *what, Value *ret)
{
    *ret = call_argument(call, 0);
    return call_has(call, 0) ? 0
                             : call_fail(call, "The '%s' function expects an argument 'path' that is a path to %s.",
                                         call->row->name, what);
}

static int function_read(Call *call, Value *ret)
{
    Value path;
    int r = need_path(call, "a namespace file or an internal storage URI", &path);
    if (!r && path.kind != VALUE_TEXT) {
        Value text = java_text(call->eval->arena, &path);
        r = call_fail(call, "Unable to read the file %.*s", (int)text.length, text.text);
    }
    if (!r && path_is_uri(&path, "kestra://"))
        r = check_owner(call, &path);
    if (r)
        return r;
    if (!services(call)->read)
        return not_available(call);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    char *bytes;
    size_t length;
    r = services(call)->read(services(call)->userdata, text_of(call, &path), &bytes, &length, &diag);
    if (r > 0)
        return service_failed(call, &diag, true);
    return r ? r : take_text(call, bytes, length, ret);
}

static int function_file_size(Call *call, Value *ret)
{
    Value path;
    int r = need_path(call, "the internal storage URI", &path);
    if (!r && !path_is_uri(&path, "kestra:///")) {
        Value text = java_text(call->eval->arena, &path);
        r = call_fail(call, "Unable to create the URI from the path %.*s", (int)text.length, text.text);
    }
    if (!r)
        r = check_owner(call, &path);
    if (r)
        return r;
    if (!services(call)->file_size)
        return not_available(call);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    int64_t size;
    r = services(call)->file_size(services(call)->userdata, text_of(call, &path), &size, &diag);
    if (r > 0)
        return service_failed(call, &diag, true);
    if (!r)
        *ret = value_long(size);
    return r;
}

static int function_file_uri(Call *call, Value *ret)
{
    if (!call_has(call, 0))
        return call_fail(call, "The 'fileURI' function expects an argument 'path' that is a path to a namespace file.");
    Value path = call_argument(call, 0), namespace_ = flow_namespace(call);
    int r = call_need_text(call, &path);
    if (r)
        return r;
    if (memmem(path.text, path.length, "../", 3))
        return eval_fail_plain(call->eval, "Path must not contain '../'");
    _cleanup_buffer_ Buffer uri = {};
    buffer_append(&uri, "kestra:///");
    for (uint32_t i = 0; namespace_.kind == VALUE_TEXT && i < namespace_.length; i++)
        buffer_append_char(&uri, namespace_.text[i] == '.' ? '/' : namespace_.text[i]);
    buffer_append(&uri, "/_files");
    if (path.length == 0 || path.text[0] != '/')
        buffer_append_char(&uri, '/');
    buffer_append_n(&uri, path.text, path.length);
    return eval_buffer_value(call->eval, &uri, ret);
}

static int function_error_logs(Call *call, Value *ret)
{
    if (!services(call)->error_logs)
        return call_fail(call, "The 'errorLogs' function can only be used in the Worker as it access logs from the "
                               "database.");
    _cleanup_diag_ Diag diag = DIAG_INIT;
    json_t *logs;
    int r = services(call)->error_logs(services(call)->userdata, &logs, &diag);
    if (r > 0)
        return service_failed(call, &diag, true);
    if (r)
        return r;
    *ret = deep_copy(call->eval->arena, logs);
    json_decref(logs);
    return 0;
}

static const char *const key_arguments[] = {"key", NULL};
static const char *const kv_arguments[] = {"key", "namespace", "errorOnMissing", NULL};
static const char *const no_arguments[] = {NULL};
static const char *const path_arguments[] = {"path", NULL};

const CallRow functions_outside[] = {
    {"errorLogs", function_error_logs, no_arguments, 0, "execution"},
    {"fileSize", function_file_size, path_arguments, 0, "flow execution trigger"},
    {"fileURI", function_file_uri, path_arguments, 0, "flow"},
    {"kv", function_kv, kv_arguments, 0, "flow"},
    {"read", function_read, path_arguments, 0, "flow execution trigger"},
    {"secret", function_secret, key_arguments, 0, "flow"},
    {},
};
