/* SPDX-License-Identifier: Apache-2.0 */
/* The types as the editor and the documentation see them (spec/api.md 5.9): another reading of their descriptors. */
#include "model/input.h"
#include "web/routes/routes.h"

#define CACHED      "public, max-age=3600"
#define CORE_GROUP  "io.kestra.plugin.core"
#define SCHEMA_2019 "https://json-schema.org/draft/2019-09/schema"
#define SCHEMA_07   "http://json-schema.org/draft-07/schema#"

/* Plugins by the prefix of their types; a type of none of them is not listed. */
static const struct {
    const char *group, *name, *title, *category;
} plugins[] = {
    {CORE_GROUP, "core", "core", "CORE"},
    {"io.kestra.plugin.scripts.shell", "plugin-script-shell", "Shell", "SCRIPT"},
    {"io.kestra.plugin.scripts.python", "plugin-script-python", "Python", "SCRIPT"},
    {"io.kestra.plugin.scripts.node", "plugin-script-node", "Node", "SCRIPT"},
    {"io.kestra.plugin.scripts.powershell", "plugin-script-powershell", "PowerShell", "SCRIPT"},
    {"io.kestra.plugin.scripts.r", "plugin-script-r", "R", "SCRIPT"},
    {"io.kestra.plugin.scripts.ruby", "plugin-script-ruby", "Ruby", "SCRIPT"},
    {"io.kestra.plugin.scripts.bun", "plugin-script-bun", "Bun", "SCRIPT"},
    {"io.kestra.plugin.scripts.deno", "plugin-script-deno", "Deno", "SCRIPT"},
    {"io.kestra.plugin.scripts.dotnet", "plugin-script-dotnet", ".NET", "SCRIPT"},
    {"io.kestra.plugin.scripts.go", "plugin-script-go", "Go", "SCRIPT"},
    {"io.kestra.plugin.scripts.groovy", "plugin-script-groovy", "Groovy", "SCRIPT"},
    {"io.kestra.plugin.scripts.jbang", "plugin-script-jbang", "JBang", "SCRIPT"},
    {"io.kestra.plugin.scripts.julia", "plugin-script-julia", "Julia", "SCRIPT"},
    {"io.kestra.plugin.scripts.lua", "plugin-script-lua", "Lua", "SCRIPT"},
    {"io.kestra.plugin.scripts.perl", "plugin-script-perl", "Perl", "SCRIPT"},
    {"io.kestra.plugin.scripts.php", "plugin-script-php", "PHP", "SCRIPT"},
    {"io.kestra.plugin.dbt", "plugin-dbt", "dbt", "TRANSFORMATION"},
    {"io.kestra.plugin.sqlmesh", "plugin-sqlmesh", "SQLMesh", "TRANSFORMATION"},
    {"io.kestra.plugin.terraform", "plugin-terraform", "Terraform", "TOOL"},
    {"io.kestra.plugin.opentofu", "plugin-opentofu", "OpenTofu", "TOOL"},
    {"io.kestra.plugin.ansible", "plugin-ansible", "Ansible", "TOOL"},
    {"io.kestra.plugin.aws", "plugin-aws", "AWS", "CLOUD"},
    {"io.kestra.plugin.gcp", "plugin-gcp", "Google Cloud", "CLOUD"},
    {"io.kestra.plugin.azure", "plugin-azure", "Azure", "CLOUD"},
    {"io.kestra.plugin.modal", "plugin-modal", "Modal", "CLOUD"},
    {"io.kestra.plugin.cloudquery", "plugin-cloudquery", "CloudQuery", "INGESTION"},
    {"io.kestra.plugin.trivy", "plugin-trivy", "Trivy", "TOOL"},
    {"io.kestra.plugin.spark", "plugin-spark", "Apache Spark", "TRANSFORMATION"},
    {"io.kestra.plugin.slack", "plugin-slack", "Slack", "MESSAGING"},
    {"io.kestra.plugin.git", "plugin-git", "Git", "TOOL"},
    {"io.kestra.plugin.openai", "plugin-openai", "OpenAI", "AI"},
    {"io.kestra.plugin.email", "plugin-email", "Email", "MESSAGING"},
    {"io.kestra.plugin.discord", "plugin-discord", "Discord", "MESSAGING"},
    {"io.kestra.plugin.microsoft365", "plugin-microsoft365", "Microsoft 365", "MESSAGING"},
    {"io.kestra.plugin.googleworkspace", "plugin-googleworkspace", "Google Workspace", "MESSAGING"},
    {"io.kestra.plugin.zulip", "plugin-zulip", "Zulip", "MESSAGING"},
    {"io.kestra.plugin.telegram", "plugin-telegram", "Telegram", "MESSAGING"},
    {"io.kestra.plugin.line", "plugin-line", "LINE", "MESSAGING"},
    {"io.kestra.plugin.meta", "plugin-meta", "Meta", "MESSAGING"},
    {"io.kestra.plugin.tencent", "plugin-tencent", "Tencent", "MESSAGING"},
    {"io.kestra.plugin.pagerduty", "plugin-pagerduty", "PagerDuty", "ALERTING"},
    {"io.kestra.plugin.opsgenie", "plugin-opsgenie", "Opsgenie", "ALERTING"},
    {"io.kestra.plugin.squadcast", "plugin-squadcast", "Squadcast", "ALERTING"},
    {"io.kestra.plugin.zenduty", "plugin-zenduty", "Zenduty", "ALERTING"},
    {"io.kestra.plugin.sentry", "plugin-sentry", "Sentry", "ALERTING"},
    {"io.kestra.plugin.twilio", "plugin-twilio", "Twilio", "MESSAGING"},
};

