-- SPDX-License-Identifier: Apache-2.0
-- Old days of logs and metrics go by themselves: those that end before the time that is kept (0: for ever), and those of
-- before yesterday in which nothing is left. A day that somebody reads just now is dropped the next time: nobody waits.
DROP FUNCTION kestra_partitions_drop(timestamptz);
CREATE FUNCTION kestra_partitions_expire(keep_seconds bigint) RETURNS integer LANGUAGE plpgsql SECURITY DEFINER
    SET lock_timeout = '500ms' AS $$
DECLARE
    child record;
    is_empty boolean;
    dropped integer := 0;
BEGIN
    FOR child IN
        SELECT n.nspname AS place, c.relname AS name,
               (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' AS ends
        FROM pg_inherits AS i JOIN pg_class AS c ON c.oid = i.inhrelid JOIN pg_namespace AS n ON n.oid = c.relnamespace
        WHERE i.inhparent IN ('log'::regclass, 'metric'::regclass) AND c.relname ~ '^(log|metric)_[0-9]{8}$'
        ORDER BY c.relname
    LOOP
        CONTINUE WHEN child.ends > now() - interval '1 day';
        IF keep_seconds = 0 OR child.ends > now() - make_interval(secs => keep_seconds) THEN
            EXECUTE format('SELECT NOT EXISTS (SELECT FROM %I.%I)', child.place, child.name) INTO is_empty;
            CONTINUE WHEN NOT is_empty;
        END IF;
        BEGIN
            EXECUTE format('DROP TABLE %I.%I', child.place, child.name);
            dropped := dropped + 1;
        EXCEPTION WHEN lock_not_available THEN
            NULL; -- the next hour tries again
        END;
    END LOOP;
    RETURN dropped;
END $$;
