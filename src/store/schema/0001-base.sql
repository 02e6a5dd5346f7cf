-- SPDX-License-Identifier: Apache-2.0
-- The schema of kestra on PostgreSQL. Bodies are what the API shows, kept as `json` (text, in the order it was written);
-- the columns beside them are what searches and owners need. Rows that are updated leave room on their page, and no index
-- contains a column that changes while an execution runs, so that nearly every update is a heap-only one.

-- Full text as searches see it: every word of the text, and the text as PostgreSQL's own parser cuts it.
CREATE FUNCTION kestra_words(value text) RETURNS tsvector LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsvector('simple', regexp_replace(left(value, 100000), '[^a-zA-Z0-9]+', ' ', 'g'))
        || to_tsvector('simple', left(value, 100000))
$$;
-- All words of a query as prefixes that must all match; a query without any word is NULL and matches nothing.
CREATE FUNCTION kestra_query(value text) RETURNS tsquery LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT to_tsquery('simple', string_agg(DISTINCT word || ':*', ' & '))
    FROM regexp_split_to_table(value, '[^a-zA-Z0-9]+') AS word WHERE word <> ''
$$;

CREATE TABLE flow (
    namespace  text COLLATE "C" NOT NULL,
    id         text COLLATE "C" NOT NULL,
    revision   integer NOT NULL,
    is_current boolean NOT NULL,
    deleted    boolean NOT NULL,
    disabled   boolean NOT NULL,
    file_path  text,
    source     text NOT NULL,
    body       json NOT NULL,
    labels     jsonb NOT NULL,
    updated    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (namespace, id, revision)
);
CREATE UNIQUE INDEX flow_current ON flow (namespace, id) WHERE is_current;
CREATE INDEX flow_words ON flow USING gin (kestra_words(namespace || ' ' || id)) WHERE is_current;
-- One row: grows with every change of a flow, in the transaction of the change, for caches.
CREATE TABLE flow_stamp (value bigint NOT NULL);
INSERT INTO flow_stamp VALUES (1);

CREATE TABLE execution (
    id            text COLLATE "C" PRIMARY KEY,
    shard         smallint NOT NULL,
    namespace     text COLLATE "C" NOT NULL,
    flow_id       text COLLATE "C" NOT NULL,
    flow_revision integer NOT NULL,
    state         text NOT NULL,
    start_date    timestamptz NOT NULL,
    end_date      timestamptz,
    duration_usec bigint NOT NULL,
    parent_execution_id text,
    labels        jsonb NOT NULL,
    body          json NOT NULL,
    internal      json
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);
CREATE INDEX execution_start ON execution (start_date);
CREATE INDEX execution_flow ON execution (namespace, flow_id, start_date);
CREATE INDEX execution_parent ON execution (parent_execution_id) WHERE parent_execution_id IS NOT NULL;
CREATE INDEX execution_labels ON execution USING gin (labels jsonb_path_ops);
CREATE INDEX execution_words ON execution USING gin (kestra_words(namespace || ' ' || flow_id || ' ' || id));

CREATE TABLE task_run (
    execution_id text COLLATE "C" NOT NULL,
    id           text COLLATE "C" NOT NULL,
    position     integer NOT NULL,
    body         json NOT NULL,
    internal     json,
    PRIMARY KEY (execution_id, id)
) WITH (fillfactor = 60, autovacuum_vacuum_scale_factor = 0.05, autovacuum_analyze_scale_factor = 0.05);

-- The queue. These tables stay small; what is in them changes all the time.
CREATE TABLE event (
    sequence bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    shard    smallint NOT NULL,
    key      text NOT NULL,
    kind     text NOT NULL,
    body     text NOT NULL,
    created  timestamptz NOT NULL DEFAULT now()
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000, autovacuum_vacuum_insert_threshold = -1,
        autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0, autovacuum_analyze_threshold = 50000);

