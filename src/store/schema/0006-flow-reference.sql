-- SPDX-License-Identifier: Apache-2.0
-- What each current flow says of other flows: whose executions it starts (FLOW_TASK, with the target) and whose end starts
-- it (FLOW_TRIGGER, with the trigger's conditions). Made of the flow's own source alone, in the transaction that stores it:
-- saving or deleting another flow changes nothing here, and a flow that comes back is found again. The graph of
-- dependencies is this table beside the list of flows.
CREATE TABLE flow_reference (
    namespace        text COLLATE "C" NOT NULL,
    flow_id          text COLLATE "C" NOT NULL,
    relation         text NOT NULL CHECK (relation IN ('FLOW_TASK', 'FLOW_TRIGGER')),
    target_namespace text COLLATE "C",
    target_id        text COLLATE "C",
    conditions       json,
    CHECK ((relation = 'FLOW_TASK') = (target_id IS NOT NULL))
);
CREATE INDEX flow_reference_flow ON flow_reference (namespace, flow_id);
CREATE INDEX flow_reference_target ON flow_reference (target_namespace, target_id) WHERE relation = 'FLOW_TASK';
CREATE INDEX flow_reference_triggers ON flow_reference (relation) WHERE relation = 'FLOW_TRIGGER';

-- Those of the flows that are there already.
INSERT INTO flow_reference (namespace, flow_id, relation, target_namespace, target_id)
    SELECT DISTINCT namespace, id, 'FLOW_TASK', coalesce(task->>'namespace', namespace), task->>'flowId'
    FROM flow, jsonb_path_query(body::jsonb, '$.** ? (exists (@.type) && exists (@.flowId))') AS task
    WHERE is_current AND NOT deleted AND strpos(concat(task->>'namespace', task->>'flowId'), '{{') = 0
      AND task->>'type' IN ('io.kestra.plugin.core.flow.Subflow', 'io.kestra.plugin.core.flow.Flow',
                            'io.kestra.core.tasks.flows.Subflow', 'io.kestra.core.tasks.flows.Flow',
                            'io.kestra.plugin.core.flow.ForEachItem', 'io.kestra.core.tasks.flows.ForEachItem');
INSERT INTO flow_reference (namespace, flow_id, relation, conditions)
    SELECT namespace, id, 'FLOW_TRIGGER', json_build_object('conditions', coalesce(one->'conditions', '[]'::json),
                                                            'preconditions', coalesce(one->'preconditions', '{}'::json))
    FROM flow, json_array_elements(CASE json_typeof(body->'triggers') WHEN 'array' THEN body->'triggers' ELSE '[]' END) AS one
    WHERE is_current AND NOT deleted
      AND one->>'type' IN ('io.kestra.plugin.core.trigger.Flow', 'io.kestra.core.models.triggers.types.Flow');