/* Names of the lists by kind. */
static const char *const list_names[] = {
    [TYPE_TASK] = "tasks",
    [TYPE_TRIGGER] = "triggers",
    [TYPE_CONDITION] = "conditions",
    [TYPE_TASK_RUNNER] = "taskRunners",
};

static bool belongs_to(const Type *type, const char *group)
{
    return starts_with(type->name, group) && type->name[strlen(group)] == '.';
}

static void add_type(json_t *plugin, const Type *type)
{
    json_array_append_new(json_object_get(plugin, list_names[type->kind]), json_string(type->name));
    for (const char *const *alias = type->aliases; alias && *alias; alias++)
        json_array_append_new(json_object_get(plugin, "aliases"), json_string(*alias));
}

static json_t *manifest_of(size_t index)
{
    return json_pack("{s:s,s:s,s:s,s:s,s:s}", "X-Kestra-Title", plugins[index].title, "X-Kestra-Group",
                     plugins[index].group, "Manifest-Version", "1.0", "X-Kestra-Name", plugins[index].name,
                     "X-Kestra-Version", PACKAGE_VERSION);
}

static json_t *describe_plugin(size_t index, const char *subgroup)
{
    static const char *const lists[] = {"tasks",  "triggers", "conditions", "storages",  "secrets",   "taskRunners",
                                        "guides", "aliases",  "apps",       "appBlocks", "categories"};
    json_t *plugin = json_object();
    json_set_text(plugin, "name", plugins[index].name);
    json_set_text(plugin, "title", plugins[index].title);
    json_set_text(plugin, "group", plugins[index].group);
    json_set_text(plugin, "version", PACKAGE_VERSION);
    json_object_set_new(plugin, "manifest", manifest_of(index));
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        json_object_set_new(plugin, lists[i], json_array());
    json_array_append_new(json_object_get(plugin, "categories"), json_string(plugins[index].category));
    json_set_text(plugin, "subGroup", subgroup);
    for (size_t i = 0; i < plugin_registry.count; i++)
        if (belongs_to(plugin_registry.types[i], subgroup ? subgroup : plugins[index].group))
            add_type(plugin, plugin_registry.types[i]);
    return plugin;
}