CREATE TABLE job (
    sequence     bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    worker_group text NOT NULL,
    instance     text,                           -- the worker that claimed it
    killed       boolean NOT NULL DEFAULT false,
    attempt      integer NOT NULL,
    execution_id text NOT NULL,
    task_run_id  text COLLATE "C" NOT NULL,
    body         text NOT NULL,
    created      timestamptz NOT NULL DEFAULT now()
) WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000,
        autovacuum_vacuum_insert_threshold = -1, autovacuum_vacuum_cost_delay = 0, autovacuum_analyze_scale_factor = 0,
        autovacuum_analyze_threshold = 50000);
CREATE INDEX job_open ON job (worker_group, sequence) WHERE instance IS NULL;
CREATE INDEX job_task_run ON job (task_run_id);
CREATE INDEX job_killed ON job (instance) WHERE killed;

CREATE TABLE timer (
    key   text COLLATE "C" NOT NULL,
    name  text COLLATE "C" NOT NULL,
    shard smallint NOT NULL,
    date  timestamptz NOT NULL,
    body  json,
    PRIMARY KEY (key, name)
) WITH (fillfactor = 70, autovacuum_vacuum_scale_factor = 0.02);
CREATE INDEX timer_shard ON timer (shard);

-- Events that could not be handled: visible, and replayed by inserting them into event again.
CREATE TABLE poison (
    sequence  bigint PRIMARY KEY,
    shard     smallint NOT NULL,
    key       text NOT NULL,
    kind      text NOT NULL,
    body      text NOT NULL,
    reason    text NOT NULL,
    created   timestamptz NOT NULL,
    set_aside timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE trigger (
    namespace    text COLLATE "C" NOT NULL,
    flow_id      text COLLATE "C" NOT NULL,
    trigger_id   text COLLATE "C" NOT NULL,
    shard        smallint NOT NULL,
    next_date    timestamptz,
    execution_id text,
    worker_id    text,
    body         json NOT NULL,
    PRIMARY KEY (namespace, flow_id, trigger_id)
) WITH (fillfactor = 70);
CREATE INDEX trigger_shard ON trigger (shard);

-- Who runs. steady: since when its heartbeats have come without a gap as long as a lease. Only who is steady for a whole
-- lease declares others dead: after an outage of the database everybody is silent, and nobody is dead. commit_number: the
-- last commit of the instance, so that a commit whose answer was lost is not done twice.
CREATE TABLE instance (
    id            text PRIMARY KEY,
    role          text NOT NULL,
    host          text NOT NULL,
    socket        text NOT NULL,
    state         text NOT NULL CHECK (state IN ('ALIVE', 'DEAD')),
    started       timestamptz NOT NULL DEFAULT clock_timestamp(),
    heartbeat     timestamptz NOT NULL DEFAULT clock_timestamp(),
    steady        timestamptz NOT NULL DEFAULT clock_timestamp(),
    lease         interval NOT NULL,
    commit_number bigint NOT NULL DEFAULT 0
) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

CREATE TABLE shard_lease (
    role  text NOT NULL,
    shard smallint NOT NULL CHECK (shard BETWEEN 0 AND 63),
    owner text,
    epoch bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (role, shard)
) WITH (fillfactor = 50);
INSERT INTO shard_lease (role, shard)
    SELECT role, shard FROM unnest(ARRAY['executor', 'scheduler']) AS role, generate_series(0, 63) AS shard;

CREATE TABLE setting (
    key     text PRIMARY KEY,
    value   json NOT NULL,
    updated timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE flow_file (
    path      text NOT NULL,
    document  integer NOT NULL,
    hash      text NOT NULL,
    modified  timestamptz,
    namespace text,
    id        text,
    revision  integer NOT NULL,
    error     text,
    line      integer NOT NULL,
    column_   integer NOT NULL,
    updated   timestamptz NOT NULL DEFAULT now()
);
-- By a hash: a path may be longer than an index can hold.
CREATE UNIQUE INDEX flow_file_path ON flow_file (md5(path), document);
