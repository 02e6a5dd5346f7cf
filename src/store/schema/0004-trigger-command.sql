-- SPDX-License-Identifier: Apache-2.0
-- What people ask of a trigger (disable, backfill, …), until the scheduler that holds its shard has done it: that one alone
-- writes the trigger's row, and deletes the command in the same transaction. A command goes with its trigger.
CREATE TABLE trigger_command (
    sequence   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard      smallint NOT NULL,
    namespace  text COLLATE "C" NOT NULL,
    flow_id    text COLLATE "C" NOT NULL,
    trigger_id text COLLATE "C" NOT NULL,
    kind       text NOT NULL,
    arguments  json NOT NULL,
    FOREIGN KEY (namespace, flow_id, trigger_id) REFERENCES trigger ON DELETE CASCADE
);
CREATE INDEX trigger_command_trigger ON trigger_command (namespace, flow_id, trigger_id);