static bool plugin_is_empty(size_t index)
{
    for (size_t i = 0; i < plugin_registry.count; i++)
        if (belongs_to(plugin_registry.types[i], plugins[index].group))
            return false;
    return true;
}

json_t *plugins_manifests(void)
{
    json_t *list_of = json_array();
    for (size_t i = 0; i < ELEMENTS(plugins); i++)
        if (!plugin_is_empty(i))
            json_array_append_new(list_of, json_pack("{s:o}", "manifest", manifest_of(i)));
    return list_of;
}

static int list(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *answer = json_array();
    for (size_t i = 0; i < ELEMENTS(plugins); i++)
        if (!plugin_is_empty(i))
            json_array_append_new(answer, describe_plugin(i, NULL));
    return http_json(response, 200, answer);
}

/* Each plugin, then one element for each of its packages below the group ("io.kestra.plugin.core.flow"). */
static int list_subgroups(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *answer = json_array();
    _cleanup_json_ json_t *seen = json_object();
    for (size_t i = 0; i < ELEMENTS(plugins); i++) {
        if (plugin_is_empty(i))
            continue;
        json_array_append_new(answer, describe_plugin(i, NULL));
        for (size_t j = 0; j < plugin_registry.count; j++) {
            const Type *type = plugin_registry.types[j];
            const char *dot = strrchr(type->name, '.');
            _cleanup_free_ char *package = xstrndup(type->name, (size_t)(dot - type->name));
            if (!belongs_to(type, plugins[i].group) || streq(package, plugins[i].group) ||
                json_object_get(seen, package))
                continue;
            json_object_set_new(seen, package, json_true());
            json_array_append_new(answer, describe_plugin(i, package));
        }
    }
    return http_json(response, 200, answer);
}

static const Type *find_type(const char *name)
{
    for (TypeKind kind = TYPE_TASK; kind <= TYPE_TASK_RUNNER; kind++) {
        const Type *type = type_find(&plugin_registry, kind, name, NULL);
        if (type)
            return type;
    }
    return NULL;
}

static const Field *common_fields(const Type *type)
{
    return type->kind == TYPE_TASK ? fields_of_every_task : type->kind == TYPE_TRIGGER ? fields_of_every_trigger : NULL;
}

static json_t *examples_of(const Type *type)
{
    json_t *list_of = json_array();
    for (const char *const *example = type->examples; example && *example; example++) {
        json_t *entry = json_object();
        json_set_text(entry, "lang", "yaml");
        json_set_text(entry, "code", *example);
        json_array_append_new(list_of, entry);
    }
    return list_of;
}

static char *markdown_of(const Type *type)
{
    Buffer text = {};
    const char *dot = strrchr(type->name, '.');
    buffer_printf(&text, "# %s\n\n```yaml\ntype: \"%s\"\n```\n", dot ? dot + 1 : type->name, type->name);
    if (type->title)
        buffer_printf(&text, "\n%s\n", type->title);
    if (type->doc)
        buffer_printf(&text, "\n%s\n", type->doc);
    for (const char *const *example = type->examples; example && *example; example++)
        buffer_printf(&text, "\n```yaml\n%s\n```\n", *example);
    if (type->fields && type->fields->name)
        buffer_append(&text, "\n## Properties\n");
    for (const Field *field = type->fields; field && field->name; field++)
        buffer_printf(&text, "\n- `%s`%s: %s\n", field->name, field->flags & FIELD_REQUIRED ? " (required)" : "",
                      field->doc ? field->doc : "");
    return buffer_take(&text);
}

