#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""What each role may do in the database, tried for every role, table and verb, and that functions which run with the rights
of the owner cannot be led astray by what their caller puts in the way."""
import os
import re
import subprocess

from client import check, finish, put_flow, run

DSN = os.environ["KESTRA_PG"].replace("user=kestra", "")
ROLES = ["webserver", "scheduler", "executor", "worker", "indexer"]
# As in src/store/rights.sql, on purpose once more: a right that is given there by mistake is found here.
RIGHTS = """
schema_migration S    S    S    S   S
instance         S    S    S    S   S
shard_lease      S    S    S    S   S
flow             SIU  SIU  S    S   -
flow_stamp       SU   SU   S    S   -
flow_reference   SID  SID  S    S   -
flow_file        S    SID  -    -   -
execution        SI   SI   SIUD S   -
task_run         SIU  SI   SIUD S   -
event            SI   SI   SIUD SI  -
job              SI   SIUD SIUD SUD -
timer            -    -    SIUD -   -
poison           SD   SD   SID  SID -
trigger          SDK  SIUD SK   SK  -
trigger_command  SI   SID  I    I   -
setting          SIUD -    -    -   -
log              SID  I    SID  SID -
metric           S    -    SID  SID -
"""
FUNCTIONS = {"queue_join", "queue_heartbeat", "queue_fence", "queue_leave", "queue_probe", "queue_try", "queue_trust", "kestra_words",
             "kestra_query", "kestra_partitions_prepare", "kestra_partitions_expire"}


def sql(user, text):
    done = subprocess.run(["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", DSN + " user=" + user, "-c", text], text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    return done.stdout.strip() if done.returncode == 0 else done.stderr.strip()


def attempt(verb, table, column):
    return {"S": "SELECT 1 FROM %s LIMIT 1" % table,
            "I": "INSERT INTO %s (%s) SELECT NULL WHERE false" % (table, column),
            "U": "UPDATE %s SET %s = NULL WHERE false" % (table, column),
            "D": "DELETE FROM %s" % table + " WHERE false",
            "K": "SELECT 1 FROM %s WHERE false FOR KEY SHARE" % table,
            "T": "TRUNCATE %s" % table,
            "A": "ALTER TABLE %s ADD COLUMN mine integer" % table}[verb]


def is_given(verb, given):
    return verb in given or verb == "K" and "U" in given and "S" in given


def every_table():
    rights = {line.split()[0]: line.split()[1:] for line in RIGHTS.split("\n") if line}
    tables = dict(line.split("|") for line in sql("kestra", """SELECT c.relname, min(a.attname) FROM pg_class c
        JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped AND a.attidentity = ''
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        GROUP BY c.relname""").split("\n"))
    check(set(tables) == set(rights), "every table has its rights", sorted(set(tables) ^ set(rights)))
    wrong = []
    for number, role in enumerate(ROLES):
        tried = [(table, verb) for table in sorted(tables) for verb in "SIUDTAK"]
        script = "".join("\\echo @@%s %s\n%s;\n" % (table, verb, attempt(verb, table, tables[table])) for table, verb in tried)
        said = subprocess.run(["psql", "-XAtq", DSN + " user=kestra-" + role], input=script, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT).stdout.split("@@")[1:]
        for (table, verb), answer in zip(tried, said):
            refused = "permission denied" in answer or "must be owner" in answer
            if not answer.startswith("%s %s" % (table, verb)) or refused != (not is_given(verb, rights.get(table, ["-"] * 5)[number])):
                wrong.append((role, table, verb, answer))
        check(len(said) == len(tried), "everything was tried as " + role, said[-1:])
    check(not wrong, "every role has its verbs on every table, and no others", wrong)
    partitions = sql("kestra", "SELECT relname FROM pg_class WHERE relispartition AND relkind = 'r'").split("\n")
    open_ones = [name for name in partitions if "permission denied" not in sql("kestra-worker", "DELETE FROM %s WHERE false" % name)]
    check(not open_ones and len(partitions) > 3, "partitions are reached by their table only", open_ones)


def every_function():
    rows = [line.split("|") for line in sql("kestra", """SELECT proname, prosecdef, provolatile, coalesce(proconfig::text, ''),
        has_function_privilege('kestra-worker', oid, 'EXECUTE') OR has_function_privilege('kestra-executor', oid, 'EXECUTE'),
        EXISTS (SELECT FROM aclexplode(coalesce(proacl, acldefault('f', proowner))) WHERE grantee = 0)
        FROM pg_proc WHERE pronamespace = 'public'::regnamespace""").split("\n")]
    check(len(rows) > 10 and all('"search_path=pg_catalog, public, pg_temp"' in row[3] for row in rows if row[2] != "i"),
          "the search path of functions is fixed", rows)
    check(not any(row[5] == "t" for row in rows), "no function is for everybody", rows)
    check({row[0] for row in rows if row[4] == "t"} == FUNCTIONS, "roles have the functions that they call", rows)


def attack():
    lure = """CREATE TEMP TABLE caught (name text); CREATE FUNCTION pg_temp.run() RETURNS oid LANGUAGE plpgsql AS
        $$ BEGIN INSERT INTO pg_temp.caught VALUES (current_user); RETURN 0; END $$;
        CREATE TEMP VIEW pg_inherits AS SELECT pg_temp.run() AS inhrelid, pg_temp.run() AS inhparent;
        SELECT kestra_partitions_expire(0); SELECT string_agg(name, ',') FROM caught"""
    answer = sql("kestra-worker", lure)
    check("permission denied to create temporary tables" in answer, "no role makes temporary objects", answer)
    sql("postgres", """GRANT TEMPORARY ON DATABASE kestra TO "kestra-worker";
        GRANT EXECUTE ON FUNCTION kestra_partitions_expire TO "kestra-worker" """)
    answer = sql("kestra-worker", lure)
    check(re.fullmatch(r"0\s*", answer), "a view of that name is not looked at by who drops partitions", answer)
    answer = sql("kestra-worker", "SET search_path = pg_temp, public; " + lure)
    check(re.fullmatch(r"0\s*", answer), "whatever the search path of the session is", answer)
    sql("postgres", """REVOKE TEMPORARY ON DATABASE kestra FROM "kestra-worker";
        REVOKE EXECUTE ON FUNCTION kestra_partitions_expire FROM "kestra-worker" """)
    answer = sql("kestra-worker", "SELECT queue_bury(ARRAY['x'])")
    check("permission denied for function queue_bury" in answer, "no role declares others dead", answer)
    answer = sql("kestra-worker", "CREATE TABLE mine (a integer)")
    check("permission denied for schema" in answer, "no role makes tables", answer)
    who = sql("kestra", "SELECT string_agg(DISTINCT usename, ',' ORDER BY usename) FROM pg_stat_activity WHERE usename LIKE 'kestra-%'")
    check(who == "kestra-executor,kestra-scheduler,kestra-webserver,kestra-worker", "each role is a user of its own", who)


def main():
    every_table()
    every_function()
    attack()
    status, body = put_flow("id: rights\nnamespace: integration.rights\ntasks:\n"
                            "  - {id: only, type: io.kestra.plugin.core.log.Log, message: works}\n")
    check(status == 200 and run("integration.rights", "rights")[1]["state"]["current"] == "SUCCESS", "and work goes on", body)
    finish()


if __name__ == "__main__":
    main()
