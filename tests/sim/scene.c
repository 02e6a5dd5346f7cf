/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/scene.h"

#include "base/buffer.h"
#include "plugin/registry.h"

enum { START_DEFAULT = 4 };

_noreturn_ static void refuse(const char *path, const char *what)
{
    fprintf(stderr, "%s: %s\n", path, what);
    abort();
}

static char *read_text(const char *path)
{
    FILE *file = fopen(path, "re");
    if (!file)
        refuse(path, "cannot be read");
    Buffer text = {};
    char block[4096];
    size_t length;
    while ((length = fread(block, 1, sizeof(block), file)) > 0)
        buffer_append_n(&text, block, length);
    fclose(file);
    return buffer_take(&text);
}

/* --- what is special --- */

static void take_start(Scene *scene, const char *path, char *word, char **rest)
{
    for (; word; word = strtok_r(NULL, " ", rest))
        vec_push(&scene->start, xstrdup(word));
}

static void take_people(Scene *scene, const char *path, char *word, char **rest)
{
    for (; word; word = strtok_r(NULL, " ", rest))
        vec_push(&scene->people, xstrdup(word));
}

static void take_ends(Scene *scene, const char *path, char *word, char **rest)
{
    for (; word; word = strtok_r(NULL, " ", rest)) {
        State state = state_from_string(word);
        if (state < 0)
            refuse(path, "ends: names states");
        vec_push(&scene->ends, state);
    }
}

static void take_count(Scene *scene, const char *path, char *word, char **rest)
{
    const char *minimum = strtok_r(NULL, " ", rest), *maximum = strtok_r(NULL, " ", rest);
    if (!word || !minimum || !maximum)
        refuse(path, "count: wants a flow and two numbers");
    vec_push(&scene->counts, ((SceneCount){xstrdup(word), (unsigned)strtoull(minimum, NULL, 10),
                                           (unsigned)strtoull(maximum, NULL, 10)}));
}

static const struct {
    const char *name;
    void (*take)(Scene *scene, const char *path, char *word, char **rest);
} directives[] = {{"start:", take_start}, {"people:", take_people}, {"ends:", take_ends}, {"count:", take_count}};

static void take_directive(Scene *scene, const char *path, char *line)
{
    char *rest, *name = strtok_r(line, " ", &rest);
    for (size_t i = 0; i < ELEMENTS(directives); i++)
        if (streq_null(name, directives[i].name)) {
            directives[i].take(scene, path, strtok_r(NULL, " ", &rest), &rest);
            return;
        }
    refuse(path, "has a #! line of an unknown kind");
}

static void take_flow(Scene *scene, const char *path, const char *yaml)
{
    const FlowParse options = {.registry = &plugin_registry, .revision = 1};
    Flow *flow;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    if (flow_parse(yaml, strlen(yaml), &options, &flow, &diag) != 0)
        refuse(path, diag_first(&diag));
    vec_push(&scene->flows, flow);
}

/* --- the file --- */

static char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strchr(name, '.');
    return dot ? xasprintf("%.*s", (int)(dot - name), name) : xstrdup(name);
}

Scene *scene_load(const char *path)
{
    Scene *scene = xnew(Scene);
    scene->name = name_of(path);
    _cleanup_free_ char *text = read_text(path);
    Buffer yaml = {};
    char *rest;
    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        if (starts_with(line, "#!"))
            take_directive(scene, path, line + 2);
        else if (streq(line, "---")) {
            take_flow(scene, path, buffer_text(&yaml));
            buffer_clear(&yaml);
        } else
            buffer_printf(&yaml, "%s\n", line);
    }
    take_flow(scene, path, buffer_text(&yaml));
    buffer_done(&yaml);
    for (unsigned missing = scene->start.count ? 0 : START_DEFAULT; missing > 0; missing--)
        vec_push(&scene->start, xstrdup(scene->flows.items[0]->id));
    return scene;
}

Scene *scene_free(Scene *scene)
{
    for (size_t i = 0; i < scene->flows.count; i++)
        flow_unref(scene->flows.items[i]);
    for (size_t i = 0; i < scene->start.count; i++)
        free(scene->start.items[i]);
    for (size_t i = 0; i < scene->people.count; i++)
        free(scene->people.items[i]);
    for (size_t i = 0; i < scene->counts.count; i++)
        free(scene->counts.items[i].flow_id);
    vec_free(&scene->flows);
    vec_free(&scene->start);
    vec_free(&scene->people);
    vec_free(&scene->ends);
    vec_free(&scene->counts);
    free(scene->name);
    free(scene);
    return NULL;
}

Flow *scene_flow(const Scene *scene, const char *id)
{
    for (size_t i = 0; i < scene->flows.count; i++)
        if (streq(scene->flows.items[i]->id, id))
            return scene->flows.items[i];
    return NULL;
}

bool scene_has_people(const Scene *scene, const char *what)
{
    for (size_t i = 0; i < scene->people.count; i++)
        if (streq(scene->people.items[i], what))
            return true;
    return false;
}