static int get(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *name = http_parameter(request, "cls");
    const Type *type = find_type(name);
    if (!type)
        return http_reason(request, response, 404, "Class '%s' doesn't exists ", name);
    bool all = http_query_boolean(request, "all", false);
    json_t *answer = json_object(), *schema = json_object();
    json_t *properties = field_schema(type->fields, all ? common_fields(type) : NULL);
    _cleanup_free_ char *markdown = markdown_of(type);
    json_set_text(properties, "$schema", SCHEMA_2019);
    json_set_text(properties, "title", type->title);
    json_set_text(properties, "description", type->doc);
    if (type->deprecated)
        json_object_set_new(properties, "$deprecated", json_true());
    json_object_set_new(properties, "$examples", examples_of(type));
    json_t *outputs = type->outputs ? field_schema(type->outputs, NULL) : json_object();
    json_set_text(outputs, "$schema", SCHEMA_2019);
    json_set_text(answer, "markdown", markdown);
    json_object_set_new(schema, "properties", properties);
    json_object_set_new(schema, "outputs", outputs);
    json_object_set_new(schema, "definitions", json_object());
    json_object_set_new(answer, "schema", schema);
    http_response_header(response, "Cache-Control", CACHED);
    return http_json(response, 200, answer);
}

/* --- icons: one a kind, our own; SVG in base64 --- */

static const char *const icons[] = {
    [TYPE_TASK] = /* a box */
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCIgZmlsbD0ibm9uZSIgc3Ry"
    "b2tlPSIjNWI2YjdjIiBzdHJva2Utd2lkdGg9IjIiPjxyZWN0IHg9IjQiIHk9IjQiIHdpZHRoPSIxNiIgaGVpZ2h0PSIxNiIgcng9"
    "IjMiLz48L3N2Zz4=",
    [TYPE_TRIGGER] = /* a flash */
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCIgZmlsbD0ibm9uZSIgc3Ry"
    "b2tlPSIjNWI2YjdjIiBzdHJva2Utd2lkdGg9IjIiPjxwYXRoIGQ9Ik0xMyAzIDYgMTNoNWwtMSA4IDgtMTFoLTZ6Ii8+PC9zdmc+",
    [TYPE_CONDITION] = /* a diamond */
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCIgZmlsbD0ibm9uZSIgc3Ry"
    "b2tlPSIjNWI2YjdjIiBzdHJva2Utd2lkdGg9IjIiPjxwYXRoIGQ9Im0xMiAzIDkgOS05IDktOS05eiIvPjwvc3ZnPg==",
    [TYPE_TASK_RUNNER] = /* an arrow in a circle */
    "PHN2ZyB4bWxucz0iaHR0cDovL3d3dy53My5vcmcvMjAwMC9zdmciIHZpZXdCb3g9IjAgMCAyNCAyNCIgZmlsbD0ibm9uZSIgc3Ry"
    "b2tlPSIjNWI2YjdjIiBzdHJva2Utd2lkdGg9IjIiPjxjaXJjbGUgY3g9IjEyIiBjeT0iMTIiIHI9IjgiLz48cGF0aCBkPSJtMTAg"
    "OSA1IDMtNSAzeiIvPjwvc3ZnPg==",
};

static json_t *describe_icon(const char *name, const char *icon, bool flowable)
{
    return json_pack("{s:s,s:s,s:b}", "name", name, "icon", icon, "flowable", flowable);
}

static int list_icons(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *answer = json_object();
    for (size_t i = 0; i < plugin_registry.count; i++) {
        const Type *type = plugin_registry.types[i];
        bool flowable = type->kind == TYPE_TASK && type->where == RUN_FLOWABLE;
        json_object_set_new(answer, type->name,
                            describe_icon(strrchr(type->name, '.') + 1, icons[type->kind], flowable));
        for (const char *const *alias = type->aliases; alias && *alias; alias++)
            json_object_set_new(answer, *alias, describe_icon(strrchr(*alias, '.') + 1, icons[type->kind], flowable));
    }
    http_response_header(response, "Cache-Control", CACHED);
    return http_json(response, 200, answer);
}

