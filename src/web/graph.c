/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A cluster is a box with a start and an end node. A flow is the outermost one; every flowable and every expanded
 * subflow is a box of its own, whose third node is the task itself. What is drawn inside hangs on that third node, so
 * that branches begin at the task they belong to. A path of names joined by '.' is a node's uid; start and end have a
 * random name there.
 *
 * Nodes and clusters are listed in the order in which they are met; a run of a task inside of a loop has a node of its
 * own, found by (task, run of the flowable around it), so that a graph costs what it shows.
 */
#include "web/graph.h"

#define HIERARCHIES "io.kestra.core.models.hierarchies."

typedef VEC(const TaskRun *) Runs;

typedef struct Graph {
    const GraphSource *source;
    const Flow *flow;           /* whose tasks are drawn at the moment */
    const Execution *execution; /* NULL inside of an expanded subflow */
    Map *runs;                  /* "task parent" → Runs */
    json_t *nodes, *edges, *clusters;
    Diag *diag;
    int result; /* the first failure */
} Graph;

typedef struct Cluster {
    char *path;           /* "root.each" */
    char *start, *end;    /* uids */
    char *third;          /* uid of the third node when that is a plain task; or NULL */
    const char *relation; /* or NULL */
    unsigned member_count;
    json_t *members; /* uids; borrowed from the entry in `clusters`, or owned by it */
    json_t *parents; /* uids of the clusters around what is inside */
    bool error;
} Cluster;

/* What an edge comes to and goes from: the same for a task, start and end for a cluster. */
typedef struct Joint {
    char *in, *out;
} Joint;

typedef struct Branch {
    const TaskList *tasks;
    const TaskRun *parent;
    const char *relation;
    const char *value; /* of the edges when nothing has run; or NULL */
} Branch;

static void draw_branch(Graph *graph, Cluster *cluster, const Branch *branch);

static void joint_done(Joint *joint)
{
    free(joint->in);
    free(joint->out);
    *joint = (Joint){};
}

static void cluster_done(Cluster *cluster)
{
    free(cluster->path);
    free(cluster->start);
    free(cluster->end);
    free(cluster->third);
    json_decref(cluster->members);
    json_decref(cluster->parents);
}

/* --- nodes, edges, clusters --- */

static void add_edge(Graph *graph, const char *source, const char *target, const char *relation, const char *value)
{
    json_t *object = json_object();
    if (relation)
        json_set_text(object, "relationType", relation);
    if (value)
        json_set_text(object, "value", value);
    json_array_append_new(graph->edges,
                          json_pack("{s:s,s:s,s:o}", "source", source, "target", target, "relation", object));
}

static void add_member(Cluster *cluster, const char *uid, bool is_task)
{
    json_array_append_new(cluster->members, json_string(uid));
    if (++cluster->member_count == 3 && is_task)
        cluster->third = xstrdup(uid);
}

/* Steals node. */
static void add_node(Graph *graph, Cluster *cluster, json_t *node, const char *uid, const char *type)
{
    _cleanup_free_ char *full = xasprintf(HIERARCHIES "%s", type);
    json_set_text(node, "uid", uid);
    json_set_text(node, "type", full);
    json_object_set_new(node, "error", json_boolean(cluster->error));
    json_array_append_new(graph->nodes, node);
    add_member(cluster, uid, streq(type, "GraphTask"));
}

static char *random_uid(const char *path)
{
    char id[ID_BYTES];
    id_new(id);
    return xasprintf("%s.%s", path, id);
}

static void begin_cluster(Graph *graph, Cluster *cluster)
{
    cluster->members = json_array();
    cluster->start = random_uid(cluster->path);
    cluster->end = random_uid(cluster->path);
    add_node(graph, cluster, json_object(), cluster->start, "GraphClusterRoot");
    add_node(graph, cluster, json_object(), cluster->end, "GraphClusterEnd");
}

