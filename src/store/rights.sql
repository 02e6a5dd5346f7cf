-- SPDX-License-Identifier: Apache-2.0
-- Who may do what in the database. kestra-migrate runs it as the owner after the migrations, each time, in one transaction:
-- what does not stand here is taken away. A role is the database user kestra-ROLE; one that is not there is left out (where
-- all roles connect as the owner there is nothing to give).
--
-- Every table has its rows here (check_rights sees to it), every role only the verbs of statements that it runs: S select,
-- I insert, U update, D delete, K keep a row from being deleted meanwhile (for which PostgreSQL asks for the right to update
-- a column, any: it is one that nothing depends on). Functions run with the rights of the owner and with a fixed search path, so that nobody can
-- put something of their own in the way; only those below are for roles, the others are parts of them.
DO $$
DECLARE
    ours constant name := current_schema();
    one record;
BEGIN
    FOR one IN SELECT p.oid::regprocedure AS name, p.provolatile = 'i' AS is_inlined FROM pg_proc AS p
        WHERE p.pronamespace = ours::regnamespace AND p.prokind = 'f' AND p.proowner = current_user::regrole
    LOOP
        EXECUTE format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', one.name);
        -- What is a part of an index or of a search touches no table; a search path of its own would only make it slow.
        IF NOT one.is_inlined THEN
            EXECUTE format('ALTER FUNCTION %s SECURITY DEFINER SET search_path = pg_catalog, %I, pg_temp', one.name, ours);
        END IF;
    END LOOP;

    FOR one IN SELECT rolname AS name FROM pg_roles
        WHERE rolname = ANY ('{kestra-roles,kestra-webserver,kestra-scheduler,kestra-executor,kestra-worker,kestra-indexer}')
          AND rolname <> current_user
    LOOP
        EXECUTE format('REVOKE ALL ON ALL TABLES IN SCHEMA %I FROM %I', ours, one.name);
        EXECUTE format('REVOKE ALL ON ALL SEQUENCES IN SCHEMA %I FROM %I', ours, one.name);
        EXECUTE format('REVOKE ALL ON ALL FUNCTIONS IN SCHEMA %I FROM %I', ours, one.name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON TABLES FROM %I', ours, one.name);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I REVOKE ALL ON SEQUENCES FROM %I', ours, one.name);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', ours, one.name);
    END LOOP;

    FOR one IN
        SELECT t.name, r.rolname AS role, (SELECT string_agg(CASE verb WHEN 'S' THEN 'SELECT' WHEN 'I' THEN 'INSERT'
                                                                WHEN 'U' THEN 'UPDATE' WHEN 'D' THEN 'DELETE'
                                                                ELSE 'UPDATE (worker_id)' END, ', ')
                                           FROM unnest(given.verbs) AS verb) AS verbs
        FROM (VALUES
            -- table             webserver  scheduler  executor  worker  indexer
            ('schema_migration', 'S',       'S',       'S',      'S',    'S'),
            ('instance',         'S',       'S',       'S',      'S',    'S'),
            ('shard_lease',      'S',       'S',       'S',      'S',    'S'),
            ('flow',             'SIU',     'SIU',     'S',      'S',    ''),
            ('flow_stamp',       'SU',      'SU',      'S',      'S',    ''),
            ('flow_reference',   'SID',     'SID',     'S',      'S',    ''),
            ('flow_file',        'S',       'SID',     '',       '',     ''),
            ('execution',        'SI',      'SI',      'SIUD',   'S',    ''),
            ('task_run',         'SIU',     'SI',      'SIUD',   'S',    ''),
            ('event',            'SI',      'SI',      'SIUD',   'SI',   ''),
            ('job',              'SI',      'SIUD',    'SIUD',   'SUD',  ''),
            ('timer',            '',        '',        'SIUD',   '',     ''),
            ('poison',           'SD',      'SD',      'SID',    'SID',  ''),
            ('trigger',          'SDK',     'SIUD',    'SK',     'SK',   ''),
            ('trigger_command',  'SI',      'SID',     'I',      'I',    ''),
            ('setting',          'SIUD',    '',        '',       '',     ''),
            ('log',              'SID',     'I',       'SID',    'SID',  ''),
            ('metric',           'S',       '',        'SID',    'SID',  '')
        ) AS t (name, webserver, scheduler, executor, worker, indexer),
        LATERAL (VALUES ('webserver', webserver), ('scheduler', scheduler), ('executor', executor), ('worker', worker),
                        ('indexer', indexer)) AS given_text (role, letters),
        LATERAL (SELECT regexp_split_to_array(letters, '') AS verbs) AS given,
        pg_roles AS r
        WHERE r.rolname = 'kestra-' || given_text.role AND given_text.letters <> '' AND r.rolname <> current_user
    LOOP
        EXECUTE format('GRANT %s ON TABLE %I.%I TO %I', one.verbs, ours, one.name, one.role);
    END LOOP;

    FOR one IN
        SELECT p.oid::regprocedure AS name, r.rolname AS role
        FROM (VALUES
            ('kestra_words',              '{webserver,scheduler,executor,worker}'::text[]),
            ('kestra_query',              '{webserver,scheduler,executor,worker}'),
            ('kestra_partitions_prepare', '{webserver,scheduler,executor,worker}'),
            ('kestra_partitions_expire',  '{scheduler,executor}'),
            ('queue_join',                '{webserver,scheduler,executor,worker}'),
            ('queue_heartbeat',           '{webserver,scheduler,executor,worker}'),
            ('queue_fence',               '{webserver,scheduler,executor,worker}'),
            ('queue_leave',               '{webserver,scheduler,executor,worker}'),
            ('queue_probe',               '{webserver,scheduler,executor,worker}'),
            ('queue_try',                 '{executor}'),
            ('queue_trust',               '{executor}')
        ) AS f (name, roles), pg_roles AS r, pg_proc AS p
        WHERE r.rolname = ANY (SELECT 'kestra-' || unnest(f.roles)) AND r.rolname <> current_user
          AND p.proname = f.name AND p.pronamespace = ours::regnamespace
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION %s TO %I', one.name, one.role);
    END LOOP;
END $$;
