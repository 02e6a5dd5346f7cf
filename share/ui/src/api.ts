// SPDX-License-Identifier: Apache-2.0
// Everything that crosses the network. Paths are relative to the place the UI is served from: /ui/ → /api/v1.
import { Constraint, Execution, Flow, LogEntry, Metric, Page, Poison, Trigger, TriggerState } from "./types";

const uiPath = document.querySelector<HTMLMetaElement>('meta[name="ui-path"]')?.content ?? "./";
export const base = uiPath.startsWith("/") ? uiPath : "/ui/";
const api = base.replace(/ui\/$/, "api/v1");

export class ApiError extends Error {
  constructor(readonly status: number, message: string) {
    super(message);
  }
}

async function request(method: string, path: string, body?: BodyInit, type?: string): Promise<Response> {
  const headers: Record<string, string> = { Accept: "application/json" };
  if (type) headers["Content-Type"] = type;
  const response = await fetch(api + path, { method, body, headers, credentials: "same-origin" });
  if (response.ok) return response;
  const text = await response.text();
  let message = text || response.statusText;
  try {
    message = JSON.parse(text).message ?? message;
  } catch {
    // Not JSON: a proxy's page, or an empty body. The text is what there is to show.
  }
  throw new ApiError(response.status, message);
}

const json = async <T>(method: string, path: string, body?: BodyInit, type?: string): Promise<T> => {
  const text = await (await request(method, path, body, type)).text();
  return (text ? JSON.parse(text) : undefined) as T;
};

const query = (parameters: Record<string, string | number | string[] | undefined>): string => {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (Array.isArray(value)) value.forEach((one) => search.append(name, one));
    else if (value !== undefined && value !== "") search.set(name, String(value));
  }
  return search.toString();
};

const yaml = "application/x-yaml";
const at = (namespace: string, id: string) => `${encodeURIComponent(namespace)}/${encodeURIComponent(id)}`;

export const searchFlows = (q: string, page: number, size: number) =>
  json<Page<Flow>>("GET", `/flows/search?${query({ q, page, size, sort: "id:asc" })}`);
export const getFlow = (namespace: string, id: string) => json<Flow>("GET", `/flows/${at(namespace, id)}?source=true`);
export const createFlow = (source: string) => json<Flow>("POST", "/flows", source, yaml);
export const updateFlow = (namespace: string, id: string, source: string) =>
  json<Flow>("PUT", `/flows/${at(namespace, id)}`, source, yaml);
export const deleteFlow = (namespace: string, id: string) => json<void>("DELETE", `/flows/${at(namespace, id)}`);
export const validateFlow = (source: string) => json<Constraint[]>("POST", "/flows/validate", source, yaml);

/** The files of the flow directory; a flow that came from one is changed there, not here. */
export interface FlowFile { path: string; flows: string[]; error?: string }
export const getFlowFiles = () => json<FlowFile[]>("GET", "/flow-files");

export const getMetrics = (executionId: string, taskRunId?: string) =>
  json<Page<Metric>>("GET", `/metrics/${executionId}?${query({ taskRunId, size: 100, sort: "timestamp:asc" })}`);

export interface ExecutionQuery {
  q?: string;
  namespace?: string;
  flowId?: string;
  state?: string[];
  page: number;
  size: number;
}
export const searchExecutions = (filter: ExecutionQuery) =>
  json<Page<Execution>>("GET", `/executions/search?${query({ ...filter, sort: "state.startDate:desc" })}`);
export const getExecution = (id: string) => json<Execution>("GET", `/executions/${id}`);
export const execute = (namespace: string, id: string, inputs: FormData) =>
  json<Execution>("POST", `/executions/${at(namespace, id)}`, inputs);
export const killExecution = (id: string) => json<void>("DELETE", `/executions/${id}/kill`);
export const restartExecution = (id: string) => json<Execution>("POST", `/executions/${id}/restart`);
export const replayExecution = (id: string) => json<Execution>("POST", `/executions/${id}/replay`);
export const getLogs = (id: string) => json<LogEntry[]>("GET", `/logs/${id}?minLevel=TRACE`);

/** Messages that were set aside: an addition to Kestra's API. */
export const searchTriggers = (q: string, page: number, size: number) =>
  json<Page<Trigger>>("GET", `/triggers/search?${query({ q, page, size, sort: "nextExecutionDate:asc" })}`);
export const switchTrigger = (state: TriggerState, disabled: boolean) =>
  json<TriggerState>("PUT", "/triggers", JSON.stringify({ ...state, disabled }), "application/json");
const triggerAt = (state: TriggerState) => `/triggers/${at(state.namespace, state.flowId)}/${encodeURIComponent(state.triggerId)}`;
export const unlockTrigger = (state: TriggerState) => json<TriggerState>("POST", `${triggerAt(state)}/unlock`);
export const restartTrigger = (state: TriggerState) => json<TriggerState>("POST", `${triggerAt(state)}/restart`);

export const searchPoison = (page: number, size: number) => json<Page<Poison>>("GET", `/poison?${query({ page, size })}`);
export const getPoison = (id: string) => json<Poison>("GET", `/poison/${encodeURIComponent(id)}`);
export const replayPoison = (id: string) => json<void>("POST", `/poison/${encodeURIComponent(id)}/replay`);
export const discardPoison = (id: string) => json<void>("DELETE", `/poison/${encodeURIComponent(id)}`);

/** Calls back for each event until the returned function is called. EventSource reconnects by itself. */
function follow<T>(path: string, onData: (data: T) => void, endsById: boolean): () => void {
  const source = new EventSource(api + path, { withCredentials: true });
  source.onmessage = (event) => {
    if (event.data) onData(JSON.parse(event.data) as T);
    if (endsById && event.lastEventId === "end") source.close();
  };
  return () => source.close();
}
export const followExecution = (id: string, onData: (execution: Execution) => void) =>
  follow(`/executions/${id}/follow`, onData, true);
export const followLogs = (id: string, onData: (entry: LogEntry) => void) =>
  follow(`/logs/${id}/follow?minLevel=TRACE`, onData, false);
export const logsDownloadUrl = (id: string) => `${api}/logs/${id}/download`;
