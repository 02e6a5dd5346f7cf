/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter jq: libjq on the value, all results as a list. A compiled program cannot be shared between threads and
 * compiling is slow, so each thread keeps the programs it has used lately.
 *
 * A program can run for ever, and libjq has no limit of its own; but it looks at a flag before each instruction, which
 * jq_halt sets. A timer of the C library does that after some seconds, from a thread of its own.
 */
#include <jq.h>
#include <jv.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <time.h>

#include "expr/calls.h"
#include "expr/json_read.h"

#define PROGRAMS_MAX 16
#define RESULTS_MAX  1000000
#define SECONDS_MAX  5

typedef struct Program {
    char *source;
    jq_state *state;
    uint64_t used;
} Program;

typedef struct Programs {
    Program items[PROGRAMS_MAX];
    uint64_t clock;
    char *message;
} Programs;

static _Thread_local Programs *thread_programs;
static pthread_key_t programs_key;
static pthread_once_t programs_once = PTHREAD_ONCE_INIT;

static void programs_free(void *pointer)
{
    Programs *programs = pointer;
    for (size_t i = 0; programs && i < PROGRAMS_MAX; i++) {
        if (programs->items[i].state)
            jq_teardown(&programs->items[i].state);
        free(programs->items[i].source);
    }
    if (programs)
        free(programs->message);
    free(programs);
}

/* The destructors of a key do not run for the thread that ends the process. */
static void programs_exit(void)
{
    programs_free(thread_programs);
    thread_programs = NULL;
}

static void programs_key_create(void)
{
    (void)pthread_key_create(&programs_key, programs_free); /* without a key a thread's programs stay when it ends */
    (void)atexit(programs_exit);                            /* failure: the process ends with them */
}

static Programs *programs_get(void)
{
    if (!thread_programs) {
        (void)pthread_once(&programs_once, programs_key_create); /* cannot fail */
        thread_programs = xnew(Programs);
        (void)pthread_setspecific(programs_key, thread_programs); /* failure only leaks at thread end */
    }
    return thread_programs;
}

static void remember_message(void *userdata, jv message)
{
    Programs *programs = userdata;
    jv text = jv_get_kind(message) == JV_KIND_STRING ? message : jq_format_error(message);
    if (!programs->message && jv_get_kind(text) == JV_KIND_STRING)
        programs->message = xstrdup(jv_string_value(text));
    jv_free(text);
}

/* The compiled program, or NULL with programs->message set. */
static jq_state *program_get(Programs *programs, const char *source)
{
    Program *oldest = &programs->items[0];
    for (size_t i = 0; i < PROGRAMS_MAX; i++) {
        Program *program = &programs->items[i];
        if (program->source && streq(program->source, source)) {
            program->used = ++programs->clock;
            return program->state;
        }
        if (program->used < oldest->used)
            oldest = program;
    }
    jq_state *state = jq_init();
    jq_set_error_cb(state, remember_message, programs);
    if (!jq_compile(state, source)) {
        jq_teardown(&state);
        return NULL;
    }
    if (oldest->state)
        jq_teardown(&oldest->state);
    free(oldest->source);
    *oldest = (Program){.source = xstrdup(source), .state = state, .used = ++programs->clock};
    return state;
}

static jv to_jv(Arena *arena, const Value *value)
{
    switch ((ValueKind)value->kind) {
    case VALUE_NULL:
        return jv_null();
    case VALUE_BOOLEAN:
        return jv_bool(value->boolean);
    case VALUE_INTEGER:
    case VALUE_LONG:
    case VALUE_BIG:
    case VALUE_FLOAT:
    case VALUE_DOUBLE:
    case VALUE_DECIMAL:
        return jv_number(value_as_double(value));
    case VALUE_LIST: {
        jv array = jv_array();
        for (size_t i = 0; i < value_count(value); i++) {
            Value item = value_item(value, i);
            array = jv_array_append(array, to_jv(arena, &item));
        }
        return array;
    }
    case VALUE_MAP: {
        jv object = jv_object();
        MapWalk walk = {.map = *value};
        for (Value key, item; map_walk(&walk, &key, &item);) {
            Value name = java_text(arena, &key);
            object = jv_object_set(object, jv_string_sized(name.text, (int)name.length), to_jv(arena, &item));
        }
        return object;
    }
    case VALUE_TEXT:
    case VALUE_ENTRY:
    case VALUE_LOOP:
    case VALUE_DATE:
    case VALUE_BYTES:
    case VALUE_LOCALE:
        break;
    }
    Value text = java_text(arena, value);
    return jv_string_sized(text.text, (int)text.length);
}

static Value number_value(double real)
{
    if (real == floor(real) && fabs(real) < 9.2e18) {
        int64_t integer = (int64_t)real;
        return integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
    }
    return value_double(real);
}

