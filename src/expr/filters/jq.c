/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The filter jq: libjq on the value, all results as a list. A compiled program cannot be shared between threads and
 * compiling is slow, so each thread keeps the programs it has used lately.
 *
 * What a program must not reach is defined away in front of it (`prelude`): the environment, the process's input and
 * output, the files of modules. A program can run for ever and take all memory, and libjq has no limits of its own; but
 * it looks at a flag before each instruction, which jq_halt sets. A timer of each thread, from which the C library
 * starts a thread of its own, does that when the program has used up what the render has left of its steps, as
 * processor time, or when the process has grown by what a render may take. Texts and lists that double with each
 * instruction are refused by the prelude, before they are made.
 */
#include <ctype.h>
#include <fcntl.h>
#include <jq.h>
#include <jv.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "base/base.h"
#include "expr/calls.h"
#include "expr/json_read.h"

#define PROGRAMS_MAX   16
#define RESULTS_MAX    1000000
#define STEPS_PER_USEC 60 /* so that jq gets no more time than what else a render does with its steps */
#define LOOK_NSEC      (10 * 1000 * 1000)

/* The first definitions keep the operators that the later ones take the names of. $x and y are evaluated in the order
 * in which libjq does it: the right side is the outer loop. */
static const char prelude[] =
    "def __multiply(x;y): x*y; def __plus(x;y): x+y; "
    "def __size: if type==\"string\" then utf8bytelength elif type==\"array\" then __multiply(length;16) else 0 end; "
    "def _multiply(x;y): y as $y|x as $x|if ($x|type)==\"string\" and ($y|type)==\"number\" and "
    "__multiply($x|utf8bytelength;$y) > 16777216 then error(\"too long\") else __multiply($x;$y) end; "
    "def _plus(x;y): y as $y|x as $x|if __plus($x|__size;$y|__size) > 67108864 then error(\"too long\") "
    "else __plus($x;$y) end; "
    "def __tojson: tojson; def __tostring: tostring; def __format(f): format(f); "
    "def __whole: if (type|.==\"array\" or .==\"object\") and ([limit(1000001;..)]|length) > 1000000 "
    "then error(\"too large\") else . end; "
    "def tojson: __whole|__tojson; def tostring: __whole|__tostring; def format(f): __whole|__format(f); "
    "def env: error(\"env is not available\"); def input: error(\"input is not available\"); "
    "def inputs: input; def debug: .; def debug(f): .; def stderr: .; def input_filename: null; "
    "def input_line_number: 0; def halt: error(\"halt is not available\"); def halt_error: halt; "
    "def halt_error(f): halt; def get_search_list: []; def modulemeta: error(\"modules are not available\"); ";

typedef struct Program {
    char *source;
    jq_state *state;
    uint64_t used;
} Program;

/*
 * Looks after the running program of one thread. Never freed, because a notice of its timer can come late, but used
 * again by the next thread.
 */
typedef struct Watch Watch;
struct Watch {
    Watch *next; /* of those without a thread */
    pthread_mutex_t lock;
    timer_t timer;
    clockid_t clock;
    jq_state *state; /* NULL: none is running */
    int64_t deadline_nsec;
    long pages_max;
    bool halted;
};

typedef struct Programs {
    Program items[PROGRAMS_MAX];
    uint64_t clock;
    char *message;
    Watch *watch; /* NULL: there is no timer to be had, no program runs */
} Programs;

static pthread_mutex_t free_lock = PTHREAD_MUTEX_INITIALIZER;
static Watch *free_watches;

static void watch_give(Watch *watch)
{
    if (!watch)
        return;
    timer_delete(watch->timer);
    pthread_mutex_lock(&free_lock);
    watch->next = free_watches;
    free_watches = watch;
    pthread_mutex_unlock(&free_lock);
}

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
    if (programs) {
        free(programs->message);
        watch_give(programs->watch);
    }
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

static int64_t clock_nsec(clockid_t clock)
{
    struct timespec now = {};
    (void)clock_gettime(clock, &now); /* of a thread that lives: cannot fail */
    return now.tv_sec * INT64_C(1000000000) + now.tv_nsec;
}

