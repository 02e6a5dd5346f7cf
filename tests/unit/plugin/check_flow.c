/* SPDX-License-Identifier: Apache-2.0 */
#include "base/base.h"
#include "doc/json.h"
#include "model/flow.h"
#include "plugin/registry.h"

#include <check.h>
#include <unistd.h>

#define HEAD "id: demo\nnamespace: test.flow\n"
#define LOG  "io.kestra.plugin.core.log.Log"

static Flow *parse_with(const char *source, const json_t *global)
{
    const FlowParse options = {.registry = &plugin_registry, .plugin_defaults = global, .revision = 3};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Flow *flow = NULL;
    int r = flow_parse(source, strlen(source), &options, &flow, &diag);
    ck_assert_msg(r == 0, "%s", diag_first(&diag));
    return flow;
}

static Flow *parse(const char *source)
{
    return parse_with(source, NULL);
}

static void expect_message(const char *source, const char *message)
{
    const FlowParse options = {.registry = &plugin_registry};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Flow *flow = NULL;
    ck_assert_int_eq(flow_parse(source, strlen(source), &options, &flow, &diag), FLOW_E_INVALID);
    _cleanup_free_ char *text = flow_error_message(&diag);
    ck_assert_str_eq(text, message);
}

START_TEST(test_tree)
{
    _cleanup_(flow_unrefp) Flow *flow =
        parse(HEAD "tasks:\n"
                   "  - id: choose\n    type: io.kestra.plugin.core.flow.Switch\n    value: x\n"
                   "    cases:\n      one: [{id: a, type: " LOG ", message: a}]\n"
                   "      two: [{id: b, type: " LOG ", message: b}]\n"
                   "    defaults: [{id: c, type: " LOG ", message: c}]\n"
                   "    errors: [{id: e, type: " LOG ", message: e}]\n"
                   "  - id: graph\n    type: io.kestra.plugin.core.flow.Dag\n    tasks:\n"
                   "      - task: {id: d1, type: " LOG ", message: d}\n"
                   "      - task: {id: d2, type: " LOG ", message: d}\n"
                   "        dependsOn: [d1]\n");
    const Task *task = flow_task(flow, "choose");
    ck_assert_uint_eq(task->case_count, 2);
    ck_assert_str_eq(task->cases[1].name, "two");
    ck_assert_str_eq(task->cases[1].tasks.items[0]->id, "b");
    ck_assert_str_eq(task->otherwise.items[0]->id, "c");
    ck_assert(flow_task(flow, "e")->in_errors && !flow_task(flow, "a")->in_errors);
    ck_assert_ptr_eq(flow_task(flow, "a")->parent, task);
    ck_assert_ptr_null(task->parent);
    ck_assert_uint_eq(task->line, 4);
    task = flow_task(flow, "graph");
    ck_assert_uint_eq(task->dependency_count, 2);
    ck_assert_str_eq(task->dependencies[1].depends_on[0], "d1");
    ck_assert_ptr_eq(task->tasks.items[1], task->dependencies[1].task);
    ck_assert_ptr_null(flow_task(flow, "none"));
    ck_assert_ptr_null(expr_tree_get(task->templates, "tasks"));
}
END_TEST

START_TEST(test_properties)
{
    _cleanup_(flow_unrefp) Flow *flow = parse(
        HEAD
        "labels: {a: b, n: 1}\nconcurrency: {limit: 2, behavior: FAIL}\n"
        "retry: {type: random, minInterval: PT1S, maxInterval: PT2S, maxAttempt: 4, behavior: "
        "CREATE_NEW_EXECUTION}\n"
        "tasks:\n  - id: t\n    type: " LOG "\n    message: x\n    allowFailure: true\n    disabled: \"true\"\n"
        "    logLevel: WARN\n    retry: {type: exponential, interval: PT0.5S, maxInterval: PT1M, delayFactor: 1.5}\n");
    ck_assert_str_eq(json_get_text(json_array_get(flow->labels, 1), "value", ""), "1");
    ck_assert_uint_eq(flow->concurrency_limit, 2);
    ck_assert_int_eq(flow->concurrency_behavior, CONCURRENCY_FAIL);
    ck_assert_int_eq(flow->retry->type, RETRY_RANDOM);
    ck_assert_int_eq(flow->retry->behavior, RETRY_CREATE_NEW_EXECUTION);
    ck_assert_uint_eq(flow->retry->interval_max_usec, 2 * USEC_PER_SEC);
    ck_assert_uint_eq(flow->retry->attempts_max, 4);
    const Task *task = flow_task(flow, "t");
    ck_assert(task->allow_failure && task->disabled && !task->allow_warning);
    ck_assert_str_eq(task->log_level, "WARN");
    ck_assert_uint_eq(task->retry->interval_usec, 500000);
    ck_assert_double_eq(task->retry->delay_factor, 1.5);
    ck_assert_uint_eq(task->retry->attempts_max, 0);
}
END_TEST

