// SPDX-License-Identifier: Apache-2.0
// The shapes of the API that the pages use (Kestra 0.21).
export type StateName =
  | "CREATED" | "RUNNING" | "PAUSED" | "RESTARTED" | "KILLING" | "SUCCESS" | "WARNING" | "FAILED" | "KILLED"
  | "CANCELLED" | "QUEUED" | "RETRYING" | "RETRIED" | "SKIPPED";

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
  taskId: string;
  parentTaskRunId?: string;
  value?: string;
  iteration?: number;
  attempts?: { state: State }[];
  outputs?: Record<string, unknown> | null;
  state: State;
}

export interface Execution {
  id: string;
  namespace: string;
  flowId: string;
  flowRevision: number;
  taskRunList?: TaskRun[];
  inputs?: Record<string, unknown>;
  outputs?: Record<string, unknown>;
  labels?: Label[];
  state: State;
  trigger?: { id: string; type: string };
}

export interface TriggerState {
  namespace: string;
  flowId: string;
  triggerId: string;
  date?: string;
  nextExecutionDate?: string;
  executionId?: string;
  evaluateRunningDate?: string;
  workerId?: string;
  disabled: boolean;
}
export interface Trigger {
  abstractTrigger?: { id: string; type: string; disabled?: boolean };
  triggerContext: TriggerState;
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

export interface Input {
  id: string;
  type: string;
  description?: string;
  displayName?: string;
  required?: boolean;
  defaults?: unknown;
  values?: string[];
}

export interface Flow {
  id: string;
  namespace: string;
  revision: number;
  description?: string;
  labels?: Label[];
  inputs?: Input[];
  triggers?: { id: string; type: string; cron?: string; disabled?: boolean }[];
  disabled?: boolean;
  deleted?: boolean;
  source?: string;
}

export interface LogEntry {
  taskId?: string;
  taskRunId?: string;
  timestamp: string;
  level: "TRACE" | "DEBUG" | "INFO" | "WARN" | "ERROR";
  message?: string;
}

export interface Metric {
  taskId: string;
  taskRunId: string;
  type: "counter" | "timer";
  name: string;
  /** Timers: milliseconds. */
  value: number;
  tags?: Record<string, string>;
}

export interface Page<T> { results: T[]; total: number }

export interface Constraint {
  index: number;
  constraints?: string;
  warnings?: string[];
  expressionWarnings?: string[];
  deprecationPaths?: string[];
}

const terminal: StateName[] = ["SUCCESS", "WARNING", "FAILED", "KILLED", "CANCELLED", "RETRIED", "SKIPPED"];
export const isTerminal = (state: StateName): boolean => terminal.includes(state);
