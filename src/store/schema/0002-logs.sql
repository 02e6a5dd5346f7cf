-- SPDX-License-Identifier: Apache-2.0
-- Logs and metrics: one partition a day, so that purging drops tables. What belongs to no day that was prepared goes to
-- the default partition: nothing is ever lost. `transaction` lets a follower ask for what was committed since its last
-- snapshot, whatever the order of commits was.
CREATE TABLE log (
    timestamp    timestamptz NOT NULL,
    position     bigint GENERATED ALWAYS AS IDENTITY,
    transaction  xid8 NOT NULL DEFAULT pg_current_xact_id(),
    level        smallint NOT NULL,
    attempt      integer,
    namespace    text COLLATE "C" NOT NULL,
    flow_id      text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C",
    task_id      text,
    task_run_id  text,
    trigger_id   text,
    thread       text,
    message      text NOT NULL
) PARTITION BY RANGE (timestamp);
CREATE INDEX log_execution ON log (execution_id, transaction);
CREATE INDEX log_timestamp ON log (timestamp);
CREATE TABLE log_default PARTITION OF log DEFAULT;

CREATE TABLE metric (
    timestamp    timestamptz NOT NULL,
    position     bigint GENERATED ALWAYS AS IDENTITY,
    namespace    text COLLATE "C" NOT NULL,
    flow_id      text COLLATE "C" NOT NULL,
    execution_id text COLLATE "C",
    task_id      text,
    task_run_id  text,
    is_timer     boolean NOT NULL,
    name         text NOT NULL,
    value        double precision NOT NULL,
    tags         json
) PARTITION BY RANGE (timestamp);
CREATE INDEX metric_execution ON metric (execution_id);
-- Without the name: tasks choose it, and an index cannot hold a text of any length.
CREATE INDEX metric_flow ON metric (namespace, flow_id, timestamp);
CREATE TABLE metric_default PARTITION OF metric DEFAULT;

-- Roles may not change the shape of tables; these functions do it for them with the rights of the schema's owner.

-- The partition of one day (UTC). Returns false when rows of that day are in the default partition already: they stay
-- there, and so does the rest of that day.
CREATE FUNCTION kestra_partition(parent text, day date) RETURNS boolean LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    child text := parent || '_' || to_char(day, 'YYYYMMDD');
BEGIN
    IF to_regclass(quote_ident(child)) IS NOT NULL THEN
        RETURN true;
    END IF;
    EXECUTE format('CREATE TABLE %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)', child, parent,
                   day::timestamp AT TIME ZONE 'UTC', (day + 1)::timestamp AT TIME ZONE 'UTC');
    RETURN true;
EXCEPTION WHEN check_violation THEN
    RETURN false;
END $$;

-- Today and the coming days. Creating one takes a short exclusive lock, therefore only one process does it, and it is
-- done days before anybody writes there.
CREATE FUNCTION kestra_partitions_prepare(days integer DEFAULT 4) RETURNS void LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
BEGIN
    IF NOT pg_try_advisory_xact_lock(hashtext('kestra.partitions')) THEN
        RETURN;
    END IF;
    PERFORM kestra_partition(parent, ((now() AT TIME ZONE 'UTC')::date + ahead))
        FROM unnest(ARRAY['log', 'metric']) AS parent, generate_series(0, days) AS ahead;
END $$;
SELECT kestra_partitions_prepare();

-- Drops the partitions that end before the given instant; returns how many.
CREATE FUNCTION kestra_partitions_drop(before timestamptz) RETURNS integer LANGUAGE plpgsql
    SECURITY DEFINER SET search_path FROM CURRENT AS $$
DECLARE
    child record;
    dropped integer := 0;
BEGIN
    FOR child IN
        SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid
        WHERE i.inhparent IN ('log'::regclass, 'metric'::regclass) AND c.relname ~ '^(log|metric)_[0-9]{8}$'
          AND (to_date(right(c.relname, 8), 'YYYYMMDD') + 1)::timestamp AT TIME ZONE 'UTC' <= before
    LOOP
        EXECUTE format('DROP TABLE %I', child.relname);
        dropped := dropped + 1;
    END LOOP;
    RETURN dropped;
END $$;