START_TEST(test_defaults)
{
    _cleanup_json_ json_t *global =
        json_pack("[{s:s,s:{s:s,s:s}},{s:s,s:b,s:{s:s}}]", "type", "io.kestra.plugin.core.log", "values", "level",
                  "ERROR", "description", "global", "type", LOG, "forced", 1, "values", "logLevel", "DEBUG");
    _cleanup_(flow_unrefp) Flow *flow = parse_with(
        HEAD "pluginDefaults:\n  - type: " LOG "\n    values: {message: given, level: WARN}\n"
             "tasks:\n  - id: seq\n    type: io.kestra.plugin.core.flow.Sequential\n    tasks:\n"
             "      - {id: a, type: " LOG ", logLevel: INFO}\n      - {id: b, type: " LOG ", level: DEBUG}\n",
        global);
    const json_t *a = flow_task(flow, "a")->properties, *b = flow_task(flow, "b")->properties;
    ck_assert_str_eq(json_get_text(a, "message", ""), "given");
    ck_assert_str_eq(json_get_text(a, "level", ""), "WARN");
    ck_assert_str_eq(json_get_text(b, "level", ""), "DEBUG");
    ck_assert_str_eq(json_get_text(a, "description", ""), "global");
    ck_assert_str_eq(json_get_text(a, "logLevel", ""), "DEBUG");
    const json_t *shown = json_at(flow->definition, "tasks[0].tasks[0]");
    ck_assert_ptr_null(json_object_get(shown, "message"));
    ck_assert_str_eq(json_get_text(shown, "logLevel", ""), "INFO");
}
END_TEST

START_TEST(test_messages)
{
    expect_message("id: x\nnamespace: a\ntasks: []\n", "Invalid entity: tasks: must not be empty\n");
    expect_message("id: x\nnamespace: a\ntasks:\n- id: a\n  type: no.such.Type\n",
                   "Invalid entity: Invalid type: no.such.Type");
    expect_message("id: x\nnamespace: a\ntasks:\n- id: a\n  type: " LOG "\n- id: a\n  type: " LOG "\n  message: x\n"
                   "triggers: [{id: s, type: io.kestra.plugin.core.trigger.Webhook, key: k}, "
                   "{id: s, type: io.kestra.plugin.core.trigger.Webhook, key: k}]\n",
                   "Invalid entity: a.message: must not be null\n"
                   ": Invalid Flow: Duplicate task id with name [a], Duplicate trigger id with name [s]\n");
    expect_message("id: x\n  namespace: [a\n",
                   "Invalid entity: Illegal flow yaml: mapping values are not allowed in this context\n"
                   " at [Source: (StringReader); line: 2, column: 12]");
    expect_message(
        "id: x\nnamespace: a\nb: 1\na: 2\ntasks: []\n",
        "Invalid entity: Unrecognized field \"b\" (class io.kestra.core.models.flows.Flow), not marked as ignorable "
        "(22 known properties: \"id\", \"namespace\", \"tenantId\", \"revision\", \"description\", \"disabled\", "
        "\"deleted\", \"labels\", \"inputs\", \"variables\", \"tasks\", \"errors\", \"finally\", \"afterExecution\", "
        "\"listeners\", \"triggers\", \"outputs\", \"pluginDefaults\", \"taskDefaults\", \"concurrency\", \"retry\", "
        "\"sla\")");
}
END_TEST

