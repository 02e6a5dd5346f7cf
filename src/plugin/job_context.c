/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The services see only what the job may see: files of its own execution, of the execution that triggered it, and of
 * its namespace; secrets are remembered as they are read, so that whatever the task logs later does not show them.
 */
#include "plugin/job_context.h"

#include "base/clock.h"
#include "blob/blob.h"
#include "doc/json.h"
#include "model/context.h"
#include "model/encryption.h"
#include "model/log_entry.h"
#include "plugin/kv.h"
#include "plugin/kv_access.h"
#include "plugin/secrets.h"

enum { MESSAGE_CHARACTERS_MAX = 10240, READ_BYTES_MAX = 16 * 1024 * 1024 };

/* --- services --- */

static int service_secret(void *userdata, const char *key, char **ret_text, Diag *diag)
{
    JobContext *context = userdata;
    int r = secrets_get(key, ret_text);
    if (r == SECRETS_E_BROKEN)
        diag_error(diag, NULL, 0, 0,
                   "Cannot find secret for key '%s'. SECRET_%s is set, but cannot be decoded: it must be base64", key,
                   key);
    else if (r != 0)
        diag_error(diag, NULL, 0, 0, "Cannot find secret for key '%s'.", key);
    if (r != 0)
        return EXPR_E_RENDER;
    mask_add(&context->mask, *ret_text);
    return 0;
}

static bool is_below(const char *uri, const char *prefix)
{
    size_t length = strlen(prefix);
    return strncmp(uri, prefix, length) == 0 && uri[length] == '/';
}

static bool is_file_of_execution(const char *uri, const json_t *namespace, const json_t *flow, const json_t *execution)
{
    if (!json_is_string(namespace) || !json_is_string(flow) || !json_is_string(execution))
        return false;
    _cleanup_free_ char *prefix =
        blob_execution_uri(json_string_value(namespace), json_string_value(flow), json_string_value(execution));
    return is_below(uri, prefix);
}

static bool may_read(const JobContext *context, const char *uri)
{
    const json_t *job = context->run.job, *flow = json_object_get(job, "flow");
    const json_t *trigger = json_object_get(context->variables, "trigger");
    return is_file_of_execution(uri, json_object_get(flow, "namespace"), json_object_get(flow, "id"),
                                json_object_get(job, "executionId")) ||
           is_file_of_execution(uri, json_object_get(trigger, "namespace"), json_object_get(trigger, "flowId"),
                                json_object_get(trigger, "executionId"));
}

/* Where the first character stands that a URI cannot have; its length when there is none. */
static size_t find_illegal(const char *path)
{
    size_t at = 0;
    while (path[at] && (unsigned char)path[at] > ' ' && !strchr("\"<>[\\]^`{|}\x7f", path[at]))
        at++;
    return at;
}

/* The URI that read() and fileSize() mean. */
static int resolve_path(const JobContext *context, const char *path, char **ret_uri, Diag *diag)
{
    if (!context->run.storage) {
        diag_error(diag, NULL, 0, 0, "internal storage is not available here");
        return EXPR_E_RENDER;
    }
    if (!blob_is_uri(path)) {
        const char *namespace = json_get_text(json_object_get(context->run.job, "flow"), "namespace", "");
        _cleanup_free_ char *files = blob_namespace_files_uri(namespace);
        _cleanup_free_ char *uri = xasprintf("%s/%s", files, path + strspn(path, "/"));
        const char *whole = uri + strlen("kestra://");
        size_t illegal = find_illegal(whole);
        if (whole[illegal]) {
            diag_error(diag, NULL, 0, 0, "Illegal character in path at index %zu: %s", illegal, whole);
            return EXPR_E_RENDER;
        }
        *ret_uri = TAKE_PTR(uri);
        return 0;
    }
    if (!may_read(context, path)) {
        diag_error(diag, NULL, 0, 0, "Unable to read the file '%s' as it didn't belong to the current execution", path);
        return EXPR_E_RENDER;
    }
    *ret_uri = xstrdup(path);
    return 0;
}

