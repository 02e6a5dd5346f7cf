/* SPDX-License-Identifier: Apache-2.0 */
/* Databases, a row each, and the types that they have in common. */
#include "plugin/core/trigger/trigger.h"
#include "plugin/fields.h"
#include "plugin/service/service.h"
#include "plugin/sql/sql.h"

static const char *const fetch_types[] = {"FETCH", "FETCH_ONE", "STORE", "NONE", NULL};
static const char *const ssl_modes[] = {"DISABLE", "ALLOW", "PREFER", "REQUIRE", "VERIFY_CA", "VERIFY_FULL", NULL};
static const char *const copy_formats[] = {"TEXT", "CSV", "BINARY", NULL};

static const Field outputs_of_query[] = {
    {"row", FIELD_MAP, .item = FIELD_ANY, .doc = "The first row (FETCH_ONE)."},
    {"rows", FIELD_LIST, .item = FIELD_ANY, .doc = "All rows (FETCH)."},
    {"uri", FIELD_STRING, .doc = "File of Ion with all rows (STORE)."},
    {"size", FIELD_INTEGER, .doc = "Number of rows that were fetched."},
    {"outputFiles", FIELD_MAP, .item = FIELD_STRING, .doc = "Files that the statement wrote (DuckDB)."},
    {"databaseUri", FIELD_STRING, .doc = "File of the database (outputDbFile)."},
    {},
};

static const Field outputs_of_queries[] = {
    {"outputs", FIELD_LIST, .item = FIELD_OBJECT, .fields = outputs_of_query,
     .doc = "One for each statement with rows."},
    {"outputFiles", FIELD_MAP, .item = FIELD_STRING, .doc = "Files that statements wrote (DuckDB)."},
    {"databaseUri", FIELD_STRING, .doc = "File of the database (outputDbFile)."},
    {},
};

/* clang-format off */
#define TEXT(NAME, DOC) {NAME, FIELD_STRING, FIELD_DYNAMIC, .doc = (DOC)}
#define CONNECTION(URL)                                                                                                \
    {"url", FIELD_STRING, FIELD_DYNAMIC | (URL), .doc = "Address of JDBC, as jdbc:postgresql://host:5432/database."},  \
    TEXT("username", "User."), TEXT("password", "Password."),                                                          \
    TEXT("timeZoneId", "Time zone in which points in time are given; UTC.")