/* A cluster inside of another. kind: its class. task_node: a reference is taken; or NULL. */
static void enter_cluster(Graph *graph, Cluster *outer, Cluster *inner, const char *kind, json_t *task_node)
{
    _cleanup_free_ char *uid = xasprintf("cluster_%s", inner->path), *type = xasprintf(HIERARCHIES "%s", kind);
    add_member(outer, uid, false);
    inner->parents = json_copy(outer->parents);
    json_array_append_new(inner->parents, json_string(uid));
    begin_cluster(graph, inner);
    json_t *described = json_pack("{s:s,s:s,s:b}", "uid", uid, "type", type, "error", (int)inner->error);
    if (inner->relation)
        json_set_text(described, "relationType", inner->relation);
    if (task_node)
        json_object_set(described, "taskNode", task_node);
    json_array_append_new(graph->clusters,
                          json_pack("{s:o,s:O,s:O,s:s,s:s}", "cluster", described, "nodes", inner->members, "parents",
                                    outer->parents, "start", inner->start, "end", inner->end));
}

/* --- task runs --- */

static char *runs_key(const char *task_id, const TaskRun *parent)
{
    return xasprintf("%s %s", task_id, parent ? parent->id : "");
}

static void index_runs(Graph *graph)
{
    for (size_t i = 0; graph->execution && i < graph->execution->task_runs.count; i++) {
        const TaskRun *run = graph->execution->task_runs.items[i];
        _cleanup_free_ char *key = runs_key(run->task_id, run->parent);
        Runs *runs = map_get(graph->runs, key);
        if (!runs) {
            runs = xnew(Runs);
            map_put(graph->runs, key, runs);
        }
        if (runs->count && !run->value) /* another round of a WaitFor: the latest is shown */
            runs->items[runs->count - 1] = run;
        else
            vec_push(runs, run);
    }
}

static void free_runs(void *value)
{
    Runs *runs = value;
    vec_free(runs);
    free(runs);
}

/* The values of the loops around a run, the outermost first, its own last. New. */
static json_t *values_of(const TaskRun *run)
{
    json_t *values = json_array();
    for (; run; run = run->parent)
        if (run->value)
            json_array_insert_new(values, 0, json_string(run->value));
    return values;
}

/* The task with its run, without uid. New. */
static json_t *task_node(const Graph *graph, const Task *task, const TaskRun *run, const char *relation)
{
    json_t *node = json_object();
    json_object_set_new(node, "task",
                        graph->source->execution ? task_encode_for_execution(task) : json_incref(task->properties));
    if (run) {
        json_object_set_new(node, "taskRun", task_run_encode(graph->execution, run, graph->source->now));
        json_object_set_new(node, "values", values_of(run));
    }
    json_set_text(node, "relationType", relation);
    return node;
}

static char *task_uid(const Cluster *cluster, const Task *task, const TaskRun *run)
{
    _cleanup_json_ json_t *values = values_of(run);
    _cleanup_buffer_ Buffer uid = {};
    size_t i;
    const json_t *value;
    buffer_printf(&uid, "%s.%s", cluster->path, task->id);
    json_array_foreach (values, i, value)
        buffer_printf(&uid, "_%s", json_string_value(value));
    return xstrdup(buffer_text(&uid));
}

/* --- the shapes of flowables --- */

static void draw_dag(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run);

static void draw_sequence(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run)
{
    draw_branch(graph, cluster, &(Branch){&task->tasks, run, "SEQUENTIAL", NULL});
}

static void draw_parallel(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run)
{
    draw_branch(graph, cluster, &(Branch){&task->tasks, run, "PARALLEL", NULL});
}

static void draw_choice(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run)
{
    bool has_cases = field_find(task->type->fields, "cases") != NULL;
    draw_branch(graph, cluster, &(Branch){&task->tasks, run, "SEQUENTIAL", "then"});
    for (size_t i = 0; i < task->case_count; i++)
        draw_branch(graph, cluster, &(Branch){&task->cases[i].tasks, run, "SEQUENTIAL", task->cases[i].name});
    draw_branch(graph, cluster, &(Branch){&task->otherwise, run, "SEQUENTIAL", has_cases ? "defaults" : "else"});
}

