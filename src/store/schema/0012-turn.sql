-- SPDX-License-Identifier: Apache-2.0
-- Jobs take turns. `turn` is the round in which a job's turn comes: that of the next job when it was dispatched, plus the
-- jobs of its own execution that were in line then. So executions are served round by round, whatever each has in line.
-- lost: how many workers had the job in hand and died.
ALTER TABLE job ADD COLUMN turn bigint NOT NULL DEFAULT 0, ADD COLUMN lost integer NOT NULL DEFAULT 0;
DROP INDEX job_open;
CREATE INDEX job_open ON job (worker_group, turn, sequence) WHERE instance IS NULL;

-- Kills that go down a tree of executions are handled before all else, so that they overtake what makes it grow.
CREATE INDEX event_kill_tree ON event (sequence) WHERE kind = 'kill-tree';

-- As before; and the jobs of the dead are counted as lost.
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
    UPDATE job SET instance = NULL, lost = lost + 1 WHERE instance = ANY (dead);
    RETURN FOUND;
END $$;