#define SSL                                                                                                            \
    {"ssl", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Encrypt, and check who the server is."},        \
    {"sslMode", FIELD_ENUM, FIELD_DYNAMIC, .values = ssl_modes, .doc = "How much of it."},                             \
    TEXT("sslRootCert", "Trusted authorities, PEM."), TEXT("sslCert", "Certificate of the client, PEM."),              \
    TEXT("sslKey", "Its key, PEM."), TEXT("sslKeyPassword", "Password of the key.")
#define QUERY                                                                                                          \
    {"sql", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "What is executed."},                                 \
    TEXT("afterSQL", "Executed after it, in the same transaction."),                                                   \
    {"fetchType", FIELD_ENUM, FIELD_DYNAMIC, .values = fetch_types, .fallback = "\"NONE\"",                            \
     .doc = "All rows as output, the first one, all as a file of Ion, or nothing."},                                   \
    {"fetch", FIELD_BOOLEAN, FIELD_DEPRECATED, .doc = "Use fetchType FETCH."},                                         \
    {"fetchOne", FIELD_BOOLEAN, FIELD_DEPRECATED, .doc = "Use fetchType FETCH_ONE."},                                  \
    {"store", FIELD_BOOLEAN, FIELD_DEPRECATED, .doc = "Use fetchType STORE."},                                         \
    {"fetchSize", FIELD_INTEGER, FIELD_DYNAMIC, .fallback = "10000", .doc = "Accepted; rows come one at a time."},     \
    {"parameters", FIELD_MAP, FIELD_DYNAMIC, .item = FIELD_ANY, .doc = "Values of :name in the statement, bound."}
#define TRANSACTION                                                                                                    \
    {"transaction", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "true", .doc = "All statements or none of them."}
#define DUCKDB                                                                                                         \
    {"inputFiles", FIELD_ANY, FIELD_DYNAMIC, .doc = "Files written to {{ workingDir }} before: name to text or URI."}, \
    {"outputFiles", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING,                                                   \
     .doc = "Keys of files that the statement writes to {{ outputFiles.KEY }}."},                                      \
    {"databaseUri", FIELD_STRING, FIELD_DYNAMIC, .aliases = (const char *const[]){"databaseFile", NULL},               \
     .doc = "File of a database in internal storage to begin with."},                                                  \
    {"outputDbFile", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Keep the database as a file."}
#define SQLITE                                                                                                         \
    TEXT("sqliteFile", "File of a database in internal storage to begin with."),                                       \
    {"outputDbFile", FIELD_BOOLEAN, FIELD_DYNAMIC, .fallback = "false", .doc = "Keep the database as a file."}
#define COPY                                                                                                           \
    {"format", FIELD_ENUM, FIELD_DYNAMIC, .values = copy_formats, .fallback = "\"TEXT\"", .doc = "Form of the file."}, \
    {"columns", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Columns; all when left out."},                \
    {"freeze", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "Rows as after VACUUM FREEZE."},                                   \
    {"oids", FIELD_BOOLEAN, FIELD_DYNAMIC | FIELD_DEPRECATED, .doc = "Accepted; PostgreSQL has them no more."},        \
    TEXT("delimiter", "Character between columns."), TEXT("nullString", "What stands for null."),                      \
    {"header", FIELD_BOOLEAN, FIELD_DYNAMIC, .doc = "The first line names the columns."},                              \
    TEXT("quote", "Character around values (CSV)."), TEXT("escape", "Character before a quote (CSV)."),                \
    {"forceQuote", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Columns that are always quoted."},         \
    {"forceNotNull", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Columns that are never null."},          \
    {"forceNull", FIELD_LIST, FIELD_DYNAMIC, .item = FIELD_STRING, .doc = "Columns where a quoted text may be null."}, \
    TEXT("encoding", "Encoding of the file.")

static const Field postgresql_query[] = {CONNECTION(FIELD_REQUIRED), SSL, QUERY, {}};
static const Field postgresql_queries[] = {CONNECTION(FIELD_REQUIRED), SSL, QUERY, TRANSACTION, {}};
static const Field postgresql_trigger[] = {CONNECTION(FIELD_REQUIRED), SSL, QUERY, TRIGGER_FIELD_INTERVAL, {}};
static const Field postgresql_copy_in[] = {
    CONNECTION(FIELD_REQUIRED), SSL, COPY,
    {"from", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "The file, kestra://…."},
    {"table", FIELD_STRING, FIELD_DYNAMIC | FIELD_REQUIRED, .doc = "Table that gets the rows."},
    {}};
static const Field postgresql_copy_out[] = {
    CONNECTION(FIELD_REQUIRED), SSL, COPY,
    TEXT("table", "Table that is written out."), TEXT("sql", "Query whose rows are written out; instead of table."),
    {}};
static const Field sqlite_query[] = {CONNECTION(0), QUERY, SQLITE, {}};
static const Field sqlite_queries[] = {CONNECTION(0), QUERY, SQLITE, TRANSACTION, {}};
static const Field sqlite_trigger[] = {CONNECTION(0), QUERY, SQLITE, TRIGGER_FIELD_INTERVAL, {}};
static const Field duckdb_query[] = {CONNECTION(0), QUERY, DUCKDB, {}};
static const Field duckdb_queries[] = {CONNECTION(0), QUERY, DUCKDB, TRANSACTION, {}};
static const Field duckdb_trigger[] = {CONNECTION(0), QUERY, DUCKDB, TRIGGER_FIELD_INTERVAL, {}};

static const Field copy_in_outputs[] = {{"rowCount", FIELD_INTEGER, .doc = "Rows copied."}, {}};
static const Field copy_out_outputs[] = {
    {"uri", FIELD_STRING, .doc = "The file."}, {"rowCount", FIELD_INTEGER, .doc = "Rows copied."}, {}};
/* clang-format on */

static const SqlDatabase postgresql = {SQL_POSTGRESQL, "postgresql"};
static const SqlDatabase redshift = {SQL_POSTGRESQL, "redshift"};
static const SqlDatabase sqlite = {SQL_SQLITE, "sqlite"};
static const SqlDatabase duckdb = {SQL_DUCKDB, "duckdb"};

/* The three types of a database. */
#define DATABASE(NAME, FIELDS, LABEL, QUERY_NAME, QUERIES_NAME, TRIGGER_NAME)                                          \
    const Type task_##NAME##_query = {                                                                                 \
        .name = QUERY_NAME,                                                                                            \
        .kind = TYPE_TASK,                                                                                             \
        .where = RUN_CHILD,                                                                                            \
        .title = "Query " LABEL ".",                                                                                   \
        .doc = "Several statements are executed one after another; the rows are those of the last that has any.",      \
        .fields = FIELDS##_query,                                                                                      \
        .outputs = outputs_of_query,                                                                                   \
        .row = &(NAME),                                                                                                \
        .run = sql_run_query,                                                                                          \
    };                                                                                                                 \
    const Type task_##NAME##_queries = {                                                                               \
        .name = QUERIES_NAME,                                                                                          \
        .kind = TYPE_TASK,                                                                                             \
        .where = RUN_CHILD,                                                                                            \
        .title = "Execute several statements in " LABEL ".",                                                           \
        .fields = FIELDS##_queries,                                                                                    \
        .outputs = outputs_of_queries,                                                                                 \
        .row = &(NAME),                                                                                                \
        .run = sql_run_queries,                                                                                        \
    };                                                                                                                 \
    const Type trigger_##NAME = {                                                                                      \
        .name = TRIGGER_NAME,                                                                                          \
        .kind = TYPE_TRIGGER,                                                                                          \
        .where = RUN_CHILD,                                                                                            \
        .title = "Start the flow when a query of " LABEL " gives rows.",                                               \
        .fields = FIELDS##_trigger,                                                                                    \
        .outputs = outputs_of_query,                                                                                   \
        .row = &(NAME),                                                                                                \
        .run = sql_run_trigger,                                                                                        \
    }

