/* SPDX-License-Identifier: Apache-2.0 */
#include "store/setting_store.h"

static const PgStatement sql_get = {"setting_get", "SELECT value FROM setting WHERE key = $1"};
static const PgStatement sql_set = {"setting_set",
                                    "INSERT INTO setting (key, value) VALUES ($1, $2)"
                                    " ON CONFLICT (key) DO UPDATE SET value = excluded.value, updated = now()"};
static const PgStatement sql_first = {"setting_first",
                                      "INSERT INTO setting (key, value) VALUES ($1, $2) ON CONFLICT (key) DO NOTHING"};
static const PgStatement sql_delete = {"setting_delete", "DELETE FROM setting WHERE key = $1"};

static int run(Pg *pg, const PgStatement *statement, const char *key, const json_t *value, PgRows **ret)
{
    _cleanup_(pg_parameters_freep) PgParameters *parameters = pg_parameters_new();
    pg_add_text(parameters, key);
    if (value) {
        _cleanup_free_ char *text = json_text(value);
        pg_add_typed_text(parameters, PG_JSON, text);
    }
    return fold(pg_run(pg, statement, parameters, ret));
}

int store_setting_get(Pg *pg, const char *key, json_t **ret)
{
    _cleanup_rows_ PgRows *rows = NULL;
    int r = run(pg, &sql_get, key, NULL, &rows);
    if (r < 0)
        return r;
    if (pg_rows_count(rows) == 0)
        return STORE_E_NONE;
    const char *text = pg_value(rows, 0, 0);
    return json_parse(text, strlen(text), 0, ret, NULL) == 0 ? 0 : outage(-EBADMSG);
}

int store_setting_set(Pg *pg, const char *key, const json_t *value)
{
    return run(pg, &sql_set, key, value, NULL);
}

int store_setting_get_or_set(Pg *pg, const char *key, const json_t *value, json_t **ret)
{
    int r = run(pg, &sql_first, key, value, NULL);
    return r < 0 ? r : fold(store_setting_get(pg, key, ret));
}

int store_setting_delete(Pg *pg, const char *key)
{
    return run(pg, &sql_delete, key, NULL, NULL);
}