static const struct {
    const char *relation;
    void (*draw)(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run);
} shapes[_SHAPE_MAX] = {
    [SHAPE_SEQUENCE] = {"SEQUENTIAL", draw_sequence},
    [SHAPE_PARALLEL] = {"PARALLEL", draw_parallel},
    [SHAPE_DAG] = {"DYNAMIC", draw_dag},
    [SHAPE_CHOICE] = {"CHOICE", draw_choice},
    [SHAPE_LOOP] = {"DYNAMIC", draw_sequence},
    [SHAPE_LOOP_PARALLEL] = {"DYNAMIC", draw_parallel},
};

static void draw_ends(Graph *graph, Cluster *cluster, const TaskList *errors, const TaskList *finally,
                      const TaskRun *run)
{
    bool outer = cluster->error;
    draw_branch(graph, cluster, &(Branch){finally, run, "FINALLY", NULL});
    cluster->error = true;
    draw_branch(graph, cluster, &(Branch){errors, run, "ERROR", NULL});
    cluster->error = outer;
}

/* --- boxes --- */

static void draw_flow(Graph *graph, Cluster *cluster);

/* An empty box with the task as its third node. */
static Joint begin_box(Graph *graph, Cluster *outer, Cluster *box, const char *kind, json_t *node,
                       const char *node_type)
{
    _cleanup_json_ json_t *kept = json_incref(node);
    enter_cluster(graph, outer, box, kind, node);
    add_node(graph, box, json_incref(node), box->path, node_type);
    add_edge(graph, box->start, box->path, NULL, NULL);
    return (Joint){xstrdup(box->start), xstrdup(box->end)};
}

static Joint draw_flowable(Graph *graph, Cluster *outer, const Task *task, const TaskRun *run, char *uid)
{
    const char *relation = shapes[task->type->shape].relation;
    _cleanup_(cluster_done) Cluster box = {.path = uid, .relation = relation, .error = outer->error};
    _cleanup_json_ json_t *node = task_node(graph, task, run, relation);
    Joint joint = begin_box(graph, outer, &box, "GraphCluster", node, "GraphTask");
    shapes[task->type->shape].draw(graph, &box, task, run);
    draw_ends(graph, &box, &task->errors, &task->finally, run);
    return joint;
}

static bool fail(Graph *graph, const Task *task, const char *reason)
{
    diag_error(graph->diag, NULL, 0, 0, "Can't expand subflow task '%s': %s", task->id, reason);
    graph->result = graph->result ? graph->result : GRAPH_E_SUBFLOW;
    return false;
}

static bool find_subflow(Graph *graph, const Task *task, const Flow **ret)
{
    const char *namespace = json_get_text(task->properties, "namespace", graph->flow->namespace);
    const char *id = json_get_text(task->properties, "flowId", "");
    int revision = (int)json_get_integer(task->properties, "revision", 0);
    if (strstr(namespace, "{{") || strstr(id, "{{"))
        return fail(graph, task, "its namespace or flowId is an expression");
    int r = graph->source->find_flow(graph->source->userdata, namespace, id, revision, ret);
    if (r < 0)
        graph->result = r;
    return r < 0 ? false : r > 0 ? fail(graph, task, "there is no such flow") : true;
}

/* The flow that the task starts, in a box. */
static Joint draw_subflow(Graph *graph, Cluster *outer, const Task *task, const TaskRun *run, char *uid,
                          const Flow *subflow)
{
    _cleanup_(cluster_done) Cluster box = {.path = uid, .relation = "SEQUENTIAL", .error = outer->error};
    _cleanup_json_ json_t *node = task_node(graph, task, run, "SEQUENTIAL");
    const Flow *flow = graph->flow;
    const Execution *execution = graph->execution;
    Joint joint = begin_box(graph, outer, &box, "SubflowGraphCluster", node, "SubflowGraphTask");
    graph->flow = subflow;
    graph->execution = NULL;
    draw_flow(graph, &box);
    graph->flow = flow;
    graph->execution = execution;
    return joint;
}

