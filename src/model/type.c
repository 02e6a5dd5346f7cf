/* SPDX-License-Identifier: Apache-2.0 */
#include "model/type.h"

#include "model/flow_private.h"

static bool is_alias_of(const Type *type, const char *name)
{
    for (size_t i = 0; type->aliases && type->aliases[i]; i++)
        if (streq(type->aliases[i], name))
            return true;
    return false;
}

const Type *type_find(const TypeRegistry *registry, TypeKind kind, const char *name, bool *ret_is_alias)
{
    for (size_t i = 0; i < registry->count; i++) {
        const Type *type = registry->types[i];
        if (type->kind != kind)
            continue;
        bool same = streq(type->name, name);
        if (!same && !is_alias_of(type, name))
            continue;
        if (ret_is_alias)
            *ret_is_alias = !same;
        return type;
    }
    return NULL;
}

bool type_is_polling(const Type *type)
{
    return type && type->kind == TYPE_TRIGGER && type->run;
}

static const Type *find_part(const Type *type, const char *name)
{
    for (const TypePart *part = type->parts; part && part->suffix; part++)
        if (streq(part->type->name, name))
            return part->type;
    return NULL;
}

const Type *type_find_runnable(const TypeRegistry *registry, const char *name)
{
    const Type *type = type_find(registry, TYPE_TASK, name, NULL);
    for (size_t i = 0; !type && i < registry->count; i++)
        type = find_part(registry->types[i], name);
    return type;
}

const char *const names_of_log_levels[] = {"ERROR", "WARN", "INFO", "DEBUG", "TRACE", NULL};

static const char *const names_of_states[] = {
#define STATE_NAME(name, ...) #name,
    STATE_LIST(STATE_NAME)
#undef STATE_NAME
        NULL};

static const Field fields_of_worker_group[] = {
    {"key", FIELD_STRING, .doc = "Name of the worker group."},
    {},
};

const Field fields_of_every_task[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .pattern = "^[a-zA-Z0-9][a-zA-Z0-9_-]*",
     .doc = "Name of the task; unique in the flow."},
    {"type", FIELD_STRING, FIELD_REQUIRED, .doc = "What the task does."},
    {"description", FIELD_STRING, .doc = "What the task is for; Markdown."},
    {"retry", FIELD_OBJECT, .doc = "When and how often the task is tried again after it failed."},
    {"timeout", FIELD_DURATION, FIELD_DYNAMIC, .doc = "How long an attempt may take before it is ended as failed."},
    {"disabled", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether the task is left out."},
    {"workerGroup", FIELD_OBJECT, .fields = fields_of_worker_group, .doc = "Workers that may run the task."},
    {"logLevel", FIELD_ENUM, .values = names_of_log_levels, .doc = "Lowest level of the log lines that are kept."},
    {"allowFailure", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether a failure only warns."},
    {"logToFile", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether log lines go to a file of the storage."},
    {"runIf", FIELD_STRING, FIELD_DYNAMIC, .fallback = "\"true\"",
     .doc = "Condition; when it is not true the task is skipped."},
    {"taskCache", FIELD_ANY, FIELD_IGNORED, .doc = "Of later versions: outputs are never taken from an earlier run."},
    {"assets", FIELD_ANY, FIELD_IGNORED, .doc = "Of Kestra's Enterprise Edition."},
    {"workerSelector", FIELD_ANY, FIELD_IGNORED, .doc = "Of Kestra's Enterprise Edition; here there is workerGroup."},
    {"allowWarning", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether a warning counts as success."},
    {},
};

const Field fields_of_every_trigger[] = {
    {"id", FIELD_STRING, FIELD_REQUIRED | FIELD_NOT_EMPTY, .pattern = "^[a-zA-Z0-9][a-zA-Z0-9_-]*",
     .doc = "Name of the trigger; unique in the flow."},
    {"type", FIELD_STRING, FIELD_REQUIRED, .doc = "What the trigger waits for."},
    {"description", FIELD_STRING, .doc = "What the trigger is for; Markdown."},
    {"conditions", FIELD_CONDITIONS, .doc = "All of them must hold for the trigger to start an execution."},
    {"when", FIELD_STRING, FIELD_DYNAMIC,
     .doc = "Expression that must hold as well; the same as a condition of type Expression."},
    {"disabled", FIELD_BOOLEAN, .fallback = "false", .doc = "Whether the trigger is off."},
    {"workerGroup", FIELD_OBJECT, .fields = fields_of_worker_group, .doc = "Workers that may evaluate the trigger."},
    {"workerSelector", FIELD_ANY, FIELD_IGNORED, .doc = "Of Kestra's Enterprise Edition; here there is workerGroup."},
    {"logLevel", FIELD_ENUM, .values = names_of_log_levels, .doc = "Lowest level of the log lines that are kept.",
     .aliases = (const char *const[]){"minLogLevel", NULL}},
    {"labels", FIELD_MAP_OR_LIST, .doc = "Labels of the executions that it starts."},
    {"stopAfter", FIELD_LIST, .item = FIELD_ENUM, .values = names_of_states,
     .doc = "States of an execution after which the trigger is off."},
    {"logToFile", FIELD_BOOLEAN, .fallback = "false",
     .doc = "Whether the log lines of a polling trigger go to a file of the storage, `logFile` in the execution's "
            "trigger."},
    {},
};