DATABASE(postgresql, postgresql, "PostgreSQL", "io.kestra.plugin.jdbc.postgresql.Query",
         "io.kestra.plugin.jdbc.postgresql.Queries", "io.kestra.plugin.jdbc.postgresql.Trigger");
DATABASE(redshift, postgresql, "Amazon Redshift", "io.kestra.plugin.jdbc.redshift.Query",
         "io.kestra.plugin.jdbc.redshift.Queries", "io.kestra.plugin.jdbc.redshift.Trigger");
DATABASE(sqlite, sqlite, "SQLite", "io.kestra.plugin.jdbc.sqlite.Query", "io.kestra.plugin.jdbc.sqlite.Queries",
         "io.kestra.plugin.jdbc.sqlite.Trigger");
DATABASE(duckdb, duckdb, "DuckDB", "io.kestra.plugin.jdbc.duckdb.Query", "io.kestra.plugin.jdbc.duckdb.Queries",
         "io.kestra.plugin.jdbc.duckdb.Trigger");

const Type task_postgresql_copy_in = {
    .name = "io.kestra.plugin.jdbc.postgresql.CopyIn",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Load a file into a table of PostgreSQL.",
    EXAMPLES("id: load\n"
             "type: io.kestra.plugin.jdbc.postgresql.CopyIn\n"
             "url: jdbc:postgresql://db.example.com:5432/shop\n"
             "username: loader\n"
             "password: \"{{ secret('SHOP_PASSWORD') }}\"\n"
             "from: \"{{ outputs.to_csv.uri }}\"\n"
             "table: orders\n"
             "format: CSV\n"
             "header: true\n"),
    .fields = postgresql_copy_in,
    .outputs = copy_in_outputs,
    .row = &postgresql,
    .run = sql_run_copy_in,
};

const Type task_postgresql_copy_out = {
    .name = "io.kestra.plugin.jdbc.postgresql.CopyOut",
    .kind = TYPE_TASK,
    .where = RUN_CHILD,
    .title = "Write a table or a query of PostgreSQL to a file.",
    .fields = postgresql_copy_out,
    .outputs = copy_out_outputs,
    .row = &postgresql,
    .run = sql_run_copy_out,
};