static int read_outcome(int r, const char *uri, Diag *diag)
{
    if (r == 0)
        return 0;
    if (r == BLOB_E_ABSENT)
        diag_error(diag, NULL, 0, 0, "File not found: %s", uri);
    else if (r == BLOB_E_TOO_LARGE)
        diag_error(diag, NULL, 0, 0, "File is larger than %d bytes: %s", READ_BYTES_MAX, uri);
    else
        diag_error(diag, NULL, 0, 0, "File cannot be read: %s", uri);
    return EXPR_E_RENDER;
}

static int service_read(void *userdata, const char *path, char **ret_bytes, size_t *ret_length, Diag *diag)
{
    JobContext *context = userdata;
    _cleanup_free_ char *uri = NULL;
    int r = resolve_path(context, path, &uri, diag);
    if (r != 0)
        return r;
    return read_outcome(blob_read(context->run.storage, uri, READ_BYTES_MAX, ret_bytes, ret_length), uri, diag);
}

static int service_file_size(void *userdata, const char *path, int64_t *ret_bytes, Diag *diag)
{
    JobContext *context = userdata;
    _cleanup_free_ char *uri = NULL;
    BlobEntry entry;
    int r = resolve_path(context, path, &uri, diag);
    if (r != 0)
        return r;
    r = read_outcome(blob_stat(context->run.storage, uri, &entry), uri, diag);
    if (r == 0) {
        *ret_bytes = entry.size_bytes;
        blob_entry_done(&entry);
    }
    return r;
}

static int service_kv(void *userdata, const char *key, const char *namespace, bool error_on_missing, json_t **ret,
                      Diag *diag)
{
    JobContext *context = userdata;
    const char *own = json_get_text(json_object_get(context->run.job, "flow"), "namespace", "");
    const char *from = namespace ? namespace : own;
    if (!context->run.storage) {
        diag_error(diag, NULL, 0, 0, "the key-value store is not available here");
        return EXPR_E_RENDER;
    }
    _cleanup_free_ char *refusal = NULL;
    int r = kv_access(&context->run, from, &refusal);
    if (refusal) {
        diag_error(diag, NULL, 0, 0, "%s", refusal);
        return EXPR_E_RENDER;
    }
    if (r == 0)
        r = kv_get(context->run.storage, from, key, clock_realtime(), ret);
    if (r == KV_E_NONE && !error_on_missing) {
        *ret = json_null();
        return 0;
    }
    if (r == KV_E_NONE)
        diag_error(diag, NULL, 0, 0, "The key '%s' does not exist in the namespace '%s'.", key, from);
    else if (r == KV_E_EXPIRED)
        diag_error(diag, NULL, 0, 0, "The requested value has expired");
    else if (r != 0)
        diag_error(diag, NULL, 0, 0, "The key '%s' of the namespace '%s' cannot be read", key, from);
    return r == 0 ? 0 : EXPR_E_RENDER;
}

static int service_decrypt(void *userdata, const char *value, char **ret_text, Diag *diag)
{
    JobContext *context = userdata;
    if (encryption_open(context->settings->encryption_key, value, ret_text) != 0) {
        diag_error(diag, NULL, 0, 0, "an encrypted value cannot be opened with the key of this server");
        return EXPR_E_RENDER;
    }
    mask_add(&context->mask, *ret_text);
    return 0;
}

static int service_error_logs(void *userdata, json_t **ret, Diag *diag)
{
    JobContext *context = userdata;
    return context->settings->error_logs(context->settings->userdata, context->run.job, ret, diag);
}

/* --- log --- */

static size_t piece_length(const char *text)
{
    size_t bytes = 0, characters = 0;
    while (text[bytes] && characters < MESSAGE_CHARACTERS_MAX) {
        bytes++;
        while (((unsigned char)text[bytes] & 0xC0) == 0x80)
            bytes++;
        characters++;
    }
    return bytes;
}

static void context_log(void *userdata, int level, const char *message)
{
    JobContext *context = userdata;
    if (level < context->level_min)
        return;
    _cleanup_free_ char *masked = mask_apply(&context->mask, message);
    const char *rest = masked ? masked : message;
    do {
        size_t length = piece_length(rest);
        if (rest[length] == '\0') {
            context->sink->log(context->sink_userdata, level, rest);
            return;
        }
        _cleanup_free_ char *piece = xstrndup(rest, length);
        context->sink->log(context->sink_userdata, level, piece);
        rest += length;
    } while (*rest);
}