/* Takes v. Keys come in the order in which jq keeps them: sorted. */
static Value from_jv(Arena *arena, jv v)
{
    Value value = VALUE_NULL_INIT;
    switch (jv_get_kind(v)) {
    case JV_KIND_FALSE:
    case JV_KIND_TRUE:
        value = value_boolean(jv_get_kind(v) == JV_KIND_TRUE);
        break;
    case JV_KIND_NUMBER:
        value = number_value(jv_number_value(v));
        break;
    case JV_KIND_STRING: {
        size_t length = (size_t)jv_string_length_bytes(jv_copy(v));
        value = value_text(arena_strndup(arena, jv_string_value(v), length), length);
        break;
    }
    case JV_KIND_ARRAY: {
        List *list = list_new(arena, 0);
        jv_array_foreach (v, i, item)
            list_push(arena, list, from_jv(arena, item));
        value = value_list(list);
        break;
    }
    case JV_KIND_OBJECT: {
        ValueMap *map = map2_new(arena);
        jv keys = jv_keys_unsorted(jv_copy(v));
        jv_array_foreach (keys, i, key) {
            Value name = from_jv(arena, jv_copy(key));
            map2_put(arena, map, name, from_jv(arena, jv_object_get(jv_copy(v), key)));
        }
        jv_free(keys);
        value = value_map(map);
        break;
    }
    case JV_KIND_NULL:
    case JV_KIND_INVALID:
        break;
    }
    jv_free(v);
    return value;
}

static int jq_failed(Call *call, const char *message)
{
    return call_fail(call, "Unable to parse jq value '%s'", message);
}

/* Belongs to the run; once the timer has fired, to the timer's thread. */
typedef struct Watch {
    pthread_mutex_t lock;
    jq_state *state; /* NULL: the run has ended */
    bool halted;
    timer_t timer;
} Watch;

static void watch_fired(union sigval value)
{
    Watch *watch = value.sival_ptr;
    pthread_mutex_lock(&watch->lock);
    if (watch->state)
        jq_halt(watch->state, jv_null(), jv_null());
    watch->halted = true;
    bool ended = !watch->state;
    pthread_mutex_unlock(&watch->lock);
    if (ended)
        free(watch);
}

/* NULL when there is no timer to be had: then the program runs without a limit. */
static Watch *watch_start(jq_state *state)
{
    Watch *watch = xnew(Watch);
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_value.sival_ptr = watch, .sigev_notify_function = watch_fired};
    struct itimerspec limit = {.it_value.tv_sec = SECONDS_MAX};
    pthread_mutex_init(&watch->lock, NULL);
    watch->state = state;
    if (timer_create(CLOCK_MONOTONIC, &event, &watch->timer) != 0) {
        free(watch);
        return NULL;
    }
    timer_settime(watch->timer, 0, &limit, NULL);
    return watch;
}

/* True when the program was halted. Disarming tells whether the timer fired: then its thread frees the watch, unless it
 * is through with it already. */
static bool watch_stop(Watch *watch)
{
    struct itimerspec none = {}, left = {};
    if (!watch)
        return false;
    timer_settime(watch->timer, 0, &none, &left);
    timer_delete(watch->timer);
    pthread_mutex_lock(&watch->lock);
    watch->state = NULL;
    bool halted = watch->halted, fired = left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0;
    pthread_mutex_unlock(&watch->lock);
    if (!fired || halted)
        free(watch);
    return fired;
}

static int collect_results(Call *call, jq_state *state, jv input, List *results)
{
    Eval *eval = call->eval;
    jq_start(state, input, 0);
    for (;;) {
        jv result = jq_next(state);
        if (!jv_is_valid(result)) {
            jv message = jv_invalid_get_msg(result);
            if (jv_get_kind(message) == JV_KIND_NULL) {
                jv_free(message);
                return 0;
            }
            jv text = jv_get_kind(message) == JV_KIND_STRING ? message : jv_dump_string(message, 0);
            int r = eval_fail_plain(eval, "%s", jv_string_value(text));
            jv_free(text);
            return r;
        }
        list_push(eval->arena, results, from_jv(eval->arena, result));
        if (results->count > RESULTS_MAX)
            return eval_fail_plain(eval, "jq gives more than %d results", RESULTS_MAX);
    }
}

static int run_program(Call *call, jq_state *state, jv input, List *results)
{
    Watch *watch = watch_start(state);
    int r = collect_results(call, state, input, results);
    return watch_stop(watch) ? eval_fail_plain(call->eval, "jq runs for more than %d seconds", SECONDS_MAX) : r;
}

static int filter_jq(Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    Value source = call_argument(call, 0), input = call->input;
    if (!call_has(call, 0))
        return call_fail(call, "The 'jq' filter expects an argument 'expression'.");
    int r = call_need_text(call, &source);
    if (r)
        return r;
    JsonError error;
    if (input.kind == VALUE_TEXT && !json_read(call->eval->arena, input.text, input.length, &input, &error))
        return call_fail(call, "Unable to parse jq value '%.*s' with type '%s'", (int)call->input.length,
                         call->input.text, value_class_name(&call->input));
    Programs *programs = programs_get();
    free(programs->message);
    programs->message = NULL;
    jq_state *state = program_get(programs, arena_strndup(call->eval->arena, source.text, source.length));
    if (!state)
        return jq_failed(call, programs->message ? programs->message : "syntax error");
    List *results = list_new(call->eval->arena, 0);
    r = run_program(call, state, to_jv(call->eval->arena, &input), results);
    *ret = value_list(results);
    return r;
}

static const char *const jq_arguments[] = {"expression", NULL};

const CallRow filters_jq[] = {
    {"jq", filter_jq, jq_arguments, 0, NULL},
    {},
};
