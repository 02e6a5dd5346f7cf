-- SPDX-License-Identifier: Apache-2.0
-- Leases without their epoch, which was counted and never read: a commit is fenced by its instance (queue_fence), which
-- one that was declared dead cannot pass, whatever it once held.
CREATE OR REPLACE FUNCTION queue_bury(dead text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(dead) = 0 THEN
        RETURN false;
    END IF;
    UPDATE instance SET state = 'DEAD' WHERE id = ANY (dead);
    UPDATE shard_lease AS l SET deaths = CASE WHEN l.trying = i.trying THEN l.deaths + 1 ELSE 1 END, trying = i.trying
        FROM instance AS i WHERE i.id = ANY (dead) AND i.trying IS NOT NULL AND l.owner = i.id AND l.shard = i.trying_shard;
    UPDATE shard_lease SET owner = NULL, suspect = role = 'executor' WHERE owner = ANY (dead);
    DELETE FROM instance WHERE state = 'DEAD' AND heartbeat < clock_timestamp() - interval '1 hour';
    UPDATE job SET instance = NULL, lost = lost + 1 WHERE instance = ANY (dead);
    RETURN FOUND;
END $$;

CREATE OR REPLACE FUNCTION queue_balance(instance_id text, instance_role text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    alive integer;
    mine  integer;
    free  integer;
    fair  integer;
BEGIN
    SELECT count(*) INTO alive FROM instance WHERE role = instance_role AND state = 'ALIVE';
    SELECT count(*) FILTER (WHERE owner = instance_id), count(*) FILTER (WHERE owner IS NULL) INTO mine, free
        FROM shard_lease WHERE role = instance_role;
    fair := ceil(64.0 / greatest(alive, 1));
    IF mine > fair THEN
        UPDATE shard_lease SET owner = NULL
            WHERE role = instance_role AND shard IN (
                SELECT shard FROM shard_lease WHERE role = instance_role AND owner = instance_id
                ORDER BY shard DESC LIMIT mine - fair);
    ELSIF mine < fair AND free > 0 THEN
        PERFORM pg_advisory_xact_lock(hashtext('kestra.lease.' || instance_role));
        UPDATE shard_lease SET owner = instance_id
            WHERE role = instance_role AND shard IN (
                SELECT shard FROM shard_lease WHERE role = instance_role AND owner IS NULL
                ORDER BY shard LIMIT fair - mine FOR UPDATE);
    END IF;
END $$;

CREATE OR REPLACE FUNCTION queue_leave(instance_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM instance WHERE id = instance_id;
    UPDATE shard_lease SET owner = NULL WHERE owner = instance_id;
    UPDATE job SET instance = NULL WHERE instance = instance_id;
END $$;

ALTER TABLE shard_lease DROP COLUMN epoch;
