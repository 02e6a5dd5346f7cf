// SPDX-License-Identifier: Apache-2.0
import { apiPath, at, follow, get, getText, Query, queryText, request, send, sendForm, StreamEvents } from "./client";
import { BulkAnswer, EvalAnswer, Execution, FileMetas, FilePreview, Flow, Graph, InputsCheck, Label, LogEntry, Metric, Page, StateName } from "./types";

export const searchExecutions = (query: Query) => get<Page<Execution>>("/executions/search", query);
export const getExecution = (id: string) => get<Execution>(`/executions/${at(id)}`);
export const followExecution = (id: string, events: StreamEvents<Execution>) => follow(`/executions/${at(id)}/follow`, events);
export const getExecutionGraph = (id: string) => get<Graph>(`/executions/${at(id)}/graph`);
export const getExecutionFlow = (id: string) => get<Flow>(`/executions/${at(id)}/flow`);

export interface Start { labels?: string[]; scheduleDate?: string; revision?: number }
export const execute = (namespace: string, id: string, inputs: FormData, start: Start = {}) =>
  sendForm<Execution>("POST", `/executions/${at(namespace, id)}${queryText({ ...start })}`, inputs);
/** What the values given so far make of the inputs: which are shown, which are wrong. Nothing is started. */
export const checkInputs = (namespace: string, id: string, inputs: FormData) =>
  sendForm<InputsCheck>("POST", `/executions/${at(namespace, id)}/validate`, inputs);

export const killExecution = (id: string, cascade = true) => send("DELETE", `/executions/${at(id)}/kill${queryText({ isOnKillCascade: cascade })}`);
export const restartExecution = (id: string, revision?: number) => send<Execution>("POST", `/executions/${at(id)}/restart${queryText({ revision })}`);
export const replayExecution = (id: string, taskRunId?: string, revision?: number) =>
  send<Execution>("POST", `/executions/${at(id)}/replay${queryText({ taskRunId, revision })}`);
export const pauseExecution = (id: string) => send("POST", `/executions/${at(id)}/pause`);
export const resumeExecution = (id: string, inputs?: FormData) => sendForm<void>("POST", `/executions/${at(id)}/resume`, inputs ?? new FormData());
/** The inputs that a paused execution asks for, as `checkInputs`. */
export const checkResumeInputs = (id: string, inputs: FormData) => sendForm<InputsCheck>("POST", `/executions/${at(id)}/resume/validate`, inputs);
export const unqueueExecution = (id: string) => send<Execution>("POST", `/executions/${at(id)}/unqueue`);
export const forceRunExecution = (id: string) => send<Execution>("POST", `/executions/${at(id)}/force-run`);
export const deleteExecution = (id: string) => send("DELETE", `/executions/${at(id)}`);
export const changeState = (id: string, state: StateName) => send<Execution>("POST", `/executions/${at(id)}/change-status${queryText({ status: state })}`);
export const changeTaskState = (id: string, taskRunId: string, state: StateName) =>
  send<Execution>("POST", `/executions/${at(id)}/state`, { taskRunId, state });
export const setLabels = (id: string, labels: Label[]) => send<Execution>("POST", `/executions/${at(id)}/labels`, labels);

export type BulkVerb = "restart" | "replay" | "kill" | "delete" | "pause" | "resume" | "unqueue" | "force-run";
const withBody = (verb: BulkVerb) => (verb === "kill" || verb === "delete" ? "DELETE" : "POST");
const bulkPath = (verb: BulkVerb, by: "ids" | "query") => (verb === "delete" ? `/executions/by-${by}` : `/executions/${verb}/by-${by}`);
export const executionsByIds = (verb: BulkVerb, ids: string[]) => send<BulkAnswer>(withBody(verb), bulkPath(verb, "ids"), ids);
export const executionsByQuery = (verb: BulkVerb, query: Query) => send<BulkAnswer>(withBody(verb), bulkPath(verb, "query") + queryText(query));
export const changeStateByIds = (ids: string[], state: StateName) =>
  send<BulkAnswer>("POST", `/executions/change-status/by-ids${queryText({ newStatus: state })}`, ids);
export const setLabelsByIds = (ids: string[], labels: Label[]) =>
  send<BulkAnswer>("POST", "/executions/labels/by-ids", { executionsId: ids, executionLabels: labels });

/** Answers 200 also when the expression fails: `error` says why. */
export const evaluate = async (id: string, taskRunId: string, expression: string) =>
  (await (await request("POST", `/executions/${at(id)}/eval/${at(taskRunId)}`, expression, "text/plain")).json()) as EvalAnswer;

export const getMetrics = (executionId: string, query: Query) => get<Page<Metric>>(`/metrics/${at(executionId)}`, query);

export const fileUrl = (id: string, uri: string) => `${apiPath}/executions/${at(id)}/file${queryText({ path: uri })}`;
export const fileMetas = (id: string, uri: string) => get<FileMetas>(`/executions/${at(id)}/file/metas`, { path: uri });
export const previewFile = (id: string, uri: string, maxRows: number, encoding = "UTF-8") =>
  get<FilePreview>(`/executions/${at(id)}/file/preview`, { path: uri, maxRows, encoding });

export const getLogs = (id: string, query: Query = {}) => get<LogEntry[]>(`/logs/${at(id)}`, query);
export const followLogs = (id: string, events: StreamEvents<LogEntry>) => follow(`/logs/${at(id)}/follow?minLevel=TRACE&untilEnd=true`, events);
export const logsUrl = (id: string, query: Query = {}) => `${apiPath}/logs/${at(id)}/download${queryText(query)}`;
export const logsText = (id: string, query: Query = {}) => getText(`/logs/${at(id)}/download`, query);
export const deleteLogs = (id: string, query: Query = {}) => send("DELETE", `/logs/${at(id)}${queryText(query)}`);