static bool is_listed(const json_t *list, const char *text)
{
    size_t i;
    const json_t *item;
    json_array_foreach (list, i, item)
        if (streq(json_string_value(item), text))
            return true;
    return false;
}

/* A flowable with nothing inside (a Pause) is drawn as the task that it is. */
static bool is_box(const Task *task)
{
    return task->type && task->type->where == RUN_FLOWABLE &&
           task->tasks.count + task->otherwise.count + task->case_count > 0;
}

static Joint draw_task(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run, const char *relation)
{
    char *uid = task_uid(cluster, task, run);
    const Flow *subflow = NULL;
    bool starts_flow = task->type && task->type->starts_flow;
    if (is_box(task))
        return draw_flowable(graph, cluster, task, run, uid);
    if (starts_flow && is_listed(graph->source->subflows, uid) && find_subflow(graph, task, &subflow))
        return draw_subflow(graph, cluster, task, run, uid, subflow);
    add_node(graph, cluster, task_node(graph, task, run, relation), uid,
             starts_flow ? "SubflowGraphTask" : "GraphTask");
    return (Joint){uid, xstrdup(uid)};
}

/* --- branches --- */

static const Runs none = {.items = (const TaskRun *[]){NULL}, .count = 1};

/* The runs of a task inside of `parent`; one that is NULL when it has not run. */
static const Runs *runs_of(const Graph *graph, const Task *task, const TaskRun *parent)
{
    if (!graph->execution)
        return &none;
    _cleanup_free_ char *key = runs_key(task->id, parent);
    const Runs *runs = map_get(graph->runs, key);
    return runs ? runs : &none;
}

static void draw_branch(Graph *graph, Cluster *cluster, const Branch *branch)
{
    bool parallel = streq(branch->relation, "PARALLEL");
    bool special = streq(branch->relation, "ERROR") || streq(branch->relation, "FINALLY");
    bool in_loop = cluster->relation && streq(cluster->relation, "DYNAMIC");
    _cleanup_(joint_done) Joint previous = {.out = xstrdup(cluster->third ? cluster->third : cluster->start)};
    bool first = true;
    for (size_t i = 0; i < branch->tasks->count; i++) {
        const Task *task = branch->tasks->items[i];
        const Runs *runs = runs_of(graph, task, branch->parent);
        for (size_t k = 0; k < runs->count; k++) {
            const TaskRun *run = runs->items[k];
            bool own = special || (!first && !parallel && !in_loop);
            _cleanup_(joint_done) Joint joint = draw_task(graph, cluster, task, run, branch->relation);
            add_edge(graph, previous.out, joint.in, own ? branch->relation : cluster->relation,
                     run ? run->value : branch->value);
            if (parallel || i + 1 == branch->tasks->count)
                add_edge(graph, joint.out, cluster->end, NULL, NULL);
            first = false;
            if (parallel)
                continue;
            joint_done(&previous);
            previous = joint;
            joint = (Joint){};
        }
    }
}

/* --- a Dag: every node after those it depends on --- */

static bool is_needed(const Task *task, const char *id)
{
    for (size_t i = 0; i < task->dependency_count; i++)
        for (const char *const *name = task->dependencies[i].depends_on; name && *name; name++)
            if (streq(*name, id))
                return true;
    return false;
}

static bool all_drawn(const Map *drawn, const char *const *names)
{
    for (; names && *names; names++)
        if (!map_get(drawn, *names))
            return false;
    return true;
}