static void context_metric(void *userdata, const char *name, bool is_timer, double value, const json_t *tags)
{
    JobContext *context = userdata;
    _cleanup_free_ char *masked = mask_apply(&context->mask, name);
    _cleanup_json_ json_t *masked_tags = mask_apply_json(&context->mask, tags);
    context->sink->metric(context->sink_userdata, masked ? masked : name, is_timer, value,
                          masked_tags ? masked_tags : tags);
}

static bool context_is_killed(void *userdata)
{
    JobContext *context = userdata;
    return context->sink->is_killed && context->sink->is_killed(context->sink_userdata);
}

static int context_ask(void *userdata, const json_t *question, json_t **ret)
{
    JobContext *context = userdata;
    return context->sink->ask(context->sink_userdata, question, ret);
}

/* --- the context --- */

static void init_services(JobContext *context)
{
    context->services = (ExprServices){
        .userdata = context,
        .secret = service_secret,
        .kv = service_kv,
        .read = service_read,
        .file_size = service_file_size,
        .decrypt_value = context->settings->encryption_key ? service_decrypt : NULL,
        .error_logs = context->settings->error_logs ? service_error_logs : NULL,
    };
}

static void init_variables(JobContext *context, const json_t *job)
{
    const json_t *given = json_object_get(job, "variables");
    context->variables = json_is_object(given) ? json_copy((json_t *)given) : json_object();
    if (context->settings->globals)
        json_object_set(context->variables, "globals", (json_t *)context->settings->globals);
    if (context->settings->envs)
        json_object_set(context->variables, "envs", (json_t *)context->settings->envs);
}

/* The object that holds the last step of a dotted id, below `inputs`; the step itself in *ret_name. NULL: none. */
static json_t *holder_of(json_t *inputs, const char *id, const char **ret_name)
{
    json_t *holder = inputs;
    for (const char *dot; (dot = strchr(id, '.')); id = dot + 1) {
        _cleanup_free_ char *step = xstrndup(id, (size_t)(dot - id));
        holder = json_object_get(holder, step);
    }
    *ret_name = id;
    return json_is_object(holder) ? holder : NULL;
}

/* A value that does not open is taken for plain: it is hidden all the same. */
static void open_secret(JobContext *context, json_t *inputs, const char *id)
{
    const char *name, *key = context->settings->encryption_key;
    json_t *holder = holder_of(inputs, id, &name);
    const char *sealed = json_get_text(holder, name, NULL);
    _cleanup_free_ char *plain = NULL;
    if (!sealed)
        return;
    if (!key || encryption_open(key, sealed, &plain) != 0)
        plain = xstrdup(sealed);
    mask_add(&context->mask, plain);
    json_set_text(holder, name, plain);
}

static void open_secrets(JobContext *context, const json_t *declarations)
{
    _cleanup_json_ json_t *copy = NULL;
    size_t i;
    json_t *declaration;
    json_array_foreach ((json_t *)declarations, i, declaration) {
        if (!streq(json_get_text(declaration, "type", ""), "SECRET"))
            continue;
        if (!copy)
            copy = json_deep_copy(json_object_get(context->variables, "inputs"));
        open_secret(context, copy, json_get_text(declaration, "id", json_get_text(declaration, "name", "")));
    }
    if (copy)
        json_object_set(context->variables, "inputs", copy);
}

/* What encryptBody and the like have sealed among outputs. */
#define SEALED_TYPE "io.kestra.datatype:aes_encrypted"
static bool is_sealed(const json_t *value)
{
    return json_is_object(value) && streq(json_get_text(value, "type", ""), SEALED_TYPE);
}

static bool has_sealed(const json_t *value)
{
    const char *name;
    size_t i;
    const json_t *item;
    if (is_sealed(value))
        return true;
    json_object_foreach ((json_t *)value, name, item)
        if (has_sealed(item))
            return true;
    json_array_foreach (value, i, item)
        if (has_sealed(item))
            return true;
    return false;
}

/* The value with all that is sealed in it opened; new. What does not open stays. */
static json_t *opened(JobContext *context, json_t *value)
{
    _cleanup_free_ char *plain = NULL;
    const char *name;
    size_t i;
    json_t *item;
    if (is_sealed(value) &&
        encryption_open(context->settings->encryption_key, json_get_text(value, "value", ""), &plain) == 0) {
        mask_add(&context->mask, plain);
        return json_string(plain);
    }
    json_t *copy = json_copy(value);
    json_object_foreach (value, name, item)
        json_object_set_new(copy, name, opened(context, item));
    json_array_foreach (value, i, item)
        json_array_set_new(copy, i, opened(context, item));
    return copy;
}

