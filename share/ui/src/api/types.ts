// SPDX-License-Identifier: Apache-2.0
// The shapes of the API that the pages use (Kestra 0.21).
export const stateNames = [
  "CREATED", "QUEUED", "RUNNING", "RESTARTED", "PAUSED", "RETRYING", "KILLING", "SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED",
  "RETRIED", "SKIPPED",
] as const;
export type StateName = (typeof stateNames)[number];
const terminal: readonly StateName[] = ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"];
export const isTerminal = (state: StateName): boolean => terminal.includes(state);

export interface State {
  current: StateName;
  histories: { state: StateName; date: string }[];
  duration: string;
  startDate: string;
  endDate?: string;
}

export interface Label { key: string; value: string }

export interface TaskRun {
  id: string;
  executionId: string;
  namespace: string;
  flowId: string;
  taskId: string;
  parentTaskRunId?: string;
  value?: string;
  iteration?: number;
  attempts?: { state: State; logFile?: string }[];
  outputs?: Record<string, unknown> | null;
  state: State;
}

export interface Execution {
  id: string;
  namespace: string;
  flowId: string;
  flowRevision: number;
  originalId?: string;
  parentId?: string;
  taskRunList?: TaskRun[];
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  variables?: Record<string, unknown>;
  labels?: Label[];
  state: State;
  trigger?: { id: string; type: string; variables?: Record<string, unknown>; logFile?: string };
  scheduleDate?: string;
  metadata?: { attemptNumber: number; originalCreatedDate: string };
}

export interface Input {
  id: string;
  type: string;
  description?: string;
  displayName?: string;
  required?: boolean;
  defaults?: unknown;
  prefill?: unknown;
  values?: string[];
  expression?: string;
  allowCustomValue?: boolean;
  itemType?: string;
  validator?: string;
  min?: number | string;
  max?: number | string;
  after?: string;
  before?: string;
  extension?: string;
  dependsOn?: { inputs?: string[]; condition?: string };
}

export interface InputState { input: Input; value?: unknown; enabled: boolean; isDefault?: boolean; errors?: { message: string }[] | string[] }
export interface InputsCheck { id: string; inputs: InputState[] }

export interface TaskSource { id: string; type: string; tasks?: TaskSource[]; [property: string]: unknown }
export interface TriggerSource { id: string; type: string; cron?: string; timezone?: string; disabled?: boolean; [property: string]: unknown }

export interface Flow {
  id: string;
  namespace: string;
  revision: number;
  description?: string;
  labels?: Label[];
  inputs?: Input[];
  tasks?: TaskSource[];
  triggers?: TriggerSource[];
  variables?: Record<string, unknown>;
  concurrency?: { limit: number; behavior?: string };
  disabled?: boolean;
  deleted?: boolean;
  source?: string;
}

export interface FlowFile { path: string; flows: string[]; error?: string }
export interface SourceHit { model: Flow; fragments: string[] }

export interface Constraint {
  index: number;
  flow?: string;
  namespace?: string;
  constraints?: string;
  warnings?: string[];
  expressionWarnings?: string[];
  deprecationPaths?: string[];
  outdated?: boolean;
}

export interface GraphNode {
  uid: string;
  type: string;
  error: boolean;
  task?: TaskSource;
  taskRun?: TaskRun;
  triggerDeclaration?: TriggerSource;
  trigger?: TriggerState;
  branchType?: string;
  /** Of dependencies. */
  namespace?: string;
  id?: string;
}
export interface GraphEdge { source: string; target: string; relation?: { relationType?: string; value?: string } | string }
export interface GraphCluster { cluster: GraphNode; nodes: string[]; parents: string[]; start: string; end: string }
export interface Graph { nodes: GraphNode[]; edges: GraphEdge[]; clusters?: GraphCluster[]; flowables?: string[] }

