/* SPDX-License-Identifier: Apache-2.0 */
#pragma once
/* The simulator's world: processes on one store in virtual time. Everything in it comes from one seed. */
#include "executor/owner.h"
#include "sim/scene.h"
#include "sim/watch.h"

#define WORLD_BEGINNING (UINT64_C(1700000000) * USEC_PER_SEC)
#define WORLD_LEASE     (9 * USEC_PER_SEC)

enum { WORLD_EXECUTORS = 2, WORLD_WORKERS = 2, WORLD_ECHOES = 12 };

typedef struct SimJob {
    QueueJob job;
    bool lost; /* the worker was declared dead since it took this, and does not care */
} SimJob;

typedef struct SimWorker {
    Queue *queue;
    char name[16];
    VEC(SimJob) jobs;
    usec_t asleep_until;
} SimWorker;

typedef struct SimExecutor {
    Queue *queue;
    Owner *owner;
    char name[16];
    usec_t asleep_until;
} SimExecutor;

/* A result that was sent once and may come again. */
typedef struct SimEcho {
    char execution_id[ID_BYTES];
    json_t *body;
} SimEcho;

/* An execution that people have started, and what they have done to it. */
typedef struct SimTarget {
    char id[ID_BYTES];
    bool is_copy; /* a replay */
    bool deleted;
    uint32_t done;  /* bits by row of people.c */
    size_t entries; /* of its history when it was resumed last */
} SimTarget;

typedef struct World {
    uint64_t random;
    usec_t now;
    const Scene *scene;
    bool loud;
    QueueStore *store;
    Watch *watch;
    SimExecutor executors[WORLD_EXECUTORS];
    SimWorker workers[WORLD_WORKERS];
    Queue *sender; /* people */
    VEC(SimTarget) targets;
    SimEcho echoes[WORLD_ECHOES];
    unsigned echo_count;
    bool killed_all;
} World;

/* sim.c */
uint64_t world_chance(World *world);
_noreturn_ void world_die(const char *what);
void world_commit(World *world, Unit *unit); /* as people */
int world_load_flow(void *userdata, const char *namespace, const char *id, int revision, Flow **ret);

/* people.c */
void people_start(World *world);
/* Some of them do something. calm: only what has to be done before the end. */
void people_do(World *world, bool calm);
/* Nothing is left that they want to do. */
bool people_are_done(const World *world);

/* workers.c */
void workers_begin(World *world);
void workers_end(World *world);
void workers_die(World *world, unsigned which);
/* Fetches, answers, or tells that it lives. */
void workers_do(World *world, unsigned which);
/* A duplicate of a result comes past the queue's own fence, however late. */
void workers_echo(World *world);