/* Pages of memory that the process has; 0 when /proc does not tell. */
static long resident_pages(void)
{
    char text[64] = "";
    _cleanup_(close_fdp) int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
        return 0;
    long resident = 0;
    const char *second = strchr(text, ' ');
    for (const char *p = second ? second + 1 : ""; *p >= '0' && *p <= '9'; p++)
        resident = resident * 10 + (*p - '0'); /* the kernel's own number: it fits */
    return resident;
}

static void watch_fired(union sigval value)
{
    Watch *watch = value.sival_ptr;
    pthread_mutex_lock(&watch->lock);
    if (watch->state && !watch->halted &&
        (clock_nsec(watch->clock) > watch->deadline_nsec || resident_pages() > watch->pages_max)) {
        jq_halt(watch->state, jv_null(), jv_null());
        watch->halted = true;
    }
    pthread_mutex_unlock(&watch->lock);
}

static Watch *watch_take(void)
{
    pthread_mutex_lock(&free_lock);
    Watch *watch = free_watches;
    if (watch)
        free_watches = watch->next;
    pthread_mutex_unlock(&free_lock);
    if (!watch) {
        watch = xnew(Watch);
        pthread_mutex_init(&watch->lock, NULL);
    }
    struct sigevent event = {
        .sigev_notify = SIGEV_THREAD, .sigev_value.sival_ptr = watch, .sigev_notify_function = watch_fired};
    if (pthread_getcpuclockid(pthread_self(), &watch->clock) == 0 &&
        timer_create(CLOCK_MONOTONIC, &event, &watch->timer) == 0)
        return watch;
    pthread_mutex_lock(&free_lock);
    watch->next = free_watches;
    free_watches = watch;
    pthread_mutex_unlock(&free_lock);
    return NULL;
}

