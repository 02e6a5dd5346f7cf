/* SPDX-License-Identifier: Apache-2.0 */
/* From the properties of a task to a session. */
#include "doc/json.h"
#include "plugin/script_files.h"
#include "plugin/sql/sql.h"

typedef struct Opening {
    RunContext *run;
    const SqlDatabase *database;
    char *url;
    json_t *options;
    char *path;
} Opening;

/* A property as option of libpq; without it what the URL says holds. */
static int take_option(Opening *opening, const char *property, const char *keyword)
{
    _cleanup_free_ char *text = NULL;
    int r = run_text(opening->run, property, &text);
    if (r == 0 && text)
        json_set_text(opening->options, keyword, text);
    return r;
}

/* PEM text as a file, which is what libpq reads. */
static int take_pem(Opening *opening, const char *property, const char *keyword)
{
    _cleanup_free_ char *text = NULL, *path = NULL;
    int r = run_text(opening->run, property, &text);
    if (r != 0 || !text)
        return r;
    r = script_files_temporary(opening->run, text, strlen(text), ".pem", &path);
    if (r == 0)
        json_set_text(opening->options, keyword, path);
    return r;
}

/* VERIFY_FULL → verify-full */
static int take_ssl_mode(Opening *opening)
{
    _cleanup_free_ char *mode = NULL;
    bool ssl;
    int r = run_boolean(opening->run, "ssl", false, &ssl);
    if (r == 0)
        r = run_text(opening->run, "sslMode", &mode);
    if (r == 0 && ssl && !mode && !json_object_get(opening->options, "sslmode"))
        json_set_text(opening->options, "sslmode", "verify-full"); /* as in Java */
    if (r != 0 || !mode)
        return r;
    for (char *c = mode; *c; c++)
        *c = *c == '_' ? '-' : (char)(*c | 0x20);
    json_set_text(opening->options, "sslmode", mode);
    return 0;
}

static int open_postgresql(Opening *opening, const char *rest)
{
    _cleanup_free_ char *error = NULL;
    opening->options = sql_url_postgresql(rest, &error);
    if (!opening->options)
        return run_fail(opening->run, "Property 'url' is wrong: %s", error);
    int r = take_option(opening, "username", "user");
    if (r == 0)
        r = take_option(opening, "password", "password");
    if (r == 0)
        r = take_ssl_mode(opening);
    if (r == 0)
        r = take_pem(opening, "sslRootCert", "sslrootcert");
    if (r == 0)
        r = take_pem(opening, "sslCert", "sslcert");
    if (r == 0)
        r = take_pem(opening, "sslKey", "sslkey");
    return r == 0 ? take_option(opening, "sslKeyPassword", "sslpassword") : r;
}

/* A database that comes from internal storage, as a file of the working directory. */
static int open_stored(Opening *opening, const char *property)
{
    _cleanup_free_ char *uri = NULL;
    int r = run_text(opening->run, property, &uri);
    if (r != 0 || !uri)
        return r;
    _cleanup_json_ json_t *files = json_pack("{s:s}", "stored.db", uri);
    r = script_files_write_map(opening->run, files);
    if (r == 0) {
        free(opening->path);
        opening->path = xasprintf("%s/stored.db", opening->run->working_directory);
    }
    return r;
}

/* rest: a path, maybe with options; nothing, or :memory: is a database that ends with the task. */
static int open_file(Opening *opening, const char *rest)
{
    size_t length = strcspn(rest, "?");
    opening->options = json_object();
    _cleanup_free_ char *path = xstrndup(rest, length);
    if (!*path || streq(path, ":memory:"))
        opening->path = xasprintf("%s/.memory.db", opening->run->working_directory);
    else if (*path == '/' || starts_with(path, "md:"))
        opening->path = xstrdup(path);
    else
        opening->path = xasprintf("%s/%s", opening->run->working_directory, path);
    const char *token = strstr(rest + length, "motherduck_token=");
    if (token) {
        token += strlen("motherduck_token=");
        _cleanup_free_ char *value = xstrndup(token, strcspn(token, "&"));
        json_set_text(opening->options, "motherduck_token", value);
    }
    return open_stored(opening, opening->database->engine == SQL_SQLITE ? "sqliteFile" : "databaseUri");
}

static int read_url(Opening *opening, const char **ret_rest)
{
    RunContext *run = opening->run;
    int r = run_text(run, "url", &opening->url);
    if (r != 0)
        return r;
    if (!opening->url && opening->database->engine == SQL_POSTGRESQL)
        return run_fail(run, "Property 'url' is missing");
    if (!opening->url)
        opening->url = xasprintf("jdbc:%s:", opening->database->scheme);
    *ret_rest = sql_url_rest(opening->url, opening->database->scheme);
    /* the address may hold a password: it is not repeated */
    return *ret_rest ? 0 : run_fail(run, "Property 'url' does not begin with 'jdbc:%s:'", opening->database->scheme);
}

static int read_zone(RunContext *run, const Zone **ret)
{
    _cleanup_free_ char *name = NULL;
    int r = run_text(run, "timeZoneId", &name);
    if (r != 0)
        return r;
    *ret = name ? zone_find(name) : zone_utc();
    return *ret ? 0 : run_fail(run, "Property 'timeZoneId' is not a time zone: '%s'", name);
}

int sql_open(RunContext *run, const SqlDriver **ret_driver, void **ret_session)
{
    Opening opening = {.run = run, .database = run->task->type->row};
    const Zone *zone = NULL;
    const char *rest = NULL;
    _cleanup_diag_ Diag diag = DIAG_INIT;
    const SqlDriver *driver = run->sql ? run->sql[opening.database->engine] : NULL;
    if (!driver)
        return run_fail(run, "This database is not available here");
    int r = read_url(&opening, &rest);
    if (r == 0)
        r = read_zone(run, &zone);
    if (r == 0)
        r = opening.database->engine == SQL_POSTGRESQL ? open_postgresql(&opening, rest) : open_file(&opening, rest);
    if (r == 0)
        r = driver->open(
            &(SqlTarget){
                .path = opening.path, .options = opening.options, .directory = run->working_directory, .zone = zone},
            ret_session, &diag);
    if (r == SQL_E_FAILED)
        r = run_fail(run, "The database cannot be opened: %s", diag_first(&diag));
    *ret_driver = driver;
    free(opening.url);
    free(opening.path);
    json_decref(opening.options);
    return r;
}