/* The first words of the API's message; which of Kestra's steps has failed decides what else the validation says. */
static void expect_step(const char *source, const char *words, bool has_paths, bool has_warnings)
{
    const FlowParse options = {.registry = &plugin_registry};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    Flow *flow = NULL;
    ck_assert_int_eq(flow_parse(source, strlen(source), &options, &flow, &diag), FLOW_E_INVALID);
    _cleanup_json_ json_t *validation = flow_validation(&diag);
    const char *text = json_get_text(validation, "constraints", "");
    ck_assert_msg(starts_with(text, words), "%s\n%s", source, text);
    ck_assert(!json_object_get(validation, "deprecationPaths") == !has_paths);
    ck_assert(!json_object_get(validation, "warnings") == !has_warnings);
}

#define CORE     "io.kestra.plugin.core."
#define ABSTRACT "io.kestra.core.models.triggers.AbstractTrigger"
#define TASKS    "tasks: [{id: t, type: " LOG ", message: x}]\n"
#define HV       "Unable to validate the flow: HV000028: Unexpected exception during isValid call. (class "
#define CAST(c)                                                                                                        \
    "Unable to validate the flow: class " c " cannot be cast to class " ABSTRACT " (" c " and " ABSTRACT               \
    " are in unnamed module of loader 'app') (class " c " is a "

START_TEST(test_steps)
{
    static const char schedule[] = HV CORE "trigger.Schedule is a trigger, not a task) at ";
    expect_step(HEAD "tasks: [{id: s, type: " CORE "trigger.Schedule, cron: x}]\n", schedule, true, true);
    expect_step(HEAD TASKS "errors: [{id: p, type: " CORE "flow.Sequential, tasks: [{id: s, type: " CORE
                           "trigger.Schedule, cron: '* * * * *'}]}]\n",
                schedule, true, true);
    expect_step(HEAD "tasks: [{id: d, type: " CORE "flow.Dag, tasks: [{dependsOn: [a]}]}]\n",
                HV CORE "flow.Dag$DagTask has no task) at tasks[0].tasks[0], line 3", true, true);
    expect_step(HEAD "tasks: [{id: d, type: " CORE "flow.Dag, tasks: [{task: {id: s, type: " CORE
                     "trigger.Schedule}}]}]\n",
                "Illegal flow yaml: class " CORE "trigger.Schedule is a trigger, not a task", false, false);
    expect_step(HEAD "tasks: [{id: w, type: " CORE "flow.WaitFor, condition: x}]\n",
                HV CORE "flow.WaitFor has no tasks) at tasks[0], line 3", true, true);
    expect_step(HEAD TASKS "triggers: [{type: " LOG "}]\n", CAST(LOG) "task, not a trigger) at triggers[0], line 4",
                true, false);
    expect_step(HEAD TASKS "triggers: [{type: " CORE "condition.Expression, expression: x}]\n",
                CAST(CORE "condition.Expression") "condition, not a trigger)", true, false);
    /* what is thrown earlier hides what would be later */
    expect_step(HEAD "tasks: [{id: s, type: " CORE "trigger.Schedule}]\ntriggers: [{type: " LOG "}]\n", CAST(LOG), true,
                false);
    expect_step(HEAD "tasks: [{id: s, type: " CORE "trigger.Schedule}]\ncolour: red\n", "Unrecognized field", false,
                false);
}
END_TEST

START_TEST(test_before_syntax_error)
{
    expect_step(HEAD "tasks:\n  - id: a\n   b: c\n", "Invalid type: <null>", false, false);
    expect_step(HEAD "tasks:\n  - id: a\n    type: " CORE "flow.Sequential\n    tasks: [{id: b, type: nope}]\n  - {\n",
                "Invalid type: nope", false, false);
    expect_step(HEAD TASKS "triggers:\n  - id: a\n   b: c\n", "Invalid type: <null>", false, false);
    expect_step(HEAD "colour: red\n" TASKS "}\n", "Unrecognized field", false, false);
    /* nothing before, or what is not complete */
    expect_step(HEAD TASKS "}\n", "Illegal flow yaml: ", false, false);
    expect_step(HEAD "tasks:\n  - id: a\n    b: c: d\n", "Illegal flow yaml: ", false, false);
    /* what Kestra would find only after reading */
    expect_step(HEAD "tasks: [{id: s, type: " CORE "trigger.Schedule}]\n}\n", "Illegal flow yaml: ", false, false);
}
END_TEST

