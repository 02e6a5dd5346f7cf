-- SPDX-License-Identifier: Apache-2.0
-- Messages that end the executor. Shards of an executor that died are suspect: who takes them over steps their messages one at
-- a time, and first says in its own row of which key the message is (queue_try). If it dies then too, that counts against the
-- key, in the lease of its shard, and after the second time the messages of that key are set aside. All is forgotten when the
-- new owner has come through what the former one can have had in its hands (queue_trust).
ALTER TABLE instance ADD COLUMN trying text, ADD COLUMN trying_shard smallint;
ALTER TABLE shard_lease ADD COLUMN suspect boolean NOT NULL DEFAULT false, ADD COLUMN trying text,
    ADD COLUMN deaths integer NOT NULL DEFAULT 0;

-- As before; and what was tried is done.
CREATE OR REPLACE FUNCTION queue_fence(instance_id text, number bigint) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE instance SET commit_number = number, heartbeat = clock_timestamp(), trying = NULL,
            steady = CASE WHEN heartbeat < clock_timestamp() - lease THEN clock_timestamp() ELSE steady END
        WHERE id = instance_id AND state = 'ALIVE' AND commit_number < number;
    IF NOT FOUND THEN
        PERFORM queue_beat(instance_id);
        RAISE EXCEPTION 'commit % was done already', number USING ERRCODE = 'KE002';
    END IF;
END $$;

-- As before; and what a dead one tried counts against it.
CREATE OR REPLACE FUNCTION queue_bury(dead text[]) RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
    IF cardinality(dead) = 0 THEN
        RETURN false;
    END IF;
    UPDATE instance SET state = 'DEAD' WHERE id = ANY (dead);
    UPDATE shard_lease AS l SET deaths = CASE WHEN l.trying = i.trying THEN l.deaths + 1 ELSE 1 END, trying = i.trying
        FROM instance AS i WHERE i.id = ANY (dead) AND i.trying IS NOT NULL AND l.owner = i.id AND l.shard = i.trying_shard;
    UPDATE shard_lease SET owner = NULL, epoch = epoch + 1, suspect = role = 'executor' WHERE owner = ANY (dead);
    DELETE FROM instance WHERE state = 'DEAD' AND heartbeat < clock_timestamp() - interval '1 hour';
    UPDATE job SET instance = NULL WHERE instance = ANY (dead);
    RETURN FOUND;
END $$;

-- How often executors died while they tried a message of this key. The mark outlives the process; it need not outlive the
-- machine, so nobody waits for the disk.
CREATE FUNCTION queue_try(instance_id text, try_shard smallint, try_key text) RETURNS integer LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('synchronous_commit', 'off', true);
    UPDATE instance SET trying = try_key, trying_shard = try_shard WHERE id = instance_id AND state = 'ALIVE';
    IF NOT FOUND THEN
        RAISE EXCEPTION 'instance % was declared dead', instance_id USING ERRCODE = 'KE001';
    END IF;
    RETURN coalesce((SELECT deaths FROM shard_lease WHERE role = 'executor' AND shard = try_shard AND trying = try_key), 0);
END $$;

CREATE FUNCTION queue_trust(instance_id text) RETURNS void LANGUAGE sql AS $$
    UPDATE shard_lease SET suspect = false, trying = NULL, deaths = 0
        WHERE role = 'executor' AND owner = instance_id AND (suspect OR trying IS NOT NULL)
$$;

-- As before; suspects: those of shards that are suspect.
DROP FUNCTION queue_heartbeat(text, text);
CREATE FUNCTION queue_heartbeat(instance_id text, worker_group_ text,
    OUT shards bigint, OUT released boolean, OUT work boolean, OUT peers json, OUT suspects bigint) LANGUAGE plpgsql AS $$
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
    SELECT coalesce(bit_or(1::bigint << shard), 0), coalesce(bit_or(1::bigint << shard) FILTER (WHERE suspect), 0)
        INTO shards, suspects FROM shard_lease WHERE owner = instance_id;
    work := CASE my_role
        -- Not EXISTS: it would forget the order, and then no index could be used.
        WHEN 'executor' THEN (SELECT true FROM event WHERE (shards >> shard) & 1 = 1 ORDER BY sequence LIMIT 1) IS NOT NULL
        WHEN 'worker' THEN EXISTS (SELECT FROM job WHERE worker_group = worker_group_ AND instance IS NULL)
            OR EXISTS (SELECT FROM job WHERE instance = instance_id AND killed)
        ELSE false END;
    SELECT coalesce(json_agg(json_build_array(id, role, host, socket, queue_shards(id))), '[]'::json) INTO peers
        FROM instance WHERE state = 'ALIVE';
END $$;
