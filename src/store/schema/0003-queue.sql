-- SPDX-License-Identifier: Apache-2.0
-- What instances do. Private SQLSTATEs: KE001 the instance was declared dead (fenced), KE002 this commit was done already.

-- A restarted process comes with the socket of the one it replaces, which therefore is dead.
CREATE FUNCTION queue_join(instance_id text, instance_role text, instance_host text, instance_socket text,
    instance_lease interval) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM queue_bury(ARRAY(SELECT id FROM instance WHERE role = instance_role AND host = instance_host
        AND socket = instance_socket AND socket <> '' AND state = 'ALIVE' FOR UPDATE));
    INSERT INTO instance (id, role, host, socket, state, lease)
        VALUES (instance_id, instance_role, instance_host, instance_socket, 'ALIVE', instance_lease);
END $$;

-- Renews the heartbeat; raises KE001 unless the instance is alive.
CREATE FUNCTION queue_beat(instance_id text) RETURNS instance LANGUAGE plpgsql AS $$
DECLARE
    me instance;
BEGIN
    UPDATE instance SET heartbeat = clock_timestamp(),
            steady = CASE WHEN heartbeat < clock_timestamp() - lease THEN clock_timestamp() ELSE steady END
        WHERE id = instance_id AND state = 'ALIVE' RETURNING * INTO me;
    IF NOT FOUND THEN
        RAISE EXCEPTION 'instance % was declared dead', instance_id USING ERRCODE = 'KE001';
    END IF;
    RETURN me;
END $$;

-- First statement of every commit: its row lock makes a commit and a declaration of death exclude each other. A heartbeat
-- comes with it.
CREATE FUNCTION queue_fence(instance_id text, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE instance SET commit_number = number, heartbeat = clock_timestamp(),
            steady = CASE WHEN heartbeat < clock_timestamp() - lease THEN clock_timestamp() ELSE steady END
        WHERE id = instance_id AND state = 'ALIVE' AND commit_number < number;
    IF NOT FOUND THEN
        PERFORM queue_beat(instance_id);
        RAISE EXCEPTION 'commit % was done already', number USING ERRCODE = 'KE002';
    END IF;
END $$;

-- Declares instances dead: their shards are free, their jobs open again. Returns whether jobs were released.
CREATE FUNCTION queue_bury(dead text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(dead) = 0 THEN
        RETURN false;
    END IF;
    UPDATE instance SET state = 'DEAD' WHERE id = ANY (dead);
    UPDATE shard_lease SET owner = NULL, epoch = epoch + 1 WHERE owner = ANY (dead);
    DELETE FROM instance WHERE state = 'DEAD' AND heartbeat < clock_timestamp() - interval '1 hour';
    UPDATE job SET instance = NULL WHERE instance = ANY (dead);
    RETURN FOUND;
END $$;

-- Takes free shards up to the fair share, gives away what is beyond it. One at a time for each role.
CREATE FUNCTION queue_balance(instance_id text, instance_role text) RETURNS void LANGUAGE plpgsql AS $$
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
        UPDATE shard_lease SET owner = NULL, epoch = epoch + 1
            WHERE role = instance_role AND shard IN (
                SELECT shard FROM shard_lease WHERE role = instance_role AND owner = instance_id
                ORDER BY shard DESC LIMIT mine - fair);
    ELSIF mine < fair AND free > 0 THEN
        PERFORM pg_advisory_xact_lock(hashtext('kestra.lease.' || instance_role));
        UPDATE shard_lease SET owner = instance_id, epoch = epoch + 1
            WHERE role = instance_role AND shard IN (
                SELECT shard FROM shard_lease WHERE role = instance_role AND owner IS NULL
                ORDER BY shard LIMIT fair - mine FOR UPDATE);
    END IF;
END $$;

-- The shards of an instance as a bit mask.
CREATE FUNCTION queue_shards(instance_id text) RETURNS bigint LANGUAGE sql STABLE AS $$
    SELECT coalesce(bit_or(1::bigint << shard), 0) FROM shard_lease WHERE owner = instance_id
$$;

-- See queue.h. An instance that is committing right now holds its row, and is left alone. peers: [[id, role, host, socket,
-- shards]].
CREATE FUNCTION queue_heartbeat(instance_id text, worker_group_ text,
    OUT shards bigint, OUT released boolean, OUT work boolean, OUT peers json) LANGUAGE plpgsql AS $$
DECLARE
    me instance := queue_beat(instance_id);
    my_role text := me.role;
BEGIN
    released := false;
    IF me.steady < clock_timestamp() - me.lease THEN
        released := queue_bury(ARRAY(SELECT id FROM instance
            WHERE state = 'ALIVE' AND heartbeat < clock_timestamp() - me.lease FOR UPDATE SKIP LOCKED));
    END IF;
    IF EXISTS (SELECT FROM shard_lease WHERE role = my_role) THEN
        PERFORM queue_balance(instance_id, my_role);
    END IF;
    shards := queue_shards(instance_id);
    work := CASE my_role
        -- Not EXISTS: it would forget the order, and then no index could be used.
        WHEN 'executor' THEN (SELECT true FROM event WHERE (shards >> shard) & 1 = 1 ORDER BY sequence LIMIT 1) IS NOT NULL
        WHEN 'worker' THEN EXISTS (SELECT FROM job WHERE worker_group = worker_group_ AND instance IS NULL)
            OR EXISTS (SELECT FROM job WHERE instance = instance_id AND killed)
        ELSE false END;
    SELECT coalesce(json_agg(json_build_array(id, role, host, socket, queue_shards(id))), '[]'::json) INTO peers
        FROM instance WHERE state = 'ALIVE';
END $$;

CREATE FUNCTION queue_leave(instance_id text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM instance WHERE id = instance_id;
    UPDATE shard_lease SET owner = NULL, epoch = epoch + 1 WHERE owner = instance_id;
    UPDATE job SET instance = NULL WHERE instance = instance_id;
END $$;