START_TEST(test_validation)
{
    const char *source = HEAD "listeners: []\ntasks:\n  - {id: t, type: io.kestra.core.tasks.log.Log, message: x}\n";
    const FlowParse options = {.registry = &plugin_registry};
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    ck_assert_int_eq(flow_parse(source, strlen(source), &options, &flow, &diag), 0);
    _cleanup_json_ json_t *validation = flow_validation(&diag);
    _cleanup_free_ char *text = json_text(validation);
    ck_assert_str_eq(text, "{\"outdated\":false,\"deprecationPaths\":[\"listeners\"],\"warnings\":[],\"infos\":["
                           "\"io.kestra.core.tasks.log.Log is replaced by " LOG "\"]}");
}
END_TEST

START_TEST(test_lenient)
{
    const char *source = HEAD "colour: red\ntasks:\n  - {id: t, type: gone.Type, what: 1}\n  - hello\n";
    const FlowParse options = {.registry = &plugin_registry, .lenient = true};
    _cleanup_(flow_unrefp) Flow *flow = NULL;
    ck_assert_int_eq(flow_parse(source, strlen(source), &options, &flow, NULL), 0);
    ck_assert_uint_eq(flow->tasks.count, 1);
    ck_assert_ptr_null(flow->tasks.items[0]->type);
    ck_assert_str_eq(flow->tasks.items[0]->type_name, "gone.Type");
}
END_TEST

START_TEST(test_same)
{
    _cleanup_(flow_unrefp) Flow *a = parse(HEAD "tasks: [{id: t, type: " LOG ", message: x}]\n");
    _cleanup_(flow_unrefp) Flow *b = parse("revision: 7\n" HEAD "tasks: [{id: t, type: " LOG ", message: x}]\n");
    _cleanup_(flow_unrefp) Flow *c = parse(HEAD "tasks: [{id: t, type: " LOG ",  message: x}]\n");
    ck_assert(flow_is_same(a, b));
    ck_assert(!flow_is_same(a, c));
    _cleanup_(flow_unrefp) Flow *kept = flow_ref(a);
    ck_assert_ptr_eq(kept, a);
}
END_TEST

START_TEST(test_identify)
{
    _cleanup_free_ char *namespace = NULL, *id = NULL;
    const char *source = "# a flow\nid: \"demo\" # its name\nnamespace: a.b\ntasks: [\n  id: no\n";
    flow_identify(source, strlen(source), &namespace, &id);
    ck_assert_str_eq(namespace, "a.b");
    ck_assert_str_eq(id, "demo");
    _cleanup_free_ char *none = NULL, *other = NULL;
    flow_identify("x: y", 4, &none, &other);
    ck_assert(!none && !other);
}
END_TEST

START_TEST(test_types)
{
    bool is_alias = false;
    for (size_t i = 0; i < plugin_registry.count; i++) {
        const Type *type = plugin_registry.types[i];
        ck_assert_ptr_eq(type_find(&plugin_registry, type->kind, type->name, &is_alias), type);
        ck_assert_msg(!is_alias, "%s is also an alias", type->name);
        for (size_t k = 0; type->aliases && type->aliases[k]; k++) {
            ck_assert_msg(type_find(&plugin_registry, type->kind, type->aliases[k], &is_alias) == type, "%s",
                          type->aliases[k]);
            ck_assert(is_alias);
        }
        _cleanup_json_ json_t *schema = field_schema(type->fields, NULL), *outputs = field_schema(type->outputs, NULL);
        ck_assert(json_is_object(json_object_get(outputs, "properties")));
        ck_assert(json_is_object(json_object_get(schema, "properties")));
        for (const Field *field = type->fields; field && field->name; field++) {
            const json_t *property = json_object_get(json_object_get(schema, "properties"), field->name);
            ck_assert_msg(property != NULL, "%s %s", type->name, field->name);
            ck_assert_msg(field->doc != NULL, "%s %s has no text", type->name, field->name);
            ck_assert_msg(!field->fallback || json_object_get(property, "default"), "%s %s: default", type->name,
                          field->name);
        }
    }
}
END_TEST