/* Of each plugin and each package of types in it. */
static int list_group_icons(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *answer = json_object();
    for (size_t i = 0; i < ELEMENTS(plugins); i++)
        if (!plugin_is_empty(i))
            json_object_set_new(answer, plugins[i].group, describe_icon("plugin-icon", icons[TYPE_TASK], false));
    for (size_t i = 0; i < plugin_registry.count; i++) {
        const Type *type = plugin_registry.types[i];
        _cleanup_free_ char *package = xstrndup(type->name, (size_t)(strrchr(type->name, '.') - type->name));
        json_object_set_new(answer, package, describe_icon("plugin-icon", icons[TYPE_TASK], false));
    }
    http_response_header(response, "Cache-Control", CACHED);
    return http_json(response, 200, answer);
}

/* --- JSON Schema of whole documents, for the editor --- */

static json_t *reference(const char *name)
{
    json_t *reference_to = json_object();
    _cleanup_free_ char *path = xasprintf("#/definitions/%s", name);
    json_set_text(reference_to, "$ref", path);
    return reference_to;
}

/* A flow need not say what has a default. */
static void forget_required_defaults(json_t *schema)
{
    json_t *required = json_object_get(schema, "required"), *properties = json_object_get(schema, "properties");
    for (size_t i = json_array_size(required); i-- > 0;)
        if (json_object_get(json_object_get(properties, json_string_value(json_array_get(required, i))), "default"))
            (void)json_array_remove(required, i); /* the index exists */
    if (required && json_array_size(required) == 0)
        (void)json_object_del(schema, "required"); /* draft 4 wants one name at least */
}

/* {"anyOf":[{"$ref":…},…]} of a kind; adds the definitions. */
static json_t *any_of(TypeKind kind, json_t *definitions)
{
    json_t *choices = json_array(), *answer = json_object();
    for (size_t i = 0; i < plugin_registry.count; i++) {
        const Type *type = plugin_registry.types[i];
        if (type->kind != kind)
            continue;
        json_t *schema = field_schema(type->fields, common_fields(type)), *name = json_object();
        forget_required_defaults(schema);
        json_set_text(schema, "type", "object");
        json_set_text(schema, "title", type->title);
        json_t *names = json_pack("[s]", type->name);
        for (const char *const *alias = type->aliases; alias && *alias; alias++)
            json_array_append_new(names, json_string(*alias));
        json_object_set_new(name, "enum", names);
        json_object_set_new(json_object_get(schema, "properties"), "type", name);
        json_object_set_new(definitions, type->name, schema);
        json_array_append_new(choices, reference(type->name));
    }
    json_object_set_new(answer, "anyOf", choices);
    return answer;
}

static json_t *simple_schema(const char *type, const char *pattern)
{
    json_t *schema = json_object();
    json_set_text(schema, "type", type);
    json_set_text(schema, "pattern", pattern);
    return schema;
}

/* What the schemas of types refer to (doc/field_schema.c), of every kind. New. */
static json_t *common_definitions(json_t *definitions)
{
    static const struct {
        const char *class_name;
        TypeKind kind;
    } kinds[] = {
        {"io.kestra.core.models.tasks.Task", TYPE_TASK},
        {"io.kestra.core.models.triggers.AbstractTrigger", TYPE_TRIGGER},
        {"io.kestra.core.models.conditions.Condition", TYPE_CONDITION},
        {"io.kestra.core.models.tasks.runners.TaskRunner", TYPE_TASK_RUNNER},
    };
    json_t *common = json_object();
    for (size_t i = 0; i < ELEMENTS(kinds); i++)
        json_object_set_new(common, kinds[i].class_name, any_of(kinds[i].kind, definitions));
    json_object_set_new(common, "io.kestra.core.models.flows.Input", simple_schema("object", NULL));
    return common;
}

static json_t *list_schema(json_t *items)
{
    json_t *schema = json_object();
    json_set_text(schema, "type", "array");
    json_object_set_new(schema, "items", items);
    return schema;
}

#define FLOW_CLASS     "io.kestra.core.models.flows.Flow"
#define TEMPLATE_CLASS "io.kestra.core.models.templates.Template"
#define DEFAULT_CLASS  "io.kestra.core.models.flows.PluginDefault"