static void draw_node(Graph *graph, Cluster *cluster, const Task *dag, const TaskDependency *node,
                      const TaskRun *parent, Map *drawn)
{
    const TaskRun *run = runs_of(graph, node->task, parent)->items[0];
    const char *value = run ? run->value : NULL;
    Joint *joint = xnew(Joint);
    *joint = draw_task(graph, cluster, node->task, run, "SEQUENTIAL");
    if (!node->depends_on || !*node->depends_on)
        add_edge(graph, cluster->third ? cluster->third : cluster->start, joint->in, "PARALLEL", value);
    for (const char *const *name = node->depends_on; name && *name; name++)
        add_edge(graph, ((const Joint *)map_get(drawn, *name))->out, joint->in, "PARALLEL", value);
    if (!is_needed(dag, node->task->id))
        add_edge(graph, joint->out, cluster->end, NULL, NULL);
    map_put(drawn, node->task->id, joint);
}

static void free_joint(void *value)
{
    joint_done(value);
    free(value);
}

/* Rounds, until one draws nothing: a Dag that was stored has no cycles. */
static void draw_dag(Graph *graph, Cluster *cluster, const Task *task, const TaskRun *run)
{
    Map *drawn = map_new();
    for (bool more = true; more;) {
        more = false;
        for (size_t i = 0; i < task->dependency_count; i++) {
            const TaskDependency *node = &task->dependencies[i];
            if (map_get(drawn, node->task->id) || !all_drawn(drawn, node->depends_on))
                continue;
            draw_node(graph, cluster, task, node, run, drawn);
            more = true;
        }
    }
    map_destroy(drawn, free_joint);
}

/* --- the whole --- */

static void draw_trigger(Graph *graph, Cluster *cluster, const Trigger *trigger)
{
    _cleanup_free_ char *uid = xasprintf("%s.%s", cluster->path, trigger->id);
    json_t *node = json_object(), *state = NULL;
    json_object_set_new(node, "triggerDeclaration",
                        graph->source->execution ? json_pack("{s:s,s:s}", "id", trigger->id, "type", trigger->type_name)
                                                 : json_incref(trigger->properties));
    if (graph->flow == graph->source->flow)
        state = json_object_get(graph->source->trigger_states, trigger->id);
    if (state)
        json_object_set(node, "trigger", state);
    add_node(graph, cluster, node, uid, "GraphTrigger");
    add_edge(graph, cluster->start, uid, NULL, NULL);
    add_edge(graph, uid, cluster->end, NULL, NULL);
}

static void draw_flow(Graph *graph, Cluster *cluster)
{
    const Flow *flow = graph->flow;
    if (flow->trigger_count) {
        _cleanup_(cluster_done) Cluster triggers = {.path = xasprintf("%s.Triggers", cluster->path)};
        enter_cluster(graph, cluster, &triggers, "GraphCluster", NULL);
        for (size_t i = 0; i < flow->trigger_count; i++)
            draw_trigger(graph, &triggers, &flow->triggers[i]);
        add_edge(graph, triggers.end, cluster->start, NULL, NULL);
    }
    draw_branch(graph, cluster, &(Branch){&flow->tasks, NULL, "SEQUENTIAL", NULL});
    draw_ends(graph, cluster, &flow->errors, &flow->finally, NULL);
}

int graph_make(const GraphSource *source, json_t **ret, Diag *diag)
{
    Graph graph = {.source = source,
                   .flow = source->flow,
                   .execution = source->execution,
                   .runs = map_new(),
                   .nodes = json_array(),
                   .edges = json_array(),
                   .clusters = json_array(),
                   .diag = diag};
    _cleanup_(cluster_done) Cluster root = {.path = xstrdup("root"), .parents = json_array()};
    index_runs(&graph);
    begin_cluster(&graph, &root);
    draw_flow(&graph, &root);
    map_destroy(graph.runs, free_runs);
    json_t *answer = json_pack("{s:o,s:o,s:o}", "nodes", graph.nodes, "edges", graph.edges, "clusters", graph.clusters);
    if (graph.result == 0)
        *ret = answer;
    else
        json_decref(answer);
    return graph.result;
}