/* Words and numbers of YAML 1.1 in the place of names and texts. */
START_TEST(test_texts)
{
    _cleanup_(flow_unrefp) Flow *flow =
        parse("id: yes\nnamespace: 010\ninputs:\n"
              "  - {id: on, type: STRING, defaults: 1.10, displayName: 0x10}\n"
              "  - {type: STRING, id: off, required: false}\n"
              "outputs:\n  - {id: no, type: STRING, value: 5}\n"
              "variables: {id: yes, n: 010}\ntasks:\n  - {id: off, type: " LOG ", message: a}\n"
              "triggers:\n  - {id: 7, type: io.kestra.plugin.core.trigger.Webhook, key: abc}\n");
    ck_assert_str_eq(flow->id, "yes");
    ck_assert_str_eq(flow->namespace, "010");
    const json_t *input = json_array_get(flow->inputs, 0);
    ck_assert_str_eq(json_get_text(input, "id", ""), "true"); /* before its type: by its value, as in Kestra */
    ck_assert_str_eq(json_get_text(input, "defaults", ""), "1.10");
    ck_assert_str_eq(json_get_text(input, "displayName", ""), "0x10");
    ck_assert_str_eq(json_get_text(json_array_get(flow->inputs, 1), "id", ""), "off");
    ck_assert_str_eq(flow->outputs[0].id, "no");
    ck_assert_str_eq(flow->tasks.items[0]->id, "false");
    ck_assert_str_eq(flow->triggers[0].id, "7");
    ck_assert(json_is_true(json_object_get(flow->variables, "id"))); /* no text belongs here */
    ck_assert_int_eq(json_integer_value(json_object_get(flow->variables, "n")), 8);
    _cleanup_json_ json_t *shown = flow_encode(flow, false);
    ck_assert_str_eq(json_get_text(shown, "id", ""), "yes");
}
END_TEST

/* Both names of the setting hold, the deprecated one first, as in PluginDefaultService.mergeAllDefaults. */
START_TEST(test_global_defaults)
{
    char path[] = "/tmp/check_flow.XXXXXX";
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_gt(dprintf(fd, "tasks: {defaults: [{type: " LOG ", values: {level: WARN}}]}\n"
                                 "plugins: {defaults: [{type: " LOG ", values: {level: ERROR, message: hello}}]}\n"),
                     0);
    close(fd);
    _cleanup_diag_ Diag diag = DIAG_INIT;
    _cleanup_(conf_freep) Conf *conf = NULL;
    ck_assert_int_eq(conf_load(path, NULL, &conf, &diag), 0);
    ck_assert_int_eq(unlink(path), 0);
    _cleanup_json_ json_t *defaults = flow_global_defaults(conf);
    _cleanup_(flow_unrefp) Flow *flow = parse_with(HEAD "tasks: [{id: a, type: " LOG "}]\n", defaults);
    const json_t *properties = flow_task(flow, "a")->properties;
    ck_assert_str_eq(json_get_text(properties, "level", ""), "WARN");
    ck_assert_str_eq(json_get_text(properties, "message", ""), "hello");
    _cleanup_(conf_freep) Conf *empty = conf_new();
    ck_assert_ptr_null(flow_global_defaults(empty));
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("flow");
    TCase *tests = tcase_create("flow");
    tcase_add_test(tests, test_tree);
    tcase_add_test(tests, test_properties);
    tcase_add_test(tests, test_defaults);
    tcase_add_test(tests, test_global_defaults);
    tcase_add_test(tests, test_texts);
    tcase_add_test(tests, test_messages);
    tcase_add_test(tests, test_steps);
    tcase_add_test(tests, test_before_syntax_error);
    tcase_add_test(tests, test_validation);
    tcase_add_test(tests, test_lenient);
    tcase_add_test(tests, test_same);
    tcase_add_test(tests, test_identify);
    tcase_add_test(tests, test_types);
    suite_add_tcase(suite, tests);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