static Programs *programs_get(void)
{
    if (!thread_programs) {
        (void)pthread_once(&programs_once, programs_key_create); /* cannot fail */
        thread_programs = xnew(Programs);
        (void)pthread_setspecific(programs_key, thread_programs); /* failure only leaks at thread end */
    }
    if (!thread_programs->watch)
        thread_programs->watch = watch_take();
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

/* Modules can be named at the start of a program only. */
static bool names_module(const char *source)
{
    static const char *const words[] = {"module", "import", "include"};
    while (*source && strchr(" \t\r\n#", *source))
        source += *source == '#' ? strcspn(source, "\n") : 1;
    for (size_t i = 0; i < ELEMENTS(words); i++) {
        size_t length = strlen(words[i]);
        if (starts_with(source, words[i]) && !isalnum((unsigned char)source[length]) && source[length] != '_' &&
            source[length] != ':')
            return true;
    }
    return false;
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
    if (names_module(source)) {
        programs->message = xstrdup("modules are not available");
        return NULL;
    }
    jq_state *state = jq_init();
    _cleanup_free_ char *whole = xasprintf("%s{} as $ENV|%s", prelude, source);
    jq_set_error_cb(state, remember_message, programs);
    jq_set_attr(state, jv_string("JQ_LIBRARY_PATH"), jv_array());
    if (!jq_compile(state, whole)) {
        jq_teardown(&state);
        return NULL;
    }
    if (oldest->state)
        jq_teardown(&oldest->state);
    free(oldest->source);
    *oldest = (Program){.source = xstrdup(source), .state = state, .used = ++programs->clock};
    return state;
}

/*
 * libjq has doubles only. What comes out as a number that went in is given back as it was: 5.0, integers beyond 2^53.
 * Two numbers that are the same double and not the same number cannot be told apart and stay doubles.
 */
typedef struct Number {
    double real;
    Value value;
} Number;

typedef struct Convert {
    Eval *eval;
    VEC(Number) numbers;
    bool keeps; /* a number went in that libjq would change */
} Convert;

static Value number_value(double real)
{
    if (real == floor(real) && fabs(real) < 9.2e18) {
        int64_t integer = (int64_t)real;
        return integer == (int32_t)integer ? value_integer(integer) : value_long(integer);
    }
    return value_double(real);
}

static jv number_to_jv(Convert *convert, const Value *value)
{
    double real = value_as_double(value);
    Value plain = number_value(real);
    convert->keeps |= !value_equal(&plain, value);
    vec_push(&convert->numbers, ((Number){real, *value}));
    return jv_number(real);
}

static int compare_numbers(const void *a, const void *b)
{
    double x = ((const Number *)a)->real, y = ((const Number *)b)->real;
    return x < y ? -1 : x > y;
}

static Value number_from_jv(const Convert *convert, double real)
{
    Number wanted = {.real = real}, *end = convert->numbers.items + convert->numbers.count;
    Number *found = convert->keeps ? bsearch(&wanted, convert->numbers.items, convert->numbers.count, sizeof(Number),
                                             compare_numbers)
                                   : NULL;
    if (!found)
        return number_value(real);
    while (found > convert->numbers.items && found[-1].real == real)
        found--;
    for (const Number *next = found + 1; next < end && next->real == real; next++)
        if (!value_equal(&next->value, &found->value))
            return number_value(real);
    return found->value;
}

static jv to_jv(Convert *convert, const Value *value)
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
        return number_to_jv(convert, value);
    case VALUE_LIST: {
        jv array = jv_array();
        for (size_t i = 0; i < value_count(value); i++) {
            Value item = value_item(value, i);
            array = jv_array_append(array, to_jv(convert, &item));
        }
        return array;
    }
    case VALUE_MAP: {
        jv object = jv_object();
        MapWalk walk = {.map = *value};
        for (Value key, item; map_walk(&walk, &key, &item);) {
            Value name = java_text(convert->eval->arena, &key);
            object = jv_object_set(object, jv_string_sized(name.text, (int)name.length), to_jv(convert, &item));
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
    Value text = java_text(convert->eval->arena, value);
    return jv_string_sized(text.text, (int)text.length);
}

/* Takes v. Keys come in the order in which jq keeps them: sorted. */
static Value from_jv(Convert *convert, jv v)
{
    Arena *arena = convert->eval->arena;
    Value value = VALUE_NULL_INIT;
    if (eval_spend(convert->eval, 1)) { /* the caller looks at the error */
        jv_free(v);
        return value;
    }
    switch (jv_get_kind(v)) {
    case JV_KIND_FALSE:
    case JV_KIND_TRUE:
        value = value_boolean(jv_get_kind(v) == JV_KIND_TRUE);
        break;
    case JV_KIND_NUMBER:
        value = number_from_jv(convert, jv_number_value(v));
        break;
    case JV_KIND_STRING: {
        size_t length = (size_t)jv_string_length_bytes(jv_copy(v));
        value = value_text(arena_strndup(arena, jv_string_value(v), length), length);
        break;
    }
    case JV_KIND_ARRAY: {
        List *list = list_new(arena, 0);
        jv_array_foreach (v, i, item)
            list_push(arena, list, from_jv(convert, item));
        value = value_list(list);
        break;
    }
    case JV_KIND_OBJECT: {
        ValueMap *map = map2_new(arena);
        jv keys = jv_keys_unsorted(jv_copy(v));
        jv_array_foreach (keys, i, key) {
            Value name = from_jv(convert, jv_copy(key));
            map2_put(arena, map, name, from_jv(convert, jv_object_get(jv_copy(v), key)));
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

/* Kestra's words for whatever goes wrong, and on a second line why. */
static int jq_failed(Call *call, const char *reason)
{
    Value text = java_text(call->eval->arena, &call->input);
    (void)call_fail(call, "Unable to parse jq value '%.*s' with type '%s'", (int)text.length, text.text,
                    value_class_name(&call->input)); /* sets the error, to which the reason is added */
    if (reason)
        call->eval->message = arena_printf(call->eval->arena, "%s\n%s", call->eval->message, reason);
    return EVAL_E_ERROR;
}

static void watch_start(Watch *watch, const Eval *eval, jq_state *state)
{
    struct itimerspec often = {.it_value.tv_nsec = LOOK_NSEC, .it_interval.tv_nsec = LOOK_NSEC};
    int64_t left = (int64_t)(eval->limits->steps_max - MIN(eval->steps, eval->limits->steps_max));
    pthread_mutex_lock(&watch->lock);
    watch->state = state;
    watch->halted = false;
    watch->deadline_nsec = clock_nsec(watch->clock) + left / STEPS_PER_USEC * 1000;
    watch->pages_max = resident_pages() + (long)(eval->limits->memory_bytes_max / (size_t)sysconf(_SC_PAGESIZE));
    pthread_mutex_unlock(&watch->lock);
    timer_settime(watch->timer, 0, &often, NULL);
}

/* True when the program was halted. */
static bool watch_stop(Watch *watch)
{
    struct itimerspec none = {};
    timer_settime(watch->timer, 0, &none, NULL);
    pthread_mutex_lock(&watch->lock);
    watch->state = NULL;
    bool halted = watch->halted;
    pthread_mutex_unlock(&watch->lock);
    return halted;
}

static int result_failed(Call *call, jv message)
{
    int r = jq_failed(call, jv_get_kind(message) == JV_KIND_STRING ? jv_string_value(message) : NULL);
    jv_free(message);
    return r;
}

static int collect_results(Call *call, jq_state *state, jv input, Convert *convert, List *results)
{
    Eval *eval = call->eval;
    jq_start(state, input, 0);
    for (;;) {
        jv result = jq_next(state);
        if (!jv_is_valid(result)) {
            jv message = jv_invalid_get_msg(result);
            if (jv_get_kind(message) != JV_KIND_NULL)
                return result_failed(call, message);
            jv_free(message);
            return 0;
        }
        list_push(eval->arena, results, from_jv(convert, result));
        if (eval->steps > eval->limits->steps_max)
            return eval_overspent(eval);
        if (results->count > RESULTS_MAX)
            return eval_fail_plain(eval, "jq gives more than %d results", RESULTS_MAX);
    }
}

static int run_program(Call *call, Watch *watch, jq_state *state, const Value *input, List *results)
{
    Eval *eval = call->eval;
    Convert convert = {.eval = eval};
    int64_t started = clock_nsec(watch->clock);
    jv v = to_jv(&convert, input);
    if (convert.keeps)
        qsort(convert.numbers.items, convert.numbers.count, sizeof(Number), compare_numbers);
    watch_start(watch, eval, state);
    int r = collect_results(call, state, v, &convert, results);
    bool halted = watch_stop(watch);
    free(convert.numbers.items);
    if (halted)
        return eval_fail_plain(eval, "jq takes more time or memory than an expression may (limits.expression-steps, "
                                     "limits.expression-memory)");
    uint64_t spent = (uint64_t)(clock_nsec(watch->clock) - started) / 1000 * STEPS_PER_USEC;
    return r ? r : eval_spend(eval, spent);
}

static int filter_jq(Call *call, Value *ret)
{
    *ret = VALUE_NULL_INIT;
    if (call->input.kind == VALUE_NULL)
        return 0;
    Eval *eval = call->eval;
    Value source = call_argument(call, 0), input = call->input;
    if (!call_has(call, 0))
        return call_fail(call, "The 'jq' filter expects an argument 'expression'.");
    if (source.kind == VALUE_NULL)
        return jq_failed(call, NULL);
    int r = call_need_text(call, &source);
    if (r)
        return r;
    JsonError error = {};
    if (input.kind == VALUE_TEXT && !json_read(eval->arena, input.text, input.length, &input, &error))
        return jq_failed(call, error.message);
    Programs *programs = programs_get();
    if (!programs->watch)
        return eval_fail_plain(eval, "jq cannot run: no timer is to be had");
    free(programs->message);
    programs->message = NULL;
    jq_state *state = program_get(programs, arena_strndup(eval->arena, source.text, source.length));
    if (!state)
        return jq_failed(call, programs->message ? programs->message : "syntax error");
    List *results = list_new(eval->arena, 0);
    r = run_program(call, programs->watch, state, &input, results);
    *ret = value_list(results);
    return r;
}

static const char *const jq_arguments[] = {"expression", NULL};

const CallRow filters_jq[] = {
    {"jq", filter_jq, jq_arguments, 0, NULL},
    {},
};
