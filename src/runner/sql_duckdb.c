/* SPDX-License-Identifier: Apache-2.0 */
/*
 * DuckDB for tasks, by its program: Debian has no library of it. One process is the session. It gets statements on its
 * standard input (nothing of them is seen in a list of processes) and answers with one JSON object a line, then with
 * a mark that it is told to print behind each statement. At the first error it ends, and its standard error says why.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/id.h"
#include "doc/json.h"
#include "expr/json_read.h"
#include "runner/sql_drivers.h"

extern char **environ;

#define LINE_BYTES_MAX  ((size_t)32 * 1024 * 1024)
#define ERROR_BYTES_MAX 4096

typedef struct Session {
    const char *directory; /* of open_session() */
    json_t *variables;     /* of the environment, besides ours */
    Arena *arena;
    char mark[ID_BYTES];
    pid_t pid;
    int input, error;
    FILE *answer;
} Session;

static int fail(Diag *diag, const char *message)
{
    diag_error(diag, NULL, 0, 0, "%s", message);
    return SQL_E_FAILED;
}

static void close_session(void *userdata)
{
    Session *session = userdata;
    if (!session)
        return;
    close_fd(session->input); /* lets the program end, and write what it has not written */
    if (session->answer)
        (void)fclose(session->answer); /* only read */
    close_fd(session->error);
    while (session->pid > 0 && waitpid(session->pid, NULL, 0) < 0 && errno == EINTR)
        ;
    json_decref(session->variables);
    arena_free(session->arena);
    free(session);
}

/* --- the process --- */

/* Ours without HOME, and what the target says; ends with NULL; the texts are borrowed. */
static char **environment_new(Session *session, const SqlTarget *target)
{
    size_t count = 0, own = 0, i;
    const char *name;
    json_t *value;
    _cleanup_free_ char *home = xasprintf("HOME=%s", target->directory); /* extensions go there, and no ~/.duckdbrc */
    json_array_append_new(session->variables, json_string(home));
    json_object_foreach ((json_t *)target->options, name, value) {
        _cleanup_free_ char *text = xasprintf("%s=%s", name, json_string_value(value));
        json_array_append_new(session->variables, json_string(text));
    }
    while (environ[count])
        count++;
    char **result = xnew_n(char *, count + json_array_size(session->variables) + 1);
    for (i = 0; i < count; i++)
        if (!starts_with(environ[i], "HOME="))
            result[own++] = environ[i];
    json_array_foreach (session->variables, i, value)
        result[own++] = (char *)(uintptr_t)json_string_value(value);
    return result;
}

static int start(Session *session, const SqlTarget *target, int input, int output)
{
    char *arguments[] = {(char *)"duckdb",
                         (char *)"-batch",
                         (char *)"-bail",
                         (char *)"-jsonlines",
                         (char *)(uintptr_t)target->path,
                         NULL};
    _cleanup_free_ char **environment = environment_new(session, target);
    posix_spawn_file_actions_t actions;
    int r = posix_spawn_file_actions_init(&actions);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, input, STDIN_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&actions, session->error, STDERR_FILENO);
    if (r == 0)
        r = posix_spawn_file_actions_addchdir_np(&actions, target->directory);
    if (r == 0)
        r = posix_spawnp(&session->pid, arguments[0], &actions, NULL, arguments, environment);
    (void)posix_spawn_file_actions_destroy(&actions); /* always 0 */
    return r;
}

static int open_session(const SqlTarget *target, void **ret, Diag *diag)
{
    int ends[2], output[2];
    Session *session = xnew(Session);
    *session = (Session){.variables = json_array(), .arena = arena_new(), .input = -1};
    id_new(session->mark);
    session->error = open(target->directory, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0 || pipe2(output, O_CLOEXEC) < 0) {
        close_session(session);
        return outage(-errno);
    }
    int r = start(session, target, ends[1], output[1]);
    session->input = ends[0];
    session->answer = fdopen(output[0], "re");
    close_fd(ends[1]);
    close_fd(output[1]);
    *ret = session;
    if (r == 0)
        return 0;
    *ret = NULL;
    session->pid = 0;
    close_session(session);
    if (r == ENOENT)
        return fail(diag, "the program duckdb is not installed on this worker (https://duckdb.org)");
    errno = r;
    diag_error(diag, NULL, 0, 0, "the program duckdb cannot be started: %m");
    return SQL_E_FAILED;
}

/* Why the program has ended. */
static int explain(const Session *session, Diag *diag)
{
    char text[ERROR_BYTES_MAX + 1];
    ssize_t n = pread(session->error, text, ERROR_BYTES_MAX, 0);
    size_t length = (size_t)MAX(n, (ssize_t)0);
    while (length > 0 && text[length - 1] == '\n')
        length--;
    text[length] = '\0';
    return fail(diag, *text ? text : "duckdb has ended");
}

static int send_text(Session *session, const char *text, size_t length, Diag *diag)
{
    while (length > 0) {
        ssize_t n = send(session->input, text, length, MSG_NOSIGNAL);
        if (n < 0 && errno != EINTR)
            return explain(session, diag);
        text += MAX(n, (ssize_t)0);
        length -= (size_t)MAX(n, (ssize_t)0);
    }
    return 0;
}

/* --- statements --- */

static int give_line(Session *session, const Buffer *line, const SqlSink *sink, Diag *diag)
{
    Value row;
    JsonError error;
    arena_reset(session->arena);
    if (line->length == 0)
        return 0;
    if (!json_read(session->arena, line->text, line->length, &row, &error) || row.kind != VALUE_MAP)
        return fail(diag, "duckdb answered with something that is not JSON");
    return sink->row ? sink->row(sink->userdata, session->arena, &row) : 0;
}

/* Up to the mark. */
static int read_rows(Session *session, const SqlSink *sink, Diag *diag)
{
    _cleanup_buffer_ Buffer line = {};
    for (int c; (c = getc_unlocked(session->answer)) != EOF;) {
        if (c != '\n') {
            buffer_append_char(&line, (char)c);
            if (line.length > LINE_BYTES_MAX)
                return fail(diag, "a row of the result is too long");
            continue;
        }
        if (streq(buffer_text(&line), session->mark))
            return 0;
        int r = give_line(session, &line, sink, diag);
        if (r != 0)
            return r;
        buffer_clear(&line);
    }
    return explain(session, diag);
}

static int execute(void *userdata, const char *sql, const json_t *parameters, const SqlSink *sink, Diag *diag)
{
    Session *session = userdata;
    _cleanup_buffer_ Buffer text = {};
    if (*sql == '.' || *sql == '#') /* sql_split() leaves no blanks and comments in front */
        return fail(diag, "commands of the program duckdb are no statements");
    int r = sql_is_query(sql) && sink->begin ? sink->begin(sink->userdata) : 0;
    buffer_printf(&text, "%s\n;\n.print %s\n", sql, session->mark);
    if (r == 0)
        r = send_text(session, text.text, text.length, diag);
    return r == 0 ? read_rows(session, sink, diag) : r;
}

const SqlDriver sql_duckdb_driver = {.open = open_session, .close = close_session, .execute = execute};