static json_t *flow_schema(json_t *definitions)
{
    static const char *const objects[] = {"variables", "labels", "concurrency", "retry"};
    static const char *const lists[] = {"inputs", "outputs", "pluginDefaults", "sla"};
    static const char *const task_lists[] = {"tasks", "errors", "finally", "afterExecution"};
    json_t *flow = json_object(), *properties = json_object();
    json_object_set_new(properties, "id", simple_schema("string", "^[a-zA-Z0-9][a-zA-Z0-9._-]*"));
    json_object_set_new(properties, "namespace", simple_schema("string", "^[a-z0-9][a-z0-9._-]*"));
    json_object_set_new(properties, "description", simple_schema("string", NULL));
    json_object_set_new(properties, "disabled", simple_schema("boolean", NULL));
    for (size_t i = 0; i < ELEMENTS(objects); i++)
        json_object_set_new(properties, objects[i], json_object());
    for (size_t i = 0; i < ELEMENTS(lists); i++)
        json_object_set_new(properties, lists[i], list_schema(json_object()));
    _cleanup_json_ json_t *tasks = any_of(TYPE_TASK, definitions);
    for (size_t i = 0; i < ELEMENTS(task_lists); i++)
        json_object_set_new(properties, task_lists[i], list_schema(json_incref(tasks)));
    json_object_set_new(properties, "triggers", list_schema(any_of(TYPE_TRIGGER, definitions)));
    json_set_text(flow, "type", "object");
    json_object_set_new(flow, "properties", properties);
    json_t *required = json_array();
    json_array_append_new(required, json_string("id"));
    json_array_append_new(required, json_string("namespace"));
    json_array_append_new(required, json_string("tasks"));
    json_object_set_new(flow, "required", required);
    json_object_set_new(flow, "additionalProperties", json_false());
    json_object_set_new(definitions, FLOW_CLASS, flow);
    return reference(FLOW_CLASS);
}

static json_t *template_schema(json_t *definitions)
{
    _cleanup_json_ json_t *tasks = list_schema(any_of(TYPE_TASK, definitions));
    json_object_set_new(definitions, TEMPLATE_CLASS,
                        json_pack("{s:s,s:{s:o,s:o,s:o,s:O,s:O,s:o},s:[s,s,s]}", "type", "object", "properties", "id",
                                  simple_schema("string", "^[a-zA-Z0-9][a-zA-Z0-9._-]*"), "namespace",
                                  simple_schema("string", "^[a-z0-9][a-z0-9._-]*"), "description",
                                  simple_schema("string", NULL), "tasks", tasks, "errors", tasks, "deleted",
                                  simple_schema("boolean", NULL), "required", "id", "namespace", "tasks"));
    return reference(TEMPLATE_CLASS);
}

static json_t *plugin_default_schema(json_t *definitions)
{
    json_object_set_new(definitions, DEFAULT_CLASS,
                        json_pack("{s:s,s:{s:o,s:o,s:o},s:[s]}", "type", "object", "properties", "forced",
                                  simple_schema("boolean", NULL), "type", simple_schema("string", NULL), "values",
                                  simple_schema("object", NULL), "required", "type"));
    return reference(DEFAULT_CLASS);
}

static json_t *task_schema(json_t *definitions)
{
    return any_of(TYPE_TASK, definitions);
}

static json_t *trigger_schema(json_t *definitions)
{
    return any_of(TYPE_TRIGGER, definitions);
}

static const struct {
    const char *type;
    json_t *(*make)(json_t *definitions);
} schemas[] = {
    {"flow", flow_schema},
    {"task", task_schema},
    {"trigger", trigger_schema},
    {"template", template_schema},
    {"plugindefault", plugin_default_schema},
};

