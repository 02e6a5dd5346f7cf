/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/*
 * What the simulator plays: a file of tests/data/sim with flows ("---" between them) and, in lines that begin with
 * "#!", what is special about it:
 *
 *   #! start: f g        flows of which an execution is started; without it the first flow four times
 *   #! people: kill …    what people do meanwhile (people.c)
 *   #! ends: A B         the outcome depends on chance, but every execution that was started ends in one of these
 * states
 *   #! count: f 1 4      at the end there are so many executions of the flow, at least and at most
 */
#include "model/flow.h"

typedef struct SceneCount {
    char *flow_id;
    unsigned minimum, maximum;
} SceneCount;

typedef struct Scene {
    char *name;
    VEC(Flow *) flows;
    VEC(char *) start;
    VEC(char *) people;
    VEC(State) ends; /* none: it may not depend on chance */
    VEC(SceneCount) counts;
} Scene;

/* Aborts, saying why, when it is wrong. */
Scene *scene_load(const char *path);
Scene *scene_free(Scene *scene);
/* NULL: there is none. Borrowed. */
Flow *scene_flow(const Scene *scene, const char *id);
bool scene_has_people(const Scene *scene, const char *what);
