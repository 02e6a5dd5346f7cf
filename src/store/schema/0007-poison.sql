-- SPDX-License-Identifier: Apache-2.0
-- What was set aside: events that could not be handled, timers that came due and could not be (kept as events of kind
-- "timer"), jobs that a worker could not read. The id is given by who sets it aside, so that it stands in its journal.
ALTER TABLE poison DROP CONSTRAINT poison_pkey;
ALTER TABLE poison ADD COLUMN id text COLLATE "C";
UPDATE poison SET id = 'event' || sequence;
ALTER TABLE poison ADD PRIMARY KEY (id);
ALTER TABLE poison ADD COLUMN position bigint GENERATED ALWAYS AS IDENTITY;
ALTER TABLE poison ADD COLUMN queue text NOT NULL DEFAULT 'event' CHECK (queue IN ('event', 'job'));
-- Of jobs; their key is the execution.
ALTER TABLE poison ADD COLUMN worker_group text, ADD COLUMN task_run_id text COLLATE "C", ADD COLUMN attempt integer;
ALTER TABLE poison ALTER COLUMN shard DROP NOT NULL;
CREATE INDEX poison_key ON poison (key);
CREATE INDEX poison_task_run ON poison (task_run_id) WHERE task_run_id IS NOT NULL;