static int get_schema(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *type = http_parameter(request, "type");
    json_t *definitions = json_object(), *schema = NULL;
    for (size_t i = 0; i < ELEMENTS(schemas); i++)
        if (streq(schemas[i].type, type))
            schema = schemas[i].make(definitions);
    if (!schema) {
        json_decref(definitions);
        return http_error(request, response, 422,
                          "Internal server error: Failed to convert argument [type] for value [%s]", type);
    }
    if (http_query_boolean(request, "arrayOf", false))
        schema = list_schema(schema);
    json_set_text(schema, "$schema", SCHEMA_07);
    json_object_set_new(schema, "$defs", common_definitions(definitions));
    json_object_set_new(schema, "definitions", definitions);
    http_response_header(response, "Cache-Control", CACHED);
    return http_json(response, 200, schema);
}

/* --- inputs --- */

static const struct {
    const char *type, *class_name;
} inputs[] = {
    {"STRING", "String"}, {"ENUM", "Enum"},         {"SELECT", "Select"},     {"INT", "Int"},
    {"FLOAT", "Float"},   {"BOOLEAN", "Boolean"},   {"DATETIME", "DateTime"}, {"DATE", "Date"},
    {"TIME", "Time"},     {"DURATION", "Duration"}, {"FILE", "File"},         {"JSON", "Json"},
    {"URI", "URI"},       {"SECRET", "Secret"},     {"ARRAY", "Array"},       {"MULTISELECT", "Multiselect"},
    {"YAML", "Yaml"},     {"EMAIL", "Email"},
};

static int list_inputs(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    json_t *answer = json_array();
    for (size_t i = 0; i < ELEMENTS(inputs); i++) {
        json_t *entry = json_object();
        _cleanup_free_ char *name = xasprintf("io.kestra.core.models.flows.input.%sInput", inputs[i].class_name);
        json_set_text(entry, "type", inputs[i].type);
        json_set_text(entry, "cls", name);
        json_array_append_new(answer, entry);
    }
    return http_json(response, 200, answer);
}

static int get_input(WebSession *session, const HttpRequest *request, HttpResponse *response)
{
    const char *type = http_parameter(request, "type");
    json_t *properties = input_schema(type);
    if (!properties)
        return http_error(request, response, 422,
                          "Internal server error: Failed to convert argument [type] for value [%s]", type);
    _cleanup_free_ char *markdown = xasprintf("# %s\n\n```yaml\ntype: \"%s\"\n```\n", type, type);
    json_set_text(properties, "$schema", SCHEMA_2019);
    http_response_header(response, "Cache-Control", CACHED);
    return http_json(
        response, 200,
        json_pack("{s:s,s:{s:o,s:{}}}", "markdown", markdown, "schema", "properties", properties, "definitions"));
}

static const Parameter all_parameters[] = {{"all", PARAMETER_BOOLEAN}, {}};
static const Parameter array_parameters[] = {{"arrayOf", PARAMETER_BOOLEAN}, {}};

#define PLUGINS "/api/v1/plugins"
static const Route rows[] = {
    {HTTP_GET, PLUGINS, list, PERMISSION_PLUGIN_READ, NULL, "search"},
    {HTTP_GET, PLUGINS "/groups/subgroups", list_subgroups, PERMISSION_PLUGIN_READ, NULL, "getPluginBySubgroups"},
    {HTTP_GET, PLUGINS "/icons", list_icons, PERMISSION_PLUGIN_READ, NULL, "icons"},
    {HTTP_GET, PLUGINS "/icons/groups", list_group_icons, PERMISSION_PLUGIN_READ, NULL, "pluginGroupIcons"},
    {HTTP_GET, PLUGINS "/inputs", list_inputs, PERMISSION_PLUGIN_READ, NULL, "inputs"},
    {HTTP_GET, PLUGINS "/inputs/{type}", get_input, PERMISSION_PLUGIN_READ, NULL, "inputSchemas"},
    {HTTP_GET, PLUGINS "/schemas/{type}", get_schema, PERMISSION_PLUGIN_READ, array_parameters, "schemas"},
    {HTTP_GET, PLUGINS "/{cls}", get, PERMISSION_PLUGIN_READ, all_parameters, "pluginDocumentation"},
};
const RouteTable routes_plugins = ROUTE_TABLE("Plugins", rows);