export interface TriggerState {
  namespace: string;
  flowId: string;
  triggerId: string;
  date?: string;
  nextExecutionDate?: string;
  backfill?: Backfill;
  executionId?: string;
  evaluateRunningDate?: string;
  workerId?: string;
  disabled: boolean;
}
export interface Backfill {
  start: string;
  end?: string;
  currentDate?: string;
  paused?: boolean;
  inputs?: Record<string, unknown>;
  labels?: Label[];
}
export interface Trigger { abstractTrigger?: TriggerSource; triggerContext: TriggerState }

export const levels = ["TRACE", "DEBUG", "INFO", "WARN", "ERROR"] as const;
export type Level = (typeof levels)[number];
export interface LogEntry {
  namespace?: string;
  flowId?: string;
  executionId?: string;
  taskId?: string;
  taskRunId?: string;
  triggerId?: string;
  attemptNumber?: number;
  timestamp: string;
  level: Level;
  message?: string;
}

export interface Metric {
  taskId: string;
  taskRunId: string;
  type: "counter" | "timer";
  name: string;
  /** Timers: milliseconds. */
  value: number;
  timestamp?: string;
  tags?: Record<string, string>;
}

export interface FileMetas { size: number }
export interface FilePreview { extension: string; type: "TEXT" | "LIST" | "IMAGE" | "MARKDOWN" | "PDF"; content: unknown; truncated: boolean }
export interface EvalAnswer { result?: string; error?: string; stackTrace?: string }

export interface DailyExecutions {
  startDate: string;
  groupBy?: "DAY" | "HOUR" | "MINUTE" | "MONTH" | "WEEK";
  executionCounts: Partial<Record<StateName, number>>;
  duration: { min?: string | number; avg?: string | number; max?: string | number; sum?: string | number; count: number };
}
export interface DailyLogs { timestamp: string; groupBy?: string; counts: Partial<Record<Level, number>> }

export interface NamespaceItem { id: string; disabled?: boolean; deleted?: boolean }
export interface NamespaceFile { type: "File" | "Directory"; fileName: string; size: number; lastModifiedTime: number; creationTime: number }
export interface KvEntry { key: string; creationDate: string; updateDate: string; expirationDate?: string }
export interface KvValue { type: string; value: unknown }

export interface Plugin {
  name: string;
  title?: string;
  description?: string;
  group?: string;
  tasks?: string[];
  triggers?: string[];
  conditions?: string[];
  taskRunners?: string[];
  [section: string]: unknown;
}
export interface DocProperty {
  type?: string;
  title?: string;
  description?: string;
  default?: unknown;
  enum?: unknown[];
  format?: string;
  $ref?: string;
  $dynamic?: boolean;
  $required?: boolean;
  $deprecated?: boolean | string;
  items?: DocProperty;
  additionalProperties?: DocProperty | boolean;
}
export interface DocSchema {
  properties?: Record<string, DocProperty>;
  required?: string[];
  title?: string;
  description?: string;
  $examples?: { title?: string; code?: string | string[]; full?: boolean }[];
  $metrics?: { name: string; type: string; unit?: string; description?: string }[];
}
export interface PluginDoc { markdown: string; schema?: { properties?: DocSchema; outputs?: DocSchema; definitions?: Record<string, DocSchema> } }

export interface ServerConfig { version?: string; uuid?: string; commitId?: string; environment?: { name?: string; color?: string }; url?: string; [key: string]: unknown }
/** A running part of the system: an addition to Kestra's API. */
export interface Instance {
  id: string;
  role: string;
  host: string;
  state: "ALIVE" | "DEAD";
  startDate: string;
  heartbeatDate: string;
  shards: number;
  jobs: number;
}

/** What waits between the roles: an addition to Kestra's API. */
export interface QueueDepth {
  events: number;
  oldestEventDate?: string;
  setAside: number;
  groups: { name: string; waiting: number; running: number; oldestDate?: string }[];
}

export interface Poison {
  id: string;
  queue: "event" | "job";
  kind: string;
  key: string;
  executionId?: string;
  reason: string;
  setAside: string;
  body?: string;
}

export interface Page<T> { results: T[]; total: number }
export interface BulkAnswer { count?: number }
