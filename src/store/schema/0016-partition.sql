-- SPDX-License-Identifier: Apache-2.0
-- As before, but the schema of the partition is said: the search path of functions (rights.sql) begins with that of the
-- catalog, where a table without one would be made.
CREATE OR REPLACE FUNCTION kestra_partition(parent text, day date) RETURNS boolean LANGUAGE plpgsql SECURITY DEFINER AS $$
DECLARE
    place name := (SELECT n.nspname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
                   WHERE c.oid = to_regclass(quote_ident(parent)));
    child text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(format('%I.%I', place, child)) IS NOT NULL THEN
        RETURN true;
    END IF;
    EXECUTE format('CREATE TABLE %I.%I PARTITION OF %I.%I FOR VALUES FROM (%L) TO (%L)', place, child, place, parent,
                   day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;