/* Outputs of tasks, and what the trigger has found. */
static void open_outputs(JobContext *context)
{
    static const char *const names[] = {"outputs", "trigger"};
    for (size_t i = 0; context->settings->encryption_key && i < ELEMENTS(names); i++) {
        json_t *value = json_object_get(context->variables, names[i]);
        if (has_sealed(value))
            json_object_set_new(context->variables, names[i], opened(context, value));
    }
}

void job_context_init(JobContext *context, const JobSettings *settings, const Task *task, const json_t *job,
                      const json_t *inputs, const RunOps *sink, void *sink_userdata)
{
    *context = (JobContext){
        .settings = settings,
        .sink = sink,
        .sink_userdata = sink_userdata,
        .ops = {.log = context_log,
                .metric = context_metric,
                .is_killed = context_is_killed,
                .ask = sink->ask ? context_ask : NULL},
        .level_min = task->log_level ? MAX(log_level_from_string(task->log_level), 0) : 0,
    };
    init_services(context);
    init_variables(context, job);
    open_secrets(context, inputs);
    open_outputs(context);
    context->render = (ExprContext){
        .variables = context->variables,
        .services = &context->services,
        .recursive = settings->recursive_rendering,
    };
    context->run = (RunContext){
        .task = task,
        .render = &context->render,
        .job = job,
        .outputs = json_object(),
        .final_state = STATE_SUCCESS,
        .ops = &context->ops,
        .userdata = context,
        .storage = settings->storage,
        .encryption_key = settings->encryption_key,
        .http = settings->http,
        .mail = settings->mail,
        .sql = settings->sql,
        .open_store = settings->open_store,
    };
}

void job_context_replace(JobContext *context, const Task *task, const json_t *inputs)
{
    Mask mask = context->mask;
    const JobContext old = *context;
    context->mask = (Mask){};
    job_context_done(context);
    job_context_init(context, old.settings, task, old.run.job, inputs, old.sink, old.sink_userdata);
    for (size_t i = 0; i < mask.values.count; i++)
        mask_add(&context->mask, mask.values.items[i]);
    mask_done(&mask);
}

void job_context_set_directory(JobContext *context, const char *directory)
{
    free((char *)context->run.working_directory);
    context->run.working_directory = xstrdup(directory);
    json_object_set_new(context->variables, "workingDir", json_string(directory));
}

void job_context_done(JobContext *context)
{
    json_decref(context->run.outputs);
    json_decref(context->run.notes);
    json_decref(context->variables);
    free((char *)context->run.working_directory);
    mask_done(&context->mask);
    *context = (JobContext){};
}

Task *job_task_new(const TypeRegistry *registry, const char *id, const char *type_name, json_t *properties)
{
    const Type *type = type_find_runnable(registry, type_name);
    if (!type)
        type = type_find(registry, TYPE_TRIGGER, type_name, NULL);
    if (!type)
        return NULL;
    Task *task = xnew(Task);
    task->id = xstrdup(id);
    task->type_name = xstrdup(type_name);
    task->type = type;
    task->properties = json_incref(properties);
    task->templates = expr_tree_compile(properties, NULL);
    task->log_level = xstrdup_null(json_get_text(properties, "logLevel", NULL));
    task->log_to_file = json_get_boolean(properties, "logToFile", false);
    return task;
}

Task *job_task_read(const TypeRegistry *registry, const json_t *description)
{
    return job_task_new(registry, json_get_text(description, "id", ""), json_get_text(description, "type", ""),
                        json_object_get(description, "properties"));
}

json_t *job_task_write(const Task *task)
{
    return json_pack("{s:s, s:s, s:O}", "id", task->id, "type", task->type->name, "properties", task->properties);
}

Task *job_task_free(Task *task)
{
    if (!task)
        return NULL;
    free((char *)task->id);
    free((char *)task->type_name);
    free((char *)task->log_level);
    json_decref(task->properties);
    expr_tree_unref(task->templates);
    free(task);
    return NULL;
}
